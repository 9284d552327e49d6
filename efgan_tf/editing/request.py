"""A request: the faces to edit and their target expression, without a model."""

import dataclasses

import numpy as np

from efgan_tf.common.errors import UserError
from efgan_tf.editing.aligned_photos import check_source
from efgan_tf.editing.editor import Editor
from efgan_tf.editing.expression import ExpressionTarget
from efgan_tf.editing.face_selection import FaceChoice


@dataclasses.dataclass(frozen=True, eq=False)
class Request:
    """The faces to edit and their target expression.

    Attributes:
      target: what to edit to; its expression is open if `from_photo` is given.
      choice: which faces.
      on_no_face: one of `aligned_photos.ON_NO_FACE`.
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
        self.target.check_learned(model.learned, model.name)
        model.checked_stages(self.stages)
        check_source(model, self.source)
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
