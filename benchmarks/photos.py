"""How a model does on photographs, beside rendered people.

    python -m benchmarks.photos --judge=data/judges/DIGEST/units.keras

Photographs have no ground truth, so it reports what can be said without: how
far an edit that aims at what the face shows already changes its square, and,
for each expression, the share of the wanted change of units that an independent
judge sees (1 is all of it; `efgan_tf.evaluate` trains such a judge and keeps
it). The same of rendered people whom the model has never seen. --sheet draws
the photographs and their edits.

The photographs come with packages and are in the public domain: Eileen Collins
by NASA (scikit-image), Grace Hopper by the United States Navy (Matplotlib).
"""

import dataclasses
import io
import statistics
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from absl import flags
from PIL import Image

from benchmarks import harness
from efgan_tf import action_units, commands, config
from efgan_tf.common.options import option, require
from efgan_tf.synthetic.expressions import EXPRESSIONS
from efgan_tf.trained.presets import DEFAULT

TARGETS = {
    name: dict(zip(action_units.NAMES, units.tolist(), strict=True))
    for name, units in EXPRESSIONS.items()
    if name != "neutral"
}
"""Rendered people's expressions, for they are what is compared with."""


@dataclasses.dataclass(frozen=True)
class PhotosConfig:
    """What is measured."""

    model: str = option(DEFAULT, "trained model to edit with")
    judge: str = option("", "units.keras of a kept judge, of the model's size")
    people: int = option(12, "rendered people")
    seed: int = option(2001, "which people")
    sheet: str = option("", "picture to write: photographs and their edits")
    out: str = option("", harness.OUT)

    def __post_init__(self):
        require(bool(self.judge), "give --judge=units.keras")


def main(values: flags.FlagValues) -> None:
    """Runs the command."""
    settings = config.from_flags(values, PhotosConfig)
    report = harness.Report(settings.out)
    commands.import_tensorflow()
    import keras

    import efgan_tf

    editor = efgan_tf.load(settings.model)
    judge = keras.saving.load_model(settings.judge, compile=False)
    photos = _photographs()
    rendered = _rendered_people(settings.people, settings.seed)
    groups = {
        **{name: [photo] for name, photo in photos.items()},
        f"{len(rendered)} rendered people": rendered,
    }
    rows = []
    for name, pictures in groups.items():
        zero = statistics.mean(_zero_edit(editor, each) for each in pictures)
        seen = {
            expression: statistics.mean(
                _seen(editor, judge, each, target) for each in pictures
            )
            for expression, target in TARGETS.items()
        }
        rows.append({"": name, "zero edit (dB)": zero, **seen})
    report.add("Share of the wanted change that the judge sees", rows)
    report.write()
    if settings.sheet:
        _draw(editor, list(photos.values()), Path(settings.sheet))


def _photographs() -> dict[str, np.ndarray]:
    from matplotlib import cbook
    from skimage import data

    with cbook.get_sample_data("grace_hopper.jpg") as file:
        hopper = np.asarray(Image.open(file).convert("RGB"))
    return {"Eileen Collins": data.astronaut(), "Grace Hopper": hopper}


def _rendered_people(count: int, seed: int) -> list[np.ndarray]:
    from efgan_tf.synthetic.synthesis import SynthesizeConfig, make_subject

    settings = SynthesizeConfig(images_per_subject=1, size=512, seed=seed)
    rendered = [make_subject(settings, n)[0] for n in range(count)]
    return [np.asarray(Image.open(io.BytesIO(r.jpeg))) for r in rendered]


def _zero_edit(editor, photo: np.ndarray) -> float:
    """PSNR of the face's square after an edit to what it shows."""
    from efgan_tf.common.images import to_float
    from efgan_tf.evaluation.metrics import image_quality

    (face,) = editor.edit(photo, expression={}).faces
    before = to_float(face.aligned[None])
    return float(image_quality.psnr(face.edits.images[:, -1], before)[0])


def _seen(
    editor, judge, photo: np.ndarray, target: Mapping[str, float]
) -> float:
    """Share of the wanted change that the judge reads, along that change."""
    from efgan_tf.common.images import to_float

    (face,) = editor.edit(photo, target).faces
    pair = [to_float(face.aligned[None]), face.edits.images[:, -1]]
    before, after = action_units.denormalize(
        judge.predict(np.concatenate(pair), verbose=0)
    )
    wanted = face.target_action_units - face.source_action_units
    return float((after - before) @ wanted / (wanted @ wanted))


def _draw(editor, photos: list[np.ndarray], path: Path) -> None:
    """A row for each photo: itself, then every expression."""
    rows = []
    for photo in photos:
        (face,) = editor.edit(photo, expression={}).faces
        left, top, width, height = face.box
        side = 1.5 * max(width, height)
        corner = np.array([left + width / 2, top + height / 2]) - side / 2
        box = (*corner, *(corner + side))
        edits = (editor.edit(photo, each).image for each in TARGETS.values())
        pictures = [photo, *edits]
        rows.append(np.hstack([_tile(picture, box) for picture in pictures]))
    Image.fromarray(np.vstack(rows)).save(path, quality=90)
    print(f"drew {path}")


def _tile(picture: np.ndarray, box: tuple[float, ...]) -> np.ndarray:
    return np.asarray(Image.fromarray(picture).crop(box).resize((200, 200)))


if __name__ == "__main__":
    sys.exit(commands.run(main, PhotosConfig))
