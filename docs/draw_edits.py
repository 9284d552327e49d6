"""Draws the pictures of docs/editing.md, by the commands that it shows.

    python docs/draw_edits.py PHOTO [PHOTO ...]

The photos of the page are faker/female_32.jpg and faker/male_69.jpg, both
AI-generated (faker-js/assets-person-portrait, CC0) and held out from training;
python -m tools.photographs.rebuild makes them. A rendered person is drawn, too.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from efgan_tf import commands, edit
from efgan_tf.synthetic.synthesis import SynthesizeConfig, write_photos

IMAGES = Path(__file__).parent / "images"
EXPRESSIONS = ("neutral", "happy", "sad", "angry", "surprised")
_PERSON, _SEED = 3, 11  # not among those that the model has seen


def run(*arguments: str) -> None:
    """`python -m efgan_tf.edit` with these arguments, in this process."""
    argv = ["edit", *arguments, "--overwrite"]
    if commands.run(edit.main, *edit.CONFIGS, argv=argv):
        raise SystemExit(f"edit failed: {arguments}")


def main(photos: list[str]) -> None:
    """Draws everything."""
    with tempfile.TemporaryDirectory() as folder:
        copies = [Path(shutil.copy(photo, folder)) for photo in photos]
        rows = [_row(photo) for photo in (*copies, _rendered(Path(folder)))]
        sheet = Image.fromarray(np.concatenate(rows))
        sheet.save(IMAGES / "edit_before_after.jpg", quality=88)
    print(f"drew into {IMAGES}")


def _rendered(folder: Path) -> Path:
    config = SynthesizeConfig(
        subjects=1, images_per_subject=8, size=512, seed=_SEED,
        first_subject=_PERSON, workers=1,
    )  # fmt: skip
    made = write_photos(folder / "rendered", config, show_progress=False)
    (rendered,) = (made / "photos").glob("*neutral.jpg")
    _extras(rendered)
    return rendered


def _row(photo: Path) -> np.ndarray:
    """The photo and its edits to all expressions, side by side."""
    pictures = [photo]
    for expression in EXPRESSIONS:
        out = photo.with_name(f"{photo.stem}_{expression}.png")
        run(f"--image={photo}", f"--expression={expression}", f"--out={out}")
        pictures.append(out)
    tiles = [
        Image.open(picture).convert("RGB").resize((220, 220))
        for picture in pictures
    ]
    return np.concatenate([np.asarray(tile) for tile in tiles], axis=1)


def _extras(photo: Path) -> None:
    """Sheet, strip and animation of one photo."""
    run(
        f"--image={photo}", "--expression=surprised",
        f"--sheet={IMAGES / 'edit_sheet.png'}",
        f"--animate={IMAGES / 'edit_animation.webp'}",
    )  # fmt: skip
    run(
        f"--image={photo}", "--strip=AU12",
        f"--out={IMAGES / 'edit_strip.png'}",
    )  # fmt: skip


if __name__ == "__main__":
    if not sys.argv[1:]:
        raise SystemExit(__doc__)
    main(sys.argv[1:])
