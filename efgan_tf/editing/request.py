"""A request: what is wanted of which faces, before any model is loaded."""

import dataclasses

import numpy as np

from efgan_tf.editing.choice import FaceChoice
from efgan_tf.editing.editor import Editor
from efgan_tf.editing.results import Edited
from efgan_tf.editing.subjects import Subject, check_source
from efgan_tf.editing.wanted import Wish
from efgan_tf.errors import UserError


@dataclasses.dataclass(frozen=True, eq=False)
class Request:
    """What is wanted of which faces.

    Attributes:
      wish: the wish; its expression is still open if `from_photo` is given.
      choice: which faces.
      on_no_face: one of `subjects.ON_NO_FACE`.
      from_photo: a photo, uint8 `[height, width, 3]`, whose largest face
        shows the expression.
      source: `[17]`, 0–5, what the faces show, if it is known.
      stages: of the cascade; None: all.
    """

    wish: Wish
    choice: FaceChoice = FaceChoice()
    on_no_face: str = "error"
    from_photo: np.ndarray | None = None
    source: np.ndarray | None = None
    stages: int | None = None

    def settled(self, editor: Editor) -> "Request":
        """The request with the units of `from_photo` in its wish.

        Raises:
          UserError: that photo has no face, or the model has not learned one
            of the wish's units, has fewer stages, or lacks an estimator.
        """
        model = editor.model
        self.wish.check_learned(model.learned, model.name)
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
            wish=dataclasses.replace(self.wish, expression=units),
            from_photo=None,
        )

    def take(
        self, editor: Editor, photos: list[np.ndarray]
    ) -> list[Subject | UserError]:
        """The photos' subjects, or why one has none."""
        return editor.take(photos, self.choice, self.on_no_face, self.source)

    def grant(self, editor: Editor, subjects: list[Subject]) -> list[Edited]:
        """The subjects' edits."""
        return editor.grant(subjects, self.wish, self.stages)
