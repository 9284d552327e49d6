"""Batches for training, drawn from faces in memory.

A batch is a pure function of (seed, batch index, batch size): nothing
is shuffled through a buffer and no generator has a state. So a resumed run
sees exactly the batches that an uninterrupted one would have, and so do any
number of replicas.

The data sets of a run are one `Pool` of n samples. For b rows of a batch there
are drawn, as int64 `[b]` of sample numbers from 0 to n − 1:

- `source`. Each data set has its share of the rows of every batch and fills
  them from an endless stream of its own: epoch after epoch, each a permutation
  of all its samples. Batches run across the borders of epochs.
- `other`, another sample: of any set by the sets' shares, or of the source's
  own set (`mix_targets`). Its action units plus uniform noise, clipped to
  0–1, are the random target. Units that are masked, in the source's data set
  or in the other sample's, stay at the source's values.
- `partner`, with `pairing="paired"` alone: another picture of the source's
  subject in the same view. It is the ground truth, and its units are the
  target, free of noise. A sample without such a picture gets the random target.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from efgan_tf import action_units
from efgan_tf.common.images import to_float
from efgan_tf.data.mixing import Pool, pooled
from efgan_tf.data.pictures import picture_source
from efgan_tf.data.prepared_faces import Faces, FacesPart

PAIRINGS = ("random", "paired")

# The streams of random numbers that a batch draws from.
_TARGET, _NOISE, _FLIP, _ORDER = range(4)


def training_batches(
    faces: Faces | Sequence[FacesPart],
    *,
    batch_size: int,
    seed: int,
    pairing: str,
    target_noise: float,
    flip: bool,
    mix_targets: str = "any",
    first_batch: int = 0,
    group: int = 1,
    replicas: int = 1,
    replica_range: range | None = None,
) -> tf.data.Dataset:
    """An endless stream of training batches.

    Element `j·replicas + r` holds the batches `first_batch + j·group` to
    `first_batch + (j+1)·group − 1`, of each the rows of replica r:
    `MirroredStrategy` deals the elements out in turn, and joined they make the
    same batches whatever `replicas` is. On several machines each has a stream
    for its own replicas (`replica_range`).

    Args:
      faces: the training split, or those of several data sets, each with its
        share, whose shares make whole rows of `batch_size`.
      batch_size: rows of a global batch, a multiple of `replicas`.
      seed: of everything that is drawn.
      pairing: `"random"` or `"paired"`, see the module.
      target_noise: half width of the noise on random targets, units in 0–1.
      flip: mirror half of the samples, source and target alike; intensities
        are means over both sides of the face and stay.
      mix_targets: of several data sets, whose units random targets are:
        `"any"` set's, in their shares, or those of the sample's `"own"`.
      first_batch: index of the first global batch, to continue a stream.
      group: how many batches an element stacks.
      replicas: how many devices share a batch.
      replica_range: the replicas that elements are made for, where others
        have pipelines of their own, as on several machines; by default all.

    Returns:
      A dataset of dicts of float32 tensors with the leading dimensions
      `[group, batch_size / replicas]`:
        image: `[…, size, size, 3]`, −1 to 1.
        action_units: `[…, 17]`, 0–1.
        target_action_units: `[…, 17]`, 0–1.
        ground_truth: `[…, size, size, 3]`; the source's where there is none.
        has_ground_truth: `[…]`, 1 where `ground_truth` is not the source.
        au_mask: `[…, 17]`, 1 for the units that the sample's data set has.

    Raises:
      ValueError: no faces, a pairing that does not exist, or a batch that the
        replicas or the data sets cannot share.
    """
    if pairing not in PAIRINGS:
        raise ValueError(f"pairing {pairing!r} is none of {PAIRINGS}")
    if batch_size % replicas:
        raise ValueError(
            f"{replicas} replicas cannot share a batch of {batch_size}"
        )
    replica_range = range(replicas) if replica_range is None else replica_range
    # The samples stay in the host's memory, also where there is a GPU.
    with tf.device("CPU:0"):
        draw = batch_function(
            faces, batch_size, seed, pairing, target_noise, flip, mix_targets
        )
        rows = batch_size // replicas

        def element(counter: tf.Tensor) -> dict[str, tf.Tensor]:
            step, within = counter // group, counter % group
            turn = step // len(replica_range)
            replica = replica_range.start + step % len(replica_range)
            batch = first_batch + turn * group + within
            return draw(batch, replica * rows, rows)

        # One batch to a thread: pieces this large keep the overhead small.
        return (
            tf.data.Dataset.counter()
            .map(element, tf.data.AUTOTUNE, deterministic=True)
            .batch(group, drop_remainder=True)
            .prefetch(tf.data.AUTOTUNE)
        )


def batch_function(
    faces: Faces | Sequence[FacesPart],
    batch_size: int,
    seed: int,
    pairing: str,
    target_noise: float,
    flip: bool,
    mix_targets: str = "any",
) -> Callable[[tf.Tensor, tf.Tensor, int], dict[str, tf.Tensor]]:
    """The pure function behind `training_batches`, whose arguments it takes.

    Returns:
      `draw(batch, first_row, rows)`: the given rows of the batch with the
      given index, as `training_batches` describes them, without the leading
      dimension of groups. Works eagerly and in graphs.
    """
    pool = pooled(faces, batch_size)
    groups = _group_table(pool.groups)
    pictures = picture_source(pool.encoded, pool.size)
    pool_units = tf.constant(action_units.normalize(pool.action_units))
    pool_masks = tf.constant(pool.au_mask)

    def draw(batch, first_row, rows):
        batch = tf.cast(batch, tf.int64)
        row = tf.cast(first_row, tf.int64) + tf.range(rows, dtype=tf.int64)
        # Drawn for the whole batch, whatever rows of it are needed.
        choice = _uniform(seed, _TARGET, batch, [batch_size])
        mirror = _uniform(seed, _FLIP, batch, [batch_size])
        noise = _uniform(seed, _NOISE, batch, [batch_size, action_units.COUNT])
        choice, mirror, noise = (
            tf.gather(numbers, row) for numbers in (choice, mirror, noise)
        )
        data_set, index = _next_samples(pool, seed, batch, row)
        source = tf.gather(pool.starts, data_set) + index
        units, mask = (tf.gather(t, source) for t in (pool_units, pool_masks))

        other = _other_samples(pool, mix_targets, data_set, index, choice)
        target = tf.gather(pool_units, other) + (2 * noise - 1) * target_noise
        target = tf.clip_by_value(target, 0, 1)
        target_mask = mask * tf.gather(pool_masks, other)
        partner, shown = source, [source]
        if pairing == "paired":
            partner = _partners(groups, source, choice)
            paired = (partner != source)[:, None]
            target = tf.where(paired, tf.gather(pool_units, partner), target)
            target_mask = tf.where(paired, mask, target_mask)
            shown = [source, partner]

        images = [pictures(samples) for samples in shown]
        if flip:
            images = [_mirrored(image, mirror < 0.5) for image in images]
        images = [to_float(image) for image in images]
        return {
            "image": images[0],
            "action_units": units,
            "target_action_units": tf.where(target_mask > 0, target, units),
            "ground_truth": images[-1],
            "has_ground_truth": tf.cast(partner != source, tf.float32),
            "au_mask": mask,
        }

    return draw


def _uniform(seed: int, stream: int, batch: tf.Tensor, shape) -> tf.Tensor:
    """Random numbers in [0, 1)."""
    return tf.random.stateless_uniform(shape, _stream_seed(seed, stream, batch))


def _stream_seed(seed: int, stream: int, batch: tf.Tensor) -> tf.Tensor:
    # Fewer than 2³² batches, so that no two streams share a seed.
    return tf.stack([tf.constant(seed, tf.int64), stream * 2**32 + batch])


def _next_samples(
    pool: Pool, seed: int, batch: tf.Tensor, row: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """The data set of each row, and the number of its sample there: `[b]`."""
    if len(pool.counts) > 1:
        # Rotate the layout per batch, so that strided subsets of rows see
        # every set; once more every batch_size batches, for strided batches.
        batch_size = len(pool.layout)
        row = (row + batch + batch // batch_size) % batch_size
    data_set = tf.gather(pool.layout, row)
    position = batch * tf.gather(pool.rows, data_set)
    position += tf.gather(pool.places, row)
    index = tf.zeros_like(position)
    for number, count in enumerate(pool.counts.tolist()):
        rows = tf.where(data_set == number)
        found = _permuted(tf.gather_nd(position, rows), count, number, seed)
        index = tf.tensor_scatter_nd_update(index, rows, found)
    return data_set, index


def _permuted(
    position: tf.Tensor, count: int, stream: int, seed: int
) -> tf.Tensor:
    """Positions of an endless stream of permutations of `count` samples."""

    def order(epoch):
        # A true permutation: `index_shuffle` draws some places of small sets
        # half as often again as others, whatever its rounds.
        samples = tf.range(count, dtype=tf.int64)
        return tf.random.experimental.stateless_shuffle(
            samples, _stream_seed(seed, _ORDER + stream, epoch)
        )

    epochs, which = tf.unique(position // count, tf.int64)
    place = tf.stack([which, position % count], axis=1)
    return tf.gather_nd(tf.map_fn(order, epochs), place)


def _other_samples(
    pool: Pool,
    mix_targets: str,
    data_set: tf.Tensor,
    index: tf.Tensor,
    choice: tf.Tensor,
) -> tf.Tensor:
    """A random other sample for each, itself only if its set has no other.

    Args:
      data_set, index: of each sample, as from `_next_samples`.
      choice: uniform in [0, 1), `[b]`. With `mix_targets="any"` its place among
        the sets' cumulated shares picks the set, and what is left, scaled to
        [0, 1), the sample.
    """
    other_set = data_set
    if mix_targets == "any":
        shares = tf.constant(pool.shares, tf.float32)
        ends = tf.constant(np.cumsum(pool.shares), tf.float32)
        other_set = tf.searchsorted(ends, choice, "right", tf.int64)
        other_set = tf.minimum(other_set, len(pool.shares) - 1)
        choice -= tf.gather(ends - shares, other_set)
        choice /= tf.gather(shares, other_set)
    count = tf.gather(pool.counts, other_set)
    same_set = other_set == data_set
    step = _integer(choice, count - tf.cast(same_set, tf.int64))
    other = tf.where(same_set, (index + 1 + step) % count, step)
    return tf.gather(pool.starts, other_set) + other


class _GroupTable(NamedTuple):
    """Groups of samples that are ground truth for each other, int64 `[n]` each.

    Attributes:
      members: all samples, group by group.
      place: of each sample, where in `members` it is.
      begin: of each sample, where in `members` its group begins.
      size: of each sample's group.
    """

    members: tf.Tensor
    place: tf.Tensor
    begin: tf.Tensor
    size: tf.Tensor


def _group_table(groups: Sequence[Sequence[int]]) -> _GroupTable:
    members = np.array([*itertools.chain(*groups)], np.int64)
    place = np.argsort(members)  # each number is there once
    sizes = np.array([len(group) for group in groups], np.int64)
    begin = np.repeat(np.cumsum(sizes) - sizes, sizes)[place]
    size = np.repeat(sizes, sizes)[place]
    return _GroupTable(*map(tf.constant, (members, place, begin, size)))


def _partners(
    groups: _GroupTable, source: tf.Tensor, choice: tf.Tensor
) -> tf.Tensor:
    """A random other sample of each one's group; itself if it is alone."""
    place, begin, size = (tf.gather(t, source) for t in groups[1:])
    step = 1 + _integer(choice, size - 1)
    return tf.gather(groups.members, begin + (place - begin + step) % size)


def _integer(choice: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """Uniform [0, 1) → an int64 from 0 to count − 1; 0 where count is 0."""
    scaled = tf.cast(choice * tf.cast(count, tf.float32), tf.int64)
    return tf.clip_by_value(scaled, 0, tf.maximum(count - 1, 0))


def _mirrored(images: tf.Tensor, where: tf.Tensor) -> tf.Tensor:
    # `tf.reverse` and a gather take a fifth of the time of `[:, :, ::-1]` and
    # `tf.where`.
    both = tf.stack([images, tf.reverse(images, [2])])
    rows = tf.range(tf.shape(images)[0])
    return tf.gather_nd(both, tf.stack([tf.cast(where, rows.dtype), rows], 1))
