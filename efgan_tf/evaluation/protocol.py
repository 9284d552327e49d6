"""Which edits a model is judged by: every source times the expressions.

The sources are pictures of people who were held out. For each expression that
the data knows, the target is another picture of the same person in the same
view where there is one: then the ground truth is known. Where there is none,
the target is the mean of the expression's units over the training split. Where
no expression has a name, the targets are the person's other pictures in the
same view; where there are none either, the units of training pictures.
"""

import collections
import dataclasses
from typing import NamedTuple

import numpy as np

from efgan_tf.common.errors import UserError
from efgan_tf.common.images import to_float
from efgan_tf.data.pictures import decode
from efgan_tf.data.prepared_faces import Faces
from efgan_tf.trained.model import BATCH_SIZE, EditingModel

UNNAMED = ("", "random")
"""Expressions that are no names; nothing is classified as them."""

_SEED = 0
_SMALLEST_CLASS = 5
_DRAWN_TARGETS = 4
"""How many training pictures' units are targets where nothing else is known."""


@dataclasses.dataclass(frozen=True, eq=False)
class Pairs:
    """n edits to be made. Images are in [-1, 1], units 0–5.

    Attributes:
      images: float32 `[n, S, S, 3]`, the sources.
      source: float32 `[n, 17]`, their units as the data says.
      target: float32 `[n, 17]`, the units of the target.
      ground_truth: float32 `[n, S, S, 3]`, the ground truth; zeros where
        `has_ground_truth` is 0.
      has_ground_truth: bool `[n]`.
      expressions: str `[n]`, the target expression; empty if it has no name.
      subjects: str `[n]`, who it is.
      source_index: int `[n]`, which held-out picture the source is: it comes
        once for each edit.
      ground_truth_index: int `[n]`, which one shows it; −1 where none does.
    """

    images: np.ndarray
    source: np.ndarray
    target: np.ndarray
    ground_truth: np.ndarray
    has_ground_truth: np.ndarray
    expressions: np.ndarray
    subjects: np.ndarray
    source_index: np.ndarray
    ground_truth_index: np.ndarray

    def __len__(self) -> int:
        return len(self.images)

    def chosen(self, rows: np.ndarray | slice) -> "Pairs":
        """Some of the pairs, by a mask, by indices or by a slice."""
        return Pairs(
            **{
                field.name: getattr(self, field.name)[rows]
                for field in dataclasses.fields(self)
            }
        )

    def large_gaps(self, au_mask: np.ndarray) -> np.ndarray:
        """Bool `[n]`: the third with the largest change of expression.

        Args:
          au_mask: float32 `[17]`, 1 for the units that count.
        """
        gaps = np.linalg.norm((self.target - self.source) * au_mask, axis=1)
        return gaps >= np.quantile(gaps, 2 / 3)


def expressions_of(faces: Faces) -> tuple[str, ...]:
    """Names of the expressions of which there are at least five pictures."""
    names, counts = np.unique(faces.expressions, return_counts=True)
    return tuple(
        name
        for name, count in zip(names.tolist(), counts.tolist(), strict=True)
        if name not in UNNAMED and count >= _SMALLEST_CLASS
    )


def expression_labels(
    expressions: np.ndarray, names: tuple[str, ...]
) -> np.ndarray:
    """Expressions, all of them in `names` → their places there, int32 `[n]`."""
    return np.array([names.index(n) for n in expressions.tolist()], np.int32)


def make_pairs(held_out: Faces, train: Faces, most: int) -> Pairs:
    """Every held-out picture times the expressions.

    Args:
      held_out: the test split.
      train: the training split; has the expressions.
      most: how many pairs at most; drawn evenly over people if there are
        more.

    Raises:
      UserError: nobody is held out.
    """
    if not len(held_out):
        raise UserError(
            "nobody is held out, so there is nothing to judge edits by; "
            "prepare data of at least two subjects"
        )
    chosen = _by_expression(held_out, train) or _drawn(held_out, train)
    chosen = _evenly(chosen, held_out.subjects, most)
    source = np.array([pair.source for pair in chosen])
    other = np.array([pair.ground_truth for pair in chosen])
    images = to_float(decode(held_out.encoded, held_out.size))
    has_ground_truth = other >= 0
    return Pairs(
        images=images[source],
        source=held_out.action_units[source],
        target=np.stack([pair.target for pair in chosen]),
        ground_truth=np.where(
            has_ground_truth[:, None, None, None], images[other], 0
        ),
        has_ground_truth=has_ground_truth,
        expressions=np.array([pair.expression for pair in chosen], np.str_),
        subjects=held_out.subjects[source],
        source_index=source,
        ground_truth_index=other,
    )


class _Pair(NamedTuple):
    """One pair: numbers of pictures, `ground_truth` −1 where there is none."""

    source: int
    ground_truth: int
    target: np.ndarray
    expression: str


def _by_expression(held_out: Faces, train: Faces) -> list[_Pair]:
    names = expressions_of(train)
    means = {
        name: train.action_units[train.expressions == name].mean(0)
        for name in names
    }
    pairs = []
    for group in held_out.groups():
        shown = {held_out.expressions[i]: i for i in reversed(group)}
        for source in group:
            if not names:  # no expression has a name: every other picture
                pairs += [
                    _Pair(source, other, held_out.action_units[other], "")
                    for other in group
                    if other != source
                ]
            for name in names:
                other = shown.get(name, -1)
                if other == source:
                    continue
                units = (
                    held_out.action_units[other] if other >= 0 else means[name]
                )
                pairs.append(_Pair(source, other, units, name))
    return pairs


def _drawn(held_out: Faces, train: Faces) -> list[_Pair]:
    """Every source to the units of a few training pictures."""
    generator = np.random.default_rng(_SEED)
    return [
        _Pair(source, -1, train.action_units[target], "")
        for source in range(len(held_out))
        for target in generator.integers(len(train), size=_DRAWN_TARGETS)
    ]


def _evenly(pairs: list[_Pair], subjects: np.ndarray, most: int) -> list[_Pair]:
    """At most so many, the people taking turns, in the given order."""
    if len(pairs) <= most:
        return pairs
    order = np.random.default_rng(_SEED).permutation(len(pairs))
    turns: collections.Counter[str] = collections.Counter()
    turn = {}
    for index in order.tolist():
        subject = subjects[pairs[index].source]
        turn[index] = turns[subject]
        turns[subject] += 1
    ranked = sorted(turn, key=turn.__getitem__)
    return [pairs[index] for index in sorted(ranked[:most])]


def edit_faces(
    model: EditingModel,
    images: np.ndarray,
    source: np.ndarray,
    target: np.ndarray,
) -> np.ndarray:
    """The last stage's pictures.

    Args:
      model: that edits.
      images: float32 `[n, S, S, 3]` in [-1, 1].
      source: `[n, 17]`, 0–5.
      target: `[n, 17]`, 0–5.

    Returns:
      float32 `[n, S, S, 3]`.

    Raises:
      UserError: a pixel is not finite.
    """
    edited = np.empty_like(images)
    for start in range(0, len(images), BATCH_SIZE):
        part = slice(start, start + BATCH_SIZE)
        made = model.edit(images[part], source[part], target[part])
        edited[part] = made.images[:, -1]
    if not np.isfinite(edited).all():
        raise UserError(
            f"edits of {model.name} are not finite numbers: its weights are "
            "broken; go back to an older checkpoint"
        )
    return edited
