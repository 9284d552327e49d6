"""Who and what a photo shows, read from its file name alone."""

import dataclasses
import importlib
import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

from efgan_tf.common.errors import UserError
from efgan_tf.config import DataConfig
from efgan_tf.faces.photos import SUFFIXES

_NAMED = 5  # of many things, so many are named

# Of `260_19.png.jpg`, both suffixes.
_SUFFIXES = re.compile(
    f"({'|'.join(re.escape(suffix) for suffix in sorted(SUFFIXES))})+",
    re.IGNORECASE,
)


@dataclasses.dataclass(frozen=True)
class NameLabel:
    """What is known of a photo.

    Attributes:
      subject: who it is.
      expression: its name.
      view: pose and gaze; pictures of one subject and view differ in their
        expression alone.
      alias: another name that a table of action units may know it by.
    """

    subject: str
    expression: str
    view: str
    alias: str | None = None


@dataclasses.dataclass(frozen=True)
class Selection:
    """Which photos of a folder are used, and why the others are not.

    Attributes:
      labels: of the chosen photos, by path below the folder, in the order in
        which the photos were given.
      passed_over: how many photos of the set were not asked for, by reason.
      unknown_names: (file, reason) of each that is none of the set's photos or
        the same as another. Details of a reason stand in brackets.
      counts: lines for people: what there is, and what was published.
      warnings: what the user should know.
    """

    labels: dict[str, NameLabel]
    passed_over: dict[str, int]
    unknown_names: list[tuple[str, str]]
    counts: list[str]
    warnings: list[str]


@dataclasses.dataclass(frozen=True)
class PhotoSet:
    """A published set of photos whose file names say what they show.

    Attributes:
      read_name: path of a file → what its name says; None if it is no photo
        of the set.
      select: chooses among the paths below a folder; raises a `UserError` if
        there is no photo of the set.
      help: where to request the set, and which flags to pass.
      settings: fields of `DataConfig` that `select` depends on.
    """

    read_name: Callable[[str], Hashable | None]
    select: Callable[[Sequence[str], DataConfig], Selection]
    help: str
    settings: tuple[str, ...] = ()


def photo_set(name: str) -> PhotoSet:
    """The `PHOTO_SET` of efgan_tf/data/NAME.py, one of `config.PHOTO_SETS`."""
    return importlib.import_module(f"efgan_tf.data.{name}").PHOTO_SET


def bare_name(file: str) -> str | None:
    """`"sub/Rafd090_28.JPG"` → `"Rafd090_28"`; None if it is no photo's."""
    name = file.replace("\\", "/").rpartition("/")[2]
    stem, dot, rest = name.partition(".")
    return stem if stem and _SUFFIXES.fullmatch(dot + rest) else None


def none_named(files: Sequence[str], example: str, help: str) -> UserError:
    """The error if no photo of a folder is named like the example."""
    if not files:
        return UserError(f"there are no photos; {help}")
    return UserError(
        f"none of the {len(files):,} photos has a name such as {example}, the "
        f"first is {files[0]!r}; {help}"
    )


def repeated(names: Mapping[str, Hashable]) -> dict[str, str]:
    """Why each file whose name has the same meaning as another's is left out.

    Of those, the first in alphabetical order stays.
    """
    first: dict[Hashable, str] = {}
    reasons = {}
    for file in sorted(names):
        kept = first.setdefault(names[file], file)
        if kept != file:
            reasons[file] = f"the same as another photo ({kept})"
    return reasons


def some(things: Iterable[str]) -> str:
    """`"a, b, c, d, e and 3 more"`."""
    things = list(things)
    text = ", ".join(things[:_NAMED])
    more = len(things) - _NAMED
    return f"{text} and {more} more" if more > 0 else text
