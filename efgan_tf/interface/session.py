"""One person's work with one photo; whatever page shows it.

The faces are found, aligned and read once. Every later change runs the cascade
alone, over those faces that are to look different, on a picture small enough
to be shown; only what is kept in the end is made in full size.
"""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from efgan_tf import action_units
from efgan_tf.common.errors import UserError
from efgan_tf.editing.aligned_photos import (
    AlignedPhoto,
    close_up,
    reduced,
)
from efgan_tf.editing.edit_drawing import animate, face_pictures
from efgan_tf.editing.editing_settings import ResultConfig
from efgan_tf.editing.editor import Editor, unwrap
from efgan_tf.editing.expression import (
    Expression,
    ExpressionTarget,
    load_expression,
    save_expression,
)
from efgan_tf.editing.face_selection import FaceChoice
from efgan_tf.editing.results import EditedPhoto
from efgan_tf.editing.single import ANIMATION_SIDE
from efgan_tf.faces import animations, documents
from efgan_tf.interface.uploads import named_as_by_its_owner, read_upload

SHOWN_SIDE = 1024
"""Photos are shrunk to this to be shown."""

PICTURE_SIDE = 192
"""Of the pictures of single faces and of what a cascade does."""

STEP = 0.1
"""Of the intensities that are shown; finer ones are kept until changed."""

_NO_ESTIMATOR = (
    "this model cannot tell what a face shows: it is taken for neutral"
)
_NO_FACE = "try a photo that shows a face from the front, large and well lit"


