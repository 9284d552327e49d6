"""Batches for training, drawn from faces in memory.

A training batch is a pure function of (seed, batch index, batch size): nothing
is shuffled through a buffer and no generator has a state. So a resumed run
sees exactly the batches that an uninterrupted one would have, and so do any
number of replicas.
"""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from efgan_tf import action_units
from efgan_tf.common.images import to_float
from efgan_tf.data.mixing import Pool, pooled
from efgan_tf.data.pictures import picture_source
from efgan_tf.data.samples import Faces, Part

PAIRINGS = ("random", "paired")

# The streams of random numbers that a batch draws from.
_TARGET, _NOISE, _FLIP, _ORDER = range(4)


def training_batches(
    faces: Faces | Sequence[Part],
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

    Each data set has its share of every batch. Each of its epochs is a
    permutation of its own of all its samples; batches run across the borders
    of epochs. Element `j·replicas + r` holds the batches
    `first_batch + j·group` to `first_batch + (j+1)·group − 1`, of each the
    rows of replica r: `MirroredStrategy` deals the elements out in turn, and
    joined they make the same batches whatever `replicas` is. On several
    machines each has a stream for its own replicas (`replica_range`).

    Targets with `pairing="random"`: the action units of any other sample plus
    uniform noise, clipped to 0–1; units that are masked, in the source's data
    set or in the other sample's, stay at the source's values. With `"paired"`:
    another picture of the same subject and view, and its true units, free of
    noise; a sample without such a picture gets a random target.

    Args:
      faces: the training split, or those of several data sets, each with its
        share, whose shares make whole rows of `batch_size`.
      batch_size: rows of a global batch, a multiple of `replicas`.
      seed: of everything that is drawn.
      pairing: `"random"` or `"paired"`.
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
    faces: Faces | Sequence[Part],
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
    pictures = picture_source(pool.encoded, pool.size)
    units = tf.constant(action_units.normalize(pool.action_units))
    masks = tf.constant(pool.au_mask)
    per_set = np.stack([pool.starts, pool.rows])
    table = tf.constant(
        np.concatenate([[pool.layout, pool.places], per_set[:, pool.layout]])
    )
    partners = _partner_function(pool.groups)
    others = _other_function(pool, mix_targets)

    def uniform(batch, stream, shape):
        # Drawn for the whole batch, whatever rows of it are needed.
        return tf.random.stateless_uniform(
            [batch_size, *shape], _stream_seed(seed, stream, batch)
        )

    def draw(batch, first_row, rows):
        batch = tf.cast(batch, tf.int64)
        row_numbers = tf.cast(first_row, tf.int64) + tf.range(
            rows, dtype=tf.int64
        )
        # Rotate the layout per batch, so that strided subsets of rows see
        # every set; once more every batch_size batches, for strided batches.
        turn = batch + batch // batch_size if len(pool.counts) > 1 else 0
        part, place, start, of_batch = tf.unstack(
            tf.gather(table, (row_numbers + turn) % batch_size, axis=1)
        )
        position = batch * of_batch + place
        own = _sample_index(position, part, pool.counts, seed)
        source = start + own
        choice = tf.gather(uniform(batch, _TARGET, []), row_numbers)
        noise = tf.gather(
            uniform(batch, _NOISE, [action_units.COUNT]), row_numbers
        )
        noise = (2 * noise - 1) * target_noise

        source_units, au_mask = (tf.gather(t, source) for t in (units, masks))
        other = others(part, own, choice)
        target_units = tf.clip_by_value(tf.gather(units, other) + noise, 0, 1)
        target_mask = au_mask * tf.gather(masks, other)
        has_ground_truth, shown = tf.zeros([rows], tf.bool), [source]
        if pairing == "paired":
            has_ground_truth, partner = partners(source, choice)
            paired = has_ground_truth[:, None]
            target_units = tf.where(
                paired, tf.gather(units, partner), target_units
            )
            target_mask = tf.where(paired, au_mask, target_mask)
            shown.append(partner)
        target_units = tf.where(target_mask > 0, target_units, source_units)

        images = [pictures(index) for index in shown]
        if flip:
            mirrored = tf.gather(uniform(batch, _FLIP, []), row_numbers) < 0.5
            images = [_flipped(image, mirrored) for image in images]
        images = [to_float(image) for image in images]
        return {
            "image": images[0],
            "action_units": source_units,
            "target_action_units": target_units,
            "ground_truth": images[-1],
            "has_ground_truth": tf.cast(has_ground_truth, tf.float32),
            "au_mask": au_mask,
        }

    return draw


def _stream_seed(seed: int, stream: int, batch: tf.Tensor) -> tf.Tensor:
    # Fewer than 2³² batches, so that no two streams share a seed.
    return tf.stack([tf.constant(seed, tf.int64), stream * 2**32 + batch])


def _sample_index(
    position: tf.Tensor, part: tf.Tensor, counts: np.ndarray, seed: int
) -> tf.Tensor:
    """Which sample lies at each position of its data set's endless stream."""
    index = tf.zeros_like(position)
    for number, count in enumerate(counts.tolist()):
        rows = tf.where(part == number)
        places = tf.gather_nd(position, rows)
        found = _permuted(places, count, number, seed)
        index = tf.tensor_scatter_nd_update(index, rows, found)
    return index


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


def _other_function(
    pool: Pool, mix_targets: str
) -> Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]:
    """A function from samples to others, whose units become their targets.

    It takes each sample's data set, its number there and a choice in [0, 1),
    `[b]` each, and returns the number among all: never that of the sample
    itself, unless its set has no other.
    """
    ends = tf.constant(np.cumsum(pool.shares), tf.float32)
    shares = tf.constant(pool.shares, tf.float32)

    def others(part, own, choice):
        other_set = part
        if mix_targets == "any":
            other_set = tf.searchsorted(ends, choice, "right", tf.int64)
            other_set = tf.minimum(other_set, len(pool.shares) - 1)
            begin = tf.gather(ends - shares, other_set)
            choice = (choice - begin) / tf.gather(shares, other_set)
        count = tf.gather(pool.counts, other_set)
        same = tf.cast(other_set == part, tf.int64)
        number = _scaled(choice, count - same)
        number = tf.where(other_set == part, (own + 1 + number) % count, number)
        return tf.gather(pool.starts, other_set) + number

    return others


