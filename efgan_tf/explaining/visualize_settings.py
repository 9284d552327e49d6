"""What is explained, which `python -m efgan_tf.visualize` makes flags of."""

import dataclasses

from efgan_tf import action_units
from efgan_tf.common.options import check_at_least, option, require
from efgan_tf.editing.editing_settings import PhotoConfig
from efgan_tf.editing.expression import (
    ExpressionTarget,
    make_target,
    parse_units,
)
from efgan_tf.editing.face_selection import parse_choice
from efgan_tf.trained.presets import DEFAULT

MAPS = ("smoothgrad", "gradcam", "gradcam++", "layercam", "scorecam")
"""Methods that say which pixels a unit is read from; one map for each unit."""

EDITS = ("attention", "residuals", "strip")
"""Methods that show an edit."""

METHODS = (*MAPS, "maximization", "regions", *EDITS)

NETWORKS = ("estimator", "critics")

_EXPRESSION = "surprised"


@dataclasses.dataclass(frozen=True)
class VisualizeConfig:
    """What is explained of which model on which face."""

    model: str = option(
        DEFAULT, "a trained run's folder, preset:NAME or a .keras file"
    )
    image: str = option("", "a photo with a face")
    out: str = option("", "folder to write: pictures, report.html, maps.npz")
    overwrite: bool = option(False, "replace the folder --out")
    face: str = option(
        "largest",
        "largest, left (left-most), a number from 0 (left to right), or a box "
        "x,y,width,height",
    )
    units: tuple[str, ...] = option(
        (), "only these units: AU12,AU04; all that were learned otherwise"
    )
    methods: tuple[str, ...] = option(METHODS, "what to draw")
    networks: tuple[str, ...] = option(
        (), "estimator, critics; both otherwise, where the model has both"
    )
    expression: str = option(
        "", f"of the edit that is shown; {_EXPRESSION} if --au is not given"
    )
    intensity: float = option(1.0, "how far that edit goes, as in edit")
    au: str = option("", "single units of that edit: AU12=3,AU06=2")
    samples: int = option(24, "noisy copies that SmoothGrad averages over")
    steps: int = option(24, "of activation maximization")
    seed: int = option(0, "of the noise")
    max_megapixels: float = option(100.0, "larger photos are refused")

    def __post_init__(self):
        require(bool(self.image), "give --image=PHOTO, a photo with a face")
        require(bool(self.out), "give --out=FOLDER, where to write")
        require(
            parse_choice(self.face).name != "all",
            "--face=all: one face is explained at a time; name which",
        )
        _check_known("methods", self.methods, METHODS)
        require(bool(self.methods), "--methods names nothing to draw")
        _check_known("networks", self.networks, NETWORKS)
        check_at_least(self, 1, "samples", "steps")
        check_at_least(self, 0, "seed")
        PhotoConfig(max_megapixels=self.max_megapixels)
        for name in self.units:
            action_units.canonical_name(name)
        self.target()

    def target(self) -> ExpressionTarget:
        """The edit whose stages are shown.

        Raises:
          UserError: an unknown name, or a value out of range.
        """
        expression = self.expression or (None if self.au else _EXPRESSION)
        return make_target(
            expression, self.intensity, units=parse_units(self.au)
        )


def _check_known(
    flag: str, names: tuple[str, ...], known: tuple[str, ...]
) -> None:
    for name in names:
        require(
            name in known,
            f"--{flag}: {name!r} is none of {', '.join(known)}",
        )