class Session:
    """A photo, its faces, and what they should show; `open_photo` makes it.

    Args:
      editor: edits.
      name: of the photo's file.
      document: the photo.
      aligned_photo: the same with all its faces, at least one.

    Attributes:
      expression_targets: of whole expressions, one for each face.
      selected: index of the face that changes apply to.
      stages: how many of the cascade's are run.
    """

    def __init__(
        self,
        editor: Editor,
        name: str,
        document: documents.Document,
        aligned_photo: AlignedPhoto,
    ):
        self._editor = editor
        self._name = name
        self._document = document
        self._aligned_photo = aligned_photo
        self._shown = reduced(aligned_photo, SHOWN_SIDE)
        self.expression_targets = [
            ExpressionTarget(face.source) for face in aligned_photo.faces
        ]
        areas = [face.face.area for face in aligned_photo.faces]
        self.selected = int(np.argmax(areas))
        self.stages = editor.model.stages

    @property
    def photo(self) -> np.ndarray:
        """The photo as it is shown: uint8 `[height, width, 3]`."""
        return self._shown.photo

    @property
    def notes(self) -> tuple[str, ...]:
        """What the visitor should know of the photo."""
        return self._aligned_photo.notes

    @property
    def expression_target(self) -> ExpressionTarget:
        """Of the selected face."""
        return self.expression_targets[self.selected]

    @property
    def source(self) -> np.ndarray:
        """`[17]`, 0–5, what the selected face shows in the photo."""
        return self._aligned_photo.faces[self.selected].source

    @property
    def _expression(self) -> np.ndarray:
        """`[17]`, 0–5, the whole expression of the selected face."""
        expression = self.expression_target.expression
        assert expression is not None
        return expression

    @property
    def target(self) -> np.ndarray:
        """`[17]`, 0–5, what the selected face should show."""
        return self._target(self.selected)

    def thumbnails(self) -> list[np.ndarray]:
        """A picture of every face, uint8 `[side, side, 3]`."""
        return [
            close_up(self._shown, index, PICTURE_SIDE).photo
            for index in range(len(self.expression_targets))
        ]

    def shown_units(self) -> list[float]:
        """The units that the sliders show for the selected face, in steps."""
        return [round(float(value), 1) for value in self._expression]

    def select(self, index: int) -> None:
        """Changes apply to this face from now on."""
        self.selected = range(len(self.expression_targets))[index]

    def use_stages(self, count: int) -> None:
        """Runs so many stages, which make larger steps if they are fewer.

        Raises:
          UserError: the model cannot.
        """
        self.stages = self._editor.model.checked_stages(count)

    def move(self, units: Sequence[float], intensity: float) -> None:
        """Sets the target from the sliders; unmoved ones stay exact."""
        values = np.asarray(units, np.float32)
        same = np.abs(values - self.shown_units()) < STEP / 2
        expression = np.where(same, self._expression, values)
        self._set(action_units.validate(expression), intensity)

    def show(self, expression: np.ndarray) -> None:
        """A whole expression `[17]`, 0–5, for the selected face."""
        self._set(action_units.validate(expression), 1.0)

    def show_preset(self, name: str) -> None:
        """One of `action_units.PRESETS`."""
        self.show(action_units.preset(name))

    def show_as_in(self, path: str | os.PathLike, max_pixels: int) -> None:
        """The expression of the largest face in another photo.

        Raises:
          UserError: that photo cannot be read, it has no face, or the model
            has no estimator.
        """
        document = read_upload(path, max_pixels)
        with named_as_by_its_owner(path):
            self.show(self._editor.estimate(document.pixels))

    def load(self, path: str | os.PathLike) -> None:
        """A saved expression.

        Raises:
          UserError: it cannot be read, or a value is out of range.
        """
        with named_as_by_its_owner(path):
            self.show(load_expression(path).target)

    def reset(self) -> None:
        """The selected face as it is in the photo."""
        self.show(self.source)

    def give_to_all(self) -> None:
        """Gives all faces the selected one's target."""
        self.expression_targets = [self.expression_target] * len(
            self.expression_targets
        )

    def edited(self) -> EditedPhoto:
        """The photo that is shown, after the edit.

        Faces that should look as they do are not touched.

        Raises:
          UserError: the model cannot be reached.
        """
        return self._edited(self._shown)

    def stage_pictures(self, edited: EditedPhoto) -> dict[str, np.ndarray]:
        """What the cascade did to the selected face: see `face_pictures`.

        Args:
          edited: of `edited`.

        Returns:
          Title → uint8 `[side, side, 3]`; nothing if it was not touched.
        """
        changed = self._changed()
        if self.selected not in changed:
            return {}
        return face_pictures(
            self._shown,
            self.selected,
            edited.faces[changed.index(self.selected)],
            edited.image,
            PICTURE_SIDE,
        )

    def write_photo(self, folder: str | os.PathLike) -> Path:
        """Writes the edited photo in full size, in the photo's own format.

        Raises:
          UserError: it cannot be written, or the model not be reached.
        """
        suffix = Path(self._name).suffix.lower()
        suffix = suffix if suffix in documents.SUFFIXES else ".png"
        path = self._path(folder, f"edited{suffix}")
        image = self._edited(self._aligned_photo).image
        documents.write_document(path, self._document, image)
        return path

    def write_animation(self, folder: str | os.PathLike) -> Path:
        """Writes a GIF from the photo to the edit and back.

        Raises:
          UserError: nothing is changed yet; as `write_photo`.
        """
        changed = self._changed()
        if not changed:
            raise UserError("nothing moves yet: change the expression first")
        frames = animate(
            self._editor,
            _only(reduced(self._aligned_photo, ANIMATION_SIDE), changed),
            [self._target(index) for index in changed],
            ResultConfig.frames,
            self.stages,
        )
        path = self._path(folder, "animated.gif")
        animations.write_animation(path, frames, ResultConfig.fps)
        return path

    def write_expression(self, folder: str | os.PathLike) -> Path:
        """Writes the selected face's expression, to be loaded again."""
        path = self._path(folder, "expression.json")
        expression = Expression(self.target, self.source)
        save_expression(path, expression, overwrite=True)
        return path

    def _set(self, expression: np.ndarray, intensity: float) -> None:
        self.expression_targets[self.selected] = ExpressionTarget(
            expression, intensity
        )

    def _target(self, index: int) -> np.ndarray:
        source = self._aligned_photo.faces[index].source
        return self._editor.reachable(source, self.expression_targets[index])

    def _changed(self) -> list[int]:
        """The faces that should look different."""
        return [
            index
            for index, face in enumerate(self._aligned_photo.faces)
            if not np.array_equal(self._target(index), face.source)
        ]

    def _edited(self, aligned_photo: AlignedPhoto) -> EditedPhoto:
        changed = self._changed()
        targets = [self._target(index) for index in changed]
        (edited,) = self._editor.render(
            [_only(aligned_photo, changed)], [targets], self.stages
        )
        return edited

    def _path(self, folder: str | os.PathLike, ending: str) -> Path:
        return Path(folder) / f"{Path(self._name).stem}_{ending}"


def open_photo(
    editor: Editor, path: str | os.PathLike, max_pixels: int
) -> Session:
    """Reads a photo and finds its faces.

    Where the model has no estimator, every face counts as neutral.

    Raises:
      UserError: it cannot be read, has more pixels, or shows no face that is
        large enough.
    """
    document, name = read_upload(path, max_pixels), Path(path).name
    knows = editor.model.has_estimator
    neutral = action_units.preset("neutral")
    (detected,) = editor.detect_and_align(
        [document.pixels],
        FaceChoice("all"),
        source=None if knows else neutral,
    )
    aligned_photo = unwrap(detected, name, _NO_FACE)
    notes = (
        aligned_photo.notes if knows else (*aligned_photo.notes, _NO_ESTIMATOR)
    )
    aligned_photo = dataclasses.replace(aligned_photo, notes=notes)
    return Session(editor, name, document, aligned_photo)


def _only(aligned_photo: AlignedPhoto, faces: Sequence[int]) -> AlignedPhoto:
    """The photo with some of its faces."""
    kept = tuple(aligned_photo.faces[index] for index in faces)
    return dataclasses.replace(aligned_photo, faces=kept)
