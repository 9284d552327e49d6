"""Several data sets as one pool, and the set of each row of a batch."""

import dataclasses
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from efgan_tf import action_units
from efgan_tf.data.pictures_on_disk import joined
from efgan_tf.data.prepared_faces import Faces, FacesPart, single_part


@dataclasses.dataclass(frozen=True, eq=False)
class Pool:
    """n samples of p data sets, one set after the other.

    Attributes:
      encoded: n PNG files.
      size: side of the pictures.
      action_units: float32 `[n, 17]`, 0–5.
      au_mask: float32 `[n, 17]`, 1 for the units that a sample's set has.
      groups: lists of samples that are ground truth for each other.
      starts: int64 `[p]`, the first sample of each set.
      counts: int64 `[p]`, how many it has.
      shares: float `[p]`, its share of every batch.
      rows: int64 `[p]`, the same in rows.
      layout: int64 `[batch]`, whose sample each row of a batch is.
      places: int64 `[batch]`, which of its set's rows it is, from 0.
    """

    encoded: Sequence[bytes]
    size: int
    action_units: np.ndarray
    au_mask: np.ndarray
    groups: Sequence[Sequence[int]]
    starts: np.ndarray
    counts: np.ndarray
    shares: np.ndarray
    rows: np.ndarray
    layout: np.ndarray
    places: np.ndarray


def pooled(faces: Faces | Sequence[FacesPart], batch_size: int) -> Pool:
    """Puts data sets together.

    Raises:
      ValueError: a set is empty, the sets' pictures differ in size, or their
        shares are no whole rows of the batch.
    """
    parts = single_part(faces) if isinstance(faces, Faces) else tuple(faces)
    sets = [part.faces for part in parts]
    counts = np.array([len(faces) for faces in sets], np.int64)
    if not len(sets) or not counts.all():
        raise ValueError("there are no faces to draw batches from")
    if len({faces.size for faces in sets}) > 1:
        raise ValueError("the data sets' pictures differ in size")
    rows = rows_of([part.share for part in parts], batch_size)
    starts = np.cumsum(counts) - counts
    layout = np.array(interleaved(rows), np.int64)
    in_set = layout[:, None] == np.arange(len(parts))
    return Pool(
        encoded=joined([faces.encoded for faces in sets]),
        size=sets[0].size,
        action_units=np.concatenate([faces.action_units for faces in sets]),
        au_mask=np.repeat(
            np.stack([faces.au_mask for faces in sets]), counts, axis=0
        ).astype(np.float32),
        groups=[
            [int(start) + index for index in group]
            for start, faces in zip(starts, sets, strict=True)
            for group in faces.groups()
        ],
        starts=starts,
        counts=counts,
        shares=np.array(rows) / batch_size,
        rows=np.array(rows, np.int64),
        layout=layout,
        places=(np.cumsum(in_set, axis=0) - 1)[np.arange(batch_size), layout],
    )


def mix_warnings(
    train: Sequence[FacesPart], held_out: Sequence[FacesPart]
) -> list[str]:
    """What the user should know of a mix, a line each.

    Args:
      train: the training split of each set.
      held_out: the test split of each, in the same order.
    """
    if len(train) == 1:
        return []
    masks = [part.faces.au_mask > 0 for part in train]
    lines = []
    for part, own in zip(train, masks, strict=True):
        lacking = np.flatnonzero(np.any(masks, axis=0) & ~own)
        if len(lacking):
            names = ", ".join(action_units.NAMES[unit] for unit in lacking)
            lines.append(
                f"{part.name} does not know {names}: masked in its samples"
            )
    for part in train:
        people = set(part.faces.subjects.tolist())
        for other in held_out:
            both = sorted(people & set(other.faces.subjects.tolist()))
            if part.name != other.name and both:
                lines.append(
                    f"warning: {part.name} trains on {len(both)} people with "
                    f"the names of people whom {other.name} holds out, "
                    f"{both[0]} for one; if they are the same, its scores are "
                    "not of unseen people"
                )
    return lines


def rows_of(shares: Sequence[Fraction], batch_size: int) -> list[int]:
    """How many rows of a batch each set has.

    Raises:
      ValueError: they are not whole, or not all rows of the batch.
    """
    rows = [share * batch_size for share in shares]
    if any(row.denominator != 1 for row in rows) or sum(rows) != batch_size:
        raise ValueError(
            f"shares {', '.join(map(str, shares))} are no whole rows of a "
            f"batch of {batch_size}"
        )
    return [int(row) for row in rows]


def interleaved(rows: Sequence[int]) -> list[int]:
    """The set of each row of a batch, the sets spread evenly over it.

    Among the first k rows every set has its share of k, rounded up or down.
    So a replica, which takes rows that follow each other, has exactly the
    sets' shares where those make whole rows of it, and else differs from them
    by less than two rows.

    The rule is that of fair scheduling (Baruah et al., 1996): the j-th row of
    a set may come from row ⌊(j − 1) / share⌋ on and must come before row
    ⌈j / share⌉; of the sets that may, the one that must come soonest comes.

    Args:
      rows: of each set, at least one.

    Returns:
      The number of a set for each of the `sum(rows)` rows.
    """
    total, assigned = sum(rows), [0] * len(rows)
    layout = []
    for row in range(total):
        _, chosen = min(
            (-(-(done + 1) * total // count), index)
            for index, (done, count) in enumerate(
                zip(assigned, rows, strict=True)
            )
            if done < count and done * total // count <= row
        )
        assigned[chosen] += 1
        layout.append(chosen)
    return layout
