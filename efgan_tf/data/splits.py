"""Who is trained on and who is kept for testing."""

import csv
import hashlib
from collections.abc import Collection, Iterable
from pathlib import Path

from efgan_tf.common.errors import UserError

SPLITS = ("train", "test")


def split_subjects(
    subjects: Iterable[str], held_out: float | Collection[str]
) -> dict[str, list[str]]:
    """Splits the subjects; none is on both sides.

    The subjects are ranked by a hash of their names and the first ones are
    held out: the outcome depends on who there is, not on their order or on how
    many pictures there are of each. From two subjects on, both sides get at
    least one, unless nobody is to be held out; a single one is trained on.

    Args:
      subjects: their names, repeated at will.
      held_out: share of the subjects to test on, between 0 and 1, 0 for none;
        or the names of exactly those who are tested on.

    Returns:
      Sorted names by split.

    Raises:
      UserError: `held_out` names none of the subjects, or all of them.
    """
    if not isinstance(held_out, int | float):
        return _named(set(subjects), set(held_out))
    ranked = sorted(set(subjects), key=_rank)
    count = round(len(ranked) * held_out)
    count = min(max(1, count), len(ranked) - 1) if ranked and held_out else 0
    return {"train": sorted(ranked[count:]), "test": sorted(ranked[:count])}


def _rank(subject: str) -> str:
    return hashlib.sha256(subject.encode()).hexdigest()


def _named(subjects: set[str], held_out: set[str]) -> dict[str, list[str]]:
    shares = {"train": subjects - held_out, "test": subjects & held_out}
    if not all(shares.values()):
        whom = "all" if shares["test"] else "none"
        raise UserError(
            f"--held_out_list names {whom} of the data's {len(subjects)} "
            "subjects; it must leave somebody on both sides"
        )
    return {name: sorted(group) for name, group in shares.items()}


def read_subjects(path: str | Path) -> frozenset[str]:
    """The subjects that a CSV file names in its column `subject`.

    Raises:
      UserError: it cannot be read, or names nobody.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = [row.get("subject") or "" for row in csv.DictReader(file)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} cannot be read: {error}") from error
    if not rows or not all(rows):
        raise UserError(f"{path} needs a column subject with a name a line")
    return frozenset(rows)
