"""The scores of a run's edits on disk, for comparing it with other runs."""

import dataclasses
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from efgan_tf.common.errors import UserError
from efgan_tf.evaluation.columns import LARGE
from efgan_tf.evaluation.scoring import PictureScores


@dataclasses.dataclass(frozen=True, eq=False)
class SavedScores:
    """The scores of a run's edits, for comparing it with other runs.

    Attributes:
      scores: of `picture_scores`.
      subjects: str `[n]`, who is in each pair.
      large: bool `[n]`, which pairs are large changes.
    """

    scores: Mapping[str, PictureScores]
    subjects: np.ndarray
    large: np.ndarray

    def rows(self, subset: str) -> np.ndarray:
        """Bool `[n]`: the pairs of `ALL` or `LARGE`."""
        return self.large if subset == LARGE else np.ones(len(self.large), bool)

    def write(self, path: Path) -> None:
        """Writes an `.npz`."""
        arrays = {"subjects": self.subjects, "large": self.large}
        for name, score in self.scores.items():
            arrays[f"values/{name}"] = score.values
            arrays[f"rows/{name}"] = score.rows
        np.savez_compressed(path, **arrays)  # type: ignore[arg-type]

    @classmethod
    def read(cls, path: Path) -> "SavedScores":
        """What `write` wrote.

        Raises:
          UserError: it is missing or damaged.
        """
        try:
            with np.load(path, allow_pickle=False) as arrays:
                names = [
                    name.removeprefix("values/")
                    for name in arrays.files
                    if name.startswith("values/")
                ]
                scores = {
                    name: PictureScores(
                        arrays[f"values/{name}"], arrays[f"rows/{name}"]
                    )
                    for name in names
                }
                return cls(scores, arrays["subjects"], arrays["large"])
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise UserError(
                f"{path} cannot be read ({error}); evaluate that run anew"
            ) from error
