"""Which expression a judge sees, against the one that was wanted."""

from collections.abc import Sequence

import numpy as np

from efgan_tf.evaluation.metrics import checks


def confusion_matrix(
    wanted: Sequence[str], seen: Sequence[str], names: Sequence[str]
) -> np.ndarray:
    """How often each expression was taken for each.

    Args:
      wanted: n names.
      seen: n names.
      names: the c expressions, in the order of rows and columns.

    Returns:
      int64 `[c, c]`; rows are what was wanted.

    Raises:
      ValueError: no picture, unequal lengths, or a name that is not in
        `names`.
    """
    checks.same_length(wanted=wanted, seen=seen)
    if not len(wanted):
        raise ValueError("wanted is empty")
    place = {name: i for i, name in enumerate(names)}
    unknown = sorted({*wanted, *seen} - place.keys())
    if unknown:
        raise ValueError(f"{unknown} is none of names, {list(names)}")
    matrix = np.zeros((len(place), len(place)), np.int64)
    pairs = [place[x] for x in wanted], [place[x] for x in seen]
    np.add.at(matrix, pairs, 1)
    return matrix


def accuracy(confusion: np.ndarray) -> float:
    """Share of pictures whose expression was seen as wanted, 0–1.

    Args:
      confusion: of `confusion_matrix`.

    Raises:
      ValueError: it counts no picture.
    """
    if not np.sum(confusion) > 0:
        raise ValueError("confusion counts no picture")
    return float(np.trace(confusion) / np.sum(confusion))
