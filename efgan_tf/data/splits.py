"""Who is trained on and who is kept for testing."""

import hashlib
from collections.abc import Iterable

SPLITS = ("train", "test")


def split_subjects(
    subjects: Iterable[str], held_out: float
) -> dict[str, list[str]]:
    """Shares out the subjects, none to both sides.

    The subjects are ranked by a hash of their names and the first ones are
    held out: the outcome depends on who there is, not on their order or on how
    many pictures there are of each. From two subjects on, both sides get at
    least one, unless nobody is to be held out; a single one is trained on.

    Args:
      subjects: their names, repeated at will.
      held_out: share of the subjects to test on, between 0 and 1; 0 for none.

    Returns:
      Sorted names by split.
    """
    ranked = sorted(set(subjects), key=_rank)
    count = round(len(ranked) * held_out)
    count = min(max(1, count), len(ranked) - 1) if ranked and held_out else 0
    return {"train": sorted(ranked[count:]), "test": sorted(ranked[:count])}


def _rank(subject: str) -> str:
    return hashlib.sha256(subject.encode()).hexdigest()
