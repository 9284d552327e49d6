"""Draws the pictures of docs/explain.md, by the commands that it shows.

    python docs/draw_explanations.py [RUN ...]

The photo: Eileen Collins by NASA (public domain, comes with scikit-image); the
rendered person is not among those that the model has seen. Of the runs that
are named, losses and scores are drawn, too.
"""

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from skimage import data

from efgan_tf import commands, plot, visualize
from efgan_tf.explaining.visualize_settings import VisualizeConfig
from efgan_tf.synthetic.synthesis import SynthesizeConfig, write_photos

IMAGES = Path(__file__).parent / "images"
UNITS = "AU02,AU04,AU45,AU12,AU17,AU26"
DRAWN = (
    "photo/regions", "rendered/attention", "rendered/residuals",
    "rendered/strip_mouth", "rendered/estimator_eyes",
    "rendered/estimator_mouth", "rendered/estimator_maximization",
    "runs/losses", "runs/scores",
)  # fmt: skip
_PERSON, _SEED = 3, 11
_MOST = 200_000  # bytes of a picture


def main(runs: list[str]) -> None:
    """Draws everything."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        photo = folder / "photo.png"
        Image.fromarray(data.astronaut()).save(photo)
        _explain(photo, folder / "photo", "--methods=regions")
        _explain(_render(folder), folder / "rendered", f"--units={UNITS}")
        if runs:
            _run(
                plot.main, plot.PlotConfig, *runs, f"--out={folder / 'runs'}",
                arguments=True,
            )  # fmt: skip
        for name in DRAWN if runs else [n for n in DRAWN if "runs" not in n]:
            kept = IMAGES / f"explain_{Path(name).name}.jpg"
            kept.write_bytes(_jpeg(folder / f"{name}.png"))
            print(f"{kept.name}: {kept.stat().st_size // 1000} kB")


def _explain(photo: Path, out: Path, *flags: str) -> None:
    _run(
        visualize.main, VisualizeConfig, f"--image={photo}", f"--out={out}",
        *flags,
    )  # fmt: skip


def _run(main, config, *argv: str, **keywords) -> None:
    """A command with these arguments, in this process."""
    if commands.run(main, config, argv=["docs", *argv], **keywords):
        raise SystemExit(f"failed: {argv}")


def _render(folder: Path) -> Path:
    """A smile of a rendered person."""
    config = SynthesizeConfig(
        subjects=1, images_per_subject=8, size=512, seed=_SEED,
        first_subject=_PERSON, workers=1,
    )  # fmt: skip
    made = write_photos(folder / "set", config, show_progress=False)
    (path,) = (made / "photos").glob("*happy.jpg")
    return path


def _jpeg(path: Path) -> bytes:
    """A picture as a JPEG that is not too large."""
    image = Image.open(path).convert("RGB")
    for quality in range(90, 40, -5):
        file = io.BytesIO()
        image.save(file, "jpeg", quality=quality, optimize=True)
        if file.tell() <= _MOST:
            break
    return file.getvalue()


if __name__ == "__main__":
    main(sys.argv[1:])
