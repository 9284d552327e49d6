"""What the student learns from: edits that are made once, before it learns."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from efgan_tf import action_units
from efgan_tf.common.images import to_float, to_uint8
from efgan_tf.common.progress import Progress
from efgan_tf.data import Faces
from efgan_tf.data.pipeline import training_batches
from efgan_tf.trained.network import TrainedNetwork

_BATCH = 16

_NAMED = 2
"""One edit in so many aims at an expression that users call by its name."""

_PART_WAY = 4
"""One edit in so many goes only part of the way: sliders stop anywhere."""


@dataclasses.dataclass(frozen=True, eq=False)
class Examples:
    """n edits. Pictures are uint8, which keeps them small; units 0-1.

    Attributes:
      images: uint8 `[n, size, size, 3]`, the sources.
      source: float32 `[n, 17]`, their units.
      target: float32 `[n, 17]`, the target units.
      results: uint8 `[n, size, size, 3]`, what the student should make.
    """

    images: np.ndarray
    source: np.ndarray
    target: np.ndarray
    results: np.ndarray

    def __len__(self) -> int:
        return len(self.images)

    def batches(self, size: int, seed: int) -> Iterator[dict[str, np.ndarray]]:
        """Endless batches of `size`, each round in another order.

        Pictures are float32 in [-1, 1]; the keys are the cascade's inputs and
        `"result"`.
        """
        generator = np.random.default_rng(seed)
        while True:
            order = generator.permutation(len(self))
            for start in range(0, len(self) - size + 1, size):
                rows = order[start : start + size]
                yield {
                    "image": to_float(self.images[rows]),
                    "source_action_units": self.source[rows],
                    "target_action_units": self.target[rows],
                    "result": to_float(self.results[rows]),
                }


def make_examples(
    teacher: TrainedNetwork,
    faces: Faces,
    count: int,
    seed: int,
    ground_truth_share: float = 0.0,
) -> Examples:
    """Edits of training faces to other faces' units and named expressions.

    Args:
      teacher: the trained model, which makes them.
      faces: the training split.
      count: how many edits.
      seed: of what is drawn.
      ground_truth_share: share of the examples whose target is what another
        picture of the same person shows, with that picture as the result.
        Where there is none the teacher makes it.
    """
    cascade = teacher.cascade_function("image")
    random, paired = (
        _drawn(faces, seed, pairing) for pairing in ("random", "paired")
    )
    generator = np.random.default_rng(seed)
    progress = Progress("examples", count)
    batches: list[tuple[np.ndarray, ...]] = []
    for number in range(-(-count // _BATCH)):
        before = int(number * ground_truth_share)
        use_truth = int((number + 1) * ground_truth_share) > before
        batch = next(paired if use_truth else random)
        images, source = batch["image"], batch["action_units"]
        target = batch["target_action_units"]
        known = batch["has_ground_truth"] > 0
        if not use_truth:
            named = _with_named(generator, target)
            target = np.where(teacher.info.au_mask > 0, named, target)
            strengths = _strengths(generator, len(source))
            target = source + (target - source) * strengths[:, None]
        results = batch["ground_truth"]
        if not known.all():
            edited = cascade(images, source, target)["image"].numpy()
            results = np.where(known[:, None, None, None], results, edited)
        batches.append((to_uint8(images), source, target, to_uint8(results)))
        progress.advance(min(_BATCH, count - number * _BATCH))
    progress.finish()
    parts = [
        np.concatenate(part)[:count] for part in zip(*batches, strict=True)
    ]
    return Examples(*parts)


def _drawn(faces: Faces, seed: int, pairing: str) -> Iterator[dict]:
    """Endless batches of the pipeline's, as NumPy arrays."""
    batches = training_batches(
        faces,
        batch_size=_BATCH,
        seed=seed,
        pairing=pairing,
        target_noise=0.1,
        flip=True,
    )
    for batch in batches.as_numpy_iterator():
        yield {name: value[0] for name, value in batch.items()}


def _with_named(
    generator: np.random.Generator, target: np.ndarray
) -> np.ndarray:
    """Target units, of which a share gives way to named expressions."""
    presets = np.stack(list(action_units.PRESETS.values()))
    chosen = action_units.normalize(
        presets[generator.integers(len(presets), size=len(target))]
    )
    named = generator.integers(_NAMED, size=len(target)) == 0
    return np.where(named[:, None], chosen, target)


def _strengths(generator: np.random.Generator, count: int) -> np.ndarray:
    """How far each example goes: 1 for most, anything from 0 for some."""
    part_way = generator.integers(_PART_WAY, size=count) == 0
    share = generator.uniform(size=count).astype(np.float32)
    return np.where(part_way, share, np.float32(1))