def _scaled(choice: tf.Tensor, count: tf.Tensor | int) -> tf.Tensor:
    """Uniform [0, 1) → an int64 from 0 to count − 1; 0 where count is 0."""
    count = tf.cast(count, tf.int64)
    scaled = tf.cast(choice * tf.cast(count, tf.float32), tf.int64)
    return tf.clip_by_value(scaled, 0, tf.maximum(count - 1, 0))


def _partner_function(
    groups: Sequence[Sequence[int]],
) -> Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """A function from samples and choices in [0, 1), `[b]` each, to partners.

    Partners are of one of the groups, which hold every sample once. The
    function returns bool `[b]`, whether there is one, and int64 `[b]`, which
    it is: the sample itself where there is none.
    """
    listed: list[int] = []  # all samples, group by group
    table = np.zeros((3, sum(map(len, groups))), np.int64)
    for group in groups:
        table[0, group] = len(listed)
        table[1, group] = len(group)
        table[2, group] = range(len(group))
        listed += group
    members = tf.constant(listed, tf.int64)
    places = tf.constant(table)

    def partners(source, choice):
        start, size, place = tf.unstack(tf.gather(places, source, axis=1))
        place = (place + 1 + _scaled(choice, size - 1)) % size
        return size > 1, tf.gather(members, start + place)

    return partners


def _flipped(images: tf.Tensor, mirrored: tf.Tensor) -> tf.Tensor:
    # `tf.reverse` and a gather take a fifth of the time of `[:, :, ::-1]` and
    # `tf.where`.
    both = tf.stack([images, tf.reverse(images, [2])])
    rows = tf.range(tf.shape(images)[0])
    return tf.gather_nd(
        both, tf.stack([tf.cast(mirrored, rows.dtype), rows], 1)
    )
