"""What the columns of a CSV file are, and which tool wrote them."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from efgan_tf.common.csv_files import UnusableFile
from efgan_tf.common.errors import UserError
from efgan_tf.data.photo_names import some
from efgan_tf.data.tables import units
from efgan_tf.data.tables.units import Scale

GENERAL = "CSV"
LANDMARK_IMG = "OpenFace FaceLandmarkImg"
FEATURE_EXTRACTION = "OpenFace FeatureExtraction"
PY_FEAT = "py-feat"

# Columns that name the photo; if there are several, the first of these counts.
_NAMES = ("file", "filename", "image", "input", "name", "path")
_OTHERS = (
    "subject", "expression", "view", "confidence", "success", "frame", "face",
    "facerectx", "facerecty", "facerectwidth", "facerectheight", "facescore",
)  # fmt: skip

# AU12, au12, OpenFace's AU12_r (intensity) and AU12_c (presence).
_AU_COLUMN = re.compile(r"au0*(\d+)(_r|_c)?", re.IGNORECASE)

# The 68 landmarks of a face, as OpenFace and py-feat name them. Case counts:
# OpenFace's X_0 is a point in space, x_0 one of the picture.
_LANDMARKS = [[f"{axis}_{k}" for k in range(68)] for axis in "xy"]


@dataclasses.dataclass(frozen=True, eq=False)
class Columns:
    """The columns that are used, by their index.

    Attributes:
      header: names as they are written.
      tool: what wrote the file.
      scale: of the action units.
      units: index of each unit's column, by names as `AU01`, also of units
        that are none of the 17.
      others: index of all other columns, by names in lower case; `file` is
        the one that names the photo.
      landmarks: indices of the landmarks' x and of their y; empty if not all
        are there.
    """

    header: Sequence[str]
    tool: str
    scale: Scale
    units: Mapping[str, int]
    others: Mapping[str, int]
    landmarks: Sequence[Sequence[int]]

    @property
    def source(self) -> str:
        """What wrote the table, for people and for metadata."""
        plain = self.tool == GENERAL and self.scale is units.INTENSITY
        return self.tool if plain else f"{self.tool} {self.scale.name}"


def find_columns(header: Sequence[str], path: Path) -> Columns:
    """Finds the columns of a CSV file by their names.

    Raises:
      UnusableFile: there is no column of action units.
      UserError: two columns claim to be the same.
    """
    header = [name.strip() for name in header]
    while header and not header[-1]:
        header.pop()
    found, scale = _find_units(header, path)
    if not units.au_mask(found).any():
        raise UnusableFile(
            path,
            "has no column of action units such as AU12 or AU12_r (it has: "
            f"{some(header)})",
        )
    keys = [(name.lower(), index) for index, name in enumerate(header)]
    others = _unique(
        [(k, index) for k, index in keys if k in _NAMES or k in _OTHERS],
        header,
        path,
    )
    names = [others.pop(key) for key in _NAMES if key in others]
    if names:
        others["file"] = names[0]
    if {"facescore", "facerectx"} & others.keys():
        tool, scale = PY_FEAT, units.PROBABILITY
    elif {"frame", "success"} <= others.keys():
        tool = FEATURE_EXTRACTION
    elif {"face", "confidence"} <= others.keys():
        tool = LANDMARK_IMG
    else:
        tool = GENERAL
    places = {name: index for index, name in enumerate(header)}
    return Columns(
        header=header,
        tool=tool,
        scale=scale,
        units=found,
        others=others,
        landmarks=[[places[n] for n in axis] for axis in _LANDMARKS]
        if places.keys() >= {*_LANDMARKS[0], *_LANDMARKS[1]}
        else [],
    )


def _find_units(
    header: Sequence[str], path: Path
) -> tuple[dict[str, int], Scale]:
    """Columns of units; presence counts only where nothing else is there."""
    matches = [
        (index, match)
        for index, name in enumerate(header)
        if (match := _AU_COLUMN.fullmatch(name))
    ]
    measured = [m for m in matches if (m[1][2] or "").lower() != "_c"]
    found = _unique(
        [(f"AU{int(m[1]):02}", index) for index, m in measured or matches],
        header,
        path,
    )
    if measured:
        return found, units.INTENSITY
    known = {n: index for n, index in found.items() if n in units.INDICES}
    return known, units.PRESENCE


def _unique(
    keys: Sequence[tuple[str, int]], header: Sequence[str], path: Path
) -> dict[str, int]:
    """The index of each key.

    Raises:
      UserError: a key has two columns.
    """
    found: dict[str, int] = {}
    for key, index in keys:
        if found.setdefault(key, index) != index:
            raise UserError(
                f"{path} gives {key} twice, in the columns "
                f"{header[found[key]]!r} and {header[index]!r}; delete one"
            )
    return found


def check_same_kind(first: Columns, a: Path, second: Columns, b: Path) -> None:
    """Refuses tables of two kinds, whose numbers cannot be compared.

    Raises:
      UserError: the tools, the scales or the action units differ.
    """
    if first.source != second.source:
        raise UserError(
            f"{a} is of the kind {first.source} and {b} of the kind "
            f"{second.source}, which give different numbers for one photo; "
            "make all tables with one tool, with OpenFace FaceLandmarkImg"
        )
    differing = first.units.keys() ^ second.units.keys()
    if differing:
        raise UserError(
            f"{a} and {b} do not have the same action units "
            f"({some(sorted(differing))}); make all tables in the same way"
        )
