"""A request: the faces to edit and their target expression, without a model."""

import dataclasses

import numpy as np

from efgan_tf import action_units
from efgan_tf.common.errors import UserError
from efgan_tf.common.options import require
from efgan_tf.editing.editing_settings import (
    FaceConfig,
    PhotoConfig,
    ResultConfig,
    TargetConfig,
)
from efgan_tf.editing.editor import Editor
from efgan_tf.editing.expression import (
    ExpressionTarget,
    load_expression,
    make_target,
    parse_units,
)
from efgan_tf.editing.face_selection import FaceChoice, parse_choice
from efgan_tf.faces import documents


@dataclasses.dataclass(frozen=True, eq=False)
class Request:
    """The faces to edit and their target expression.

    Attributes:
      target: what to edit to; its expression is open if `from_photo` is given.
      choice: which faces.
      on_no_face: one of `face_selection.ON_NO_FACE`.
      from_photo: a photo, uint8 `[height, width, 3]`, whose largest face
        shows the expression.
      source: `[17]`, 0–5, what the faces show, if it is known.
      stages: of the cascade; None: all.
    """

    target: ExpressionTarget
    choice: FaceChoice = FaceChoice()
    on_no_face: str = "error"
    from_photo: np.ndarray | None = None
    source: np.ndarray | None = None
    stages: int | None = None

    def resolve(self, editor: Editor) -> "Request":
        """The request with the units of `from_photo` in its target.

        Raises:
          UserError: that photo has no face, or the model has not learned one
            of the target's units, has fewer stages, or lacks an estimator.
        """
        model = editor.model
        self.target.check_learned(model.au_mask, model.name)
        model.checked_stages(self.stages)
        if self.source is None:
            model.check_estimator()
        if self.from_photo is None:
            return self
        if not model.has_estimator:
            raise UserError(
                f"--from_photo: {model.name} has no estimator, which would "
                "tell what that photo shows; use --expression or --au"
            )
        try:
            units = editor.estimate(self.from_photo)
        except UserError as error:
            raise UserError(f"--from_photo: {error}") from error
        return dataclasses.replace(
            self,
            target=dataclasses.replace(self.target, expression=units),
            from_photo=None,
        )


def make_request(
    photo: PhotoConfig,
    target: TargetConfig,
    faces: FaceConfig,
    result: ResultConfig,
) -> Request:
    """The request that settings make, as far as it is known without a model.

    Raises:
      UserError: no target is given or more than one, a name is unknown, a
        value is out of range, or a file cannot be read.
    """
    wanted = _strip_target(target, result) if result.strip else _target(target)
    from_photo = None
    if target.from_photo:
        document = documents.read_document(target.from_photo, photo.max_pixels)
        from_photo = document.pixels
    return Request(
        target=wanted,
        choice=parse_choice(faces.face),
        on_no_face=faces.on_no_face,
        from_photo=from_photo,
        source=_units(target.source_au),
        stages=target.stages or None,
    )


def _target(target: TargetConfig) -> ExpressionTarget:
    whole = {
        f"--{name}": getattr(target, name)
        for name in ("expression", "from_photo", "load_expression")
        if getattr(target, name)
    }
    require(
        len(whole) <= 1,
        f"{' and '.join(whole)} are two targets; give one, and single units "
        "with --au",
    )
    require(
        bool(whole or target.au),
        "say what is wanted: --expression=happy, --au=AU12=3, "
        "--from_photo=FILE or --load_expression=FILE",
    )
    vector = None
    if target.from_photo:
        # Until the model has estimated what it shows.
        vector = action_units.preset("neutral")
    if target.load_expression:
        saved = load_expression(target.load_expression)
        vector = saved.change if target.relative else saved.target
    return make_target(
        target.expression or None,
        target.intensity,
        target.relative,
        parse_units(target.au, target.relative),
        vector,
    )


def _strip_target(
    target: TargetConfig, result: ResultConfig
) -> ExpressionTarget:
    """A strip goes through all intensities of its unit, and of no other."""
    for flag in (
        "expression", "au", "from_photo", "load_expression", "relative",
        "intensity",
    ):  # fmt: skip
        require(
            getattr(target, flag) == getattr(TargetConfig, flag),
            f"--strip={result.strip} shows that unit from 0 to 5; leave "
            f"--{flag} out",
        )
    return make_target({result.strip: action_units.MAX_INTENSITY})


def _units(text: str):
    return action_units.to_vector(action_units.parse(text)) if text else None
