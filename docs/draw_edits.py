"""Draws the pictures of docs/editing.md, by the commands that it shows.

    python docs/draw_edits.py

The photos: Eileen Collins by NASA (public domain, comes with scikit-image), and
a rendered person.
"""

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

from efgan_tf import commands, edit
from efgan_tf.synthetic.photos import SynthesizeConfig, write_photos

IMAGES = Path(__file__).parent / "images"
EXPRESSIONS = ("neutral", "happy", "sad", "angry", "surprised")
_PERSON, _SEED = 3, 11  # not among those that the model has seen


def run(*arguments: str) -> None:
    """`python -m efgan_tf.edit` with these arguments, in this process."""
    argv = ["edit", *arguments, "--overwrite"]
    if commands.run(edit.main, *edit.CONFIGS, argv=argv):
        raise SystemExit(f"edit failed: {arguments}")


def main() -> None:
    """Draws everything."""
    with tempfile.TemporaryDirectory() as folder:
        photo, rendered = _photos(Path(folder))
        rows = [_row(photo, (120, 20, 340, 240)), _row(rendered, None)]
        sheet = Image.fromarray(np.concatenate(rows))
        sheet.save(IMAGES / "edit_before_after.jpg", quality=88)
    print(f"drew into {IMAGES}")


def _photos(folder: Path) -> tuple[Path, Path]:
    photo = folder / "photo.png"
    Image.fromarray(data.astronaut()).save(photo)
    config = SynthesizeConfig(
        subjects=1, images_per_subject=8, size=512, seed=_SEED,
        first_subject=_PERSON, workers=1,
    )  # fmt: skip
    made = write_photos(folder / "rendered", config, show_progress=False)
    (rendered,) = (made / "photos").glob("*neutral.jpg")
    _extras(rendered)
    return photo, rendered


def _row(photo: Path, crop: tuple[int, int, int, int] | None) -> np.ndarray:
    """The photo and its edits to all expressions, side by side."""
    pictures = [photo]
    for expression in EXPRESSIONS:
        out = photo.with_name(f"{photo.stem}_{expression}.png")
        run(f"--image={photo}", f"--expression={expression}", f"--out={out}")
        pictures.append(out)
    tiles = [
        Image.open(picture).convert("RGB").crop(crop).resize((220, 220))
        if crop
        else Image.open(picture).convert("RGB").resize((220, 220))
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
    main()
