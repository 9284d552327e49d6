"""The prepared faces of a split."""

import dataclasses
import fractions
from collections.abc import Sequence

import numpy as np

from efgan_tf import action_units


@dataclasses.dataclass(frozen=True, eq=False)
class Faces:
    """The aligned faces of one split.

    Pictures are kept encoded: 8,000 faces of 128×128 take some 200 MB as PNG.
    Those of a set that is too large stay on disk (`pictures_on_disk`).

    Attributes:
      encoded: n PNG files as `bytes`, RGB, `size` × `size`.
      action_units: float32 `[n, 17]`, 0–5.
      subjects: str `[n]`, who it is.
      expressions: str `[n]`, the expression's name; may be empty.
      views: str `[n]`, pose and light; pictures of one subject and view differ
        in their expression alone. Empty where that is not known.
      filenames: str `[n]`, the photos' names.
      au_mask: float32 `[17]`, 1 for the units that the data can teach: given
        and not constant.
      size: side of the pictures in pixels.
    """

    encoded: Sequence[bytes]
    action_units: np.ndarray
    subjects: np.ndarray
    expressions: np.ndarray
    views: np.ndarray
    filenames: np.ndarray
    au_mask: np.ndarray
    size: int

    def __post_init__(self):
        count = len(self.encoded)
        shapes = {
            "action_units": (count, action_units.COUNT),
            "subjects": (count,),
            "expressions": (count,),
            "views": (count,),
            "filenames": (count,),
            "au_mask": (action_units.COUNT,),
        }
        for name, shape in shapes.items():
            found = np.shape(getattr(self, name))
            if found != shape:
                raise ValueError(f"{name} is {found}, expected {shape}")

    def __len__(self) -> int:
        return len(self.encoded)

    def groups(self) -> list[list[int]]:
        """Samples that are ground truth for each other, group by group.

        Pictures of one subject in one view are. A picture without a view is
        alone: nothing says that the others have its pose and light.
        """
        groups: dict[tuple, list[int]] = {}
        keys = zip(self.subjects.tolist(), self.views.tolist(), strict=True)
        for index, (subject, view) in enumerate(keys):
            key = (subject, view) if view else (index,)
            groups.setdefault(key, []).append(index)
        return list(groups.values())

    def has_ground_truth(self) -> bool:
        """Whether any two pictures are ground truth for each other."""
        return any(len(group) > 1 for group in self.groups())


@dataclasses.dataclass(frozen=True, eq=False)
class FacesPart:
    """What a run draws from one data set.

    Attributes:
      name: of the data set, as `efgan_tf.config.DataPart` has it.
      share: of every batch that is drawn from it.
      faces: one of its splits.
    """

    name: str
    share: fractions.Fraction
    faces: Faces


def single_part(faces: Faces) -> tuple[FacesPart, ...]:
    """A single data set as the parts of a run."""
    return (FacesPart("", fractions.Fraction(1), faces),)
