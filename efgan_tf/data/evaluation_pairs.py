"""Fixed pairs of pictures that a run is scored on."""

import hashlib
import itertools

import numpy as np

from efgan_tf import action_units
from efgan_tf.common.images import to_float
from efgan_tf.data.pictures import decode
from efgan_tf.data.prepared_faces import Faces


def evaluation_pairs(
    faces: Faces, count: int, seed: int
) -> dict[str, np.ndarray]:
    """Fixed pairs of source and ground truth, the subjects taking turns.

    Both pictures of a pair show one subject in one view. No pair comes twice,
    and which pairs a subject gives depends on the seed and its own pictures
    alone.

    Args:
      faces: a held-out split.
      count: how many pairs at most; fewer where the split has fewer.
      seed: which pairs.

    Returns:
      Arrays with the leading dimension n ≤ count, 0 where no subject has two
      pictures in one view: `image` and `ground_truth` float32
      `[n, size, size, 3]`, −1 to 1; `action_units` and `target_action_units`
      float32 `[n, 17]`, 0–1; `expression`, `target_expression`, `subject`
      str `[n]`; `has_ground_truth` bool `[n]`, true for all.
    """
    per_subject: dict[str, list[list[int]]] = {}
    for group in faces.groups():
        if len(group) > 1:
            subject = str(faces.subjects[group[0]])
            per_subject.setdefault(subject, []).append(group)
    drawn = [
        _drawn_pairs(groups, count, f"{seed}/{subject}")
        for subject, groups in sorted(per_subject.items())
    ]
    turns = itertools.chain(*itertools.zip_longest(*drawn))
    pairs = list(filter(None, turns))[:count]
    source, target = np.array(pairs, int).reshape(-1, 2).T
    units = action_units.normalize(faces.action_units).astype(np.float32)

    def images(indices: np.ndarray) -> np.ndarray:
        chosen = [faces.encoded[index] for index in indices]
        return to_float(decode(chosen, faces.size))

    return {
        "image": images(source),
        "action_units": units[source],
        "ground_truth": images(target),
        "target_action_units": units[target],
        "expression": faces.expressions[source],
        "target_expression": faces.expressions[target],
        "subject": faces.subjects[source],
        "has_ground_truth": np.ones(len(source), bool),
    }


def _drawn_pairs(
    groups: list[list[int]], count: int, key: str
) -> list[tuple[int, int]]:
    """Up to `count` different ordered pairs from within the groups."""
    digest = hashlib.sha256(key.encode()).digest()
    generator = np.random.default_rng(int.from_bytes(digest[:8], "big"))
    begins = np.cumsum(
        [0] + [len(group) * (len(group) - 1) for group in groups]
    )
    total = int(begins[-1])
    pairs = []
    for number in generator.choice(total, min(total, count), replace=False):
        which = int(np.searchsorted(begins, number, side="right")) - 1
        group = groups[which]
        first, step = divmod(int(number - begins[which]), len(group) - 1)
        pairs.append((group[first], group[(first + 1 + step) % len(group)]))
    return pairs
