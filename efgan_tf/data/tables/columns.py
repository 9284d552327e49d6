"""What the columns of a CSV file are, and which tool wrote them."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from efgan_tf.data.labels import some
from efgan_tf.data.tables import units
from efgan_tf.data.tables.files import Unusable
from efgan_tf.data.tables.units import Scale
from efgan_tf.errors import UserError

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

# The 68 landmarks of a face, as OpenFace and py-feat name them.
_LANDMARKS = 68


@dataclasses.dataclass(frozen=True, eq=False)
class Columns:
    """Where everything is that we use.

    Attributes:
      header: names as they are written.
      tool: what wrote the file.
      scale: of the action units.
      units: column of each unit, by names as `AU01`, also of units that are
        none of the 17.
      others: columns of all else, by names in lower case; `file` is the one
        that names the photo.
      landmarks: columns of the landmarks' x and of their y; empty if not all
        are there.
    """

    header: Sequence[str]
    tool: str
    scale: Scale
    units: Mapping[str, int]
    others: Mapping[str, int]
    landmarks: tuple[Sequence[int], Sequence[int]]

    @property
    def source(self) -> str:
        """What wrote the table, for people and for metadata."""
        plain = self.tool == GENERAL and self.scale is units.INTENSITY
        return self.tool if plain else f"{self.tool} {self.scale.name}"


def find_columns(header: Sequence[str], path: Path) -> Columns:
    """Finds the columns of a CSV file by their names.

    Raises:
      Unusable: there is no column of action units.
      UserError: two columns claim to be the same.
    """
    header = [name.strip() for name in header]
    while header and not header[-1]:
        header.pop()
    found, suffixes = _find_units(header, path)
    if not any(units.index(name) is not None for name in found):
        raise Unusable(
            path,
            "has no column of action units such as AU12 or AU12_r (it has: "
            f"{some(header)})",
        )
    places: dict[str, int] = {}
    for place, name in enumerate(header):
        key = name.lower()
        if key in _NAMES or key in _OTHERS:
            _claim(places, key, place, header, path)
    names = [key for key in _NAMES if key in places]
    others = {key: places[key] for key in _OTHERS if key in places}
    if names:
        others["file"] = places[names[0]]
    tool = _tool(others)
    scale = units.PRESENCE if "_c" in suffixes else units.INTENSITY
    if tool == PY_FEAT:
        scale = units.PROBABILITY
    return Columns(
        header=header,
        tool=tool,
        scale=scale,
        units=found,
        others=others,
        landmarks=_find_landmarks(header),
    )


def _find_units(
    header: Sequence[str], path: Path
) -> tuple[dict[str, int], set[str]]:
    """Columns of units, and which suffixes they have.

    Presence counts only where there is nothing better.
    """
    matches = [
        (place, match)
        for place, name in enumerate(header)
        if (match := _AU_COLUMN.fullmatch(name))
    ]
    better = [m for m in matches if (m[1][2] or "").lower() != "_c"]
    found: dict[str, int] = {}
    for place, match in better or matches:
        _claim(found, f"AU{int(match[1]):02}", place, header, path)
    if not better:
        found = {n: p for n, p in found.items() if units.index(n) is not None}
    return found, {(m[2] or "").lower() for _, m in better or matches}


def _claim(
    places: dict[str, int],
    key: str,
    place: int,
    header: Sequence[str],
    path: Path,
) -> None:
    if key in places:
        raise UserError(
            f"{path} gives {key} twice, in the columns "
            f"{header[places[key]]!r} and {header[place]!r}; delete one"
        )
    places[key] = place


def _tool(others: Mapping[str, int]) -> str:
    has = others.keys()
    if "facescore" in has or "facerectx" in has:
        return PY_FEAT
    if {"frame", "success"} <= has:
        return FEATURE_EXTRACTION
    if {"face", "confidence"} <= has:
        return LANDMARK_IMG
    return GENERAL


def _find_landmarks(
    header: Sequence[str],
) -> tuple[Sequence[int], Sequence[int]]:
    # Case counts: OpenFace's X_0 is a point in space, x_0 one of the picture.
    places = {name: place for place, name in enumerate(header)}
    try:
        xs, ys = (
            [places[f"{axis}_{k}"] for k in range(_LANDMARKS)] for axis in "xy"
        )
    except KeyError:
        return [], []
    return xs, ys


def check_alike(first: Columns, a: Path, second: Columns, b: Path) -> None:
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


def check_names(columns: Columns, path: Path) -> None:
    """Refuses a file whose photos have neither a name nor a number.

    Raises:
      UserError: there is no column that names the photos.
    """
    if "file" not in columns.others:
        raise UserError(
            f"{path} has no column 'file' with the photos' names; it has: "
            f"{some(columns.header)}"
        )
