"""Training batches drawn on the device, by the rules of the pipeline.

`efgan_tf.data.pipeline` says what a batch is. Here the decoded pictures lie in
the device's memory; which samples a batch holds is drawn on the host, and all
else (targets, noise, mirroring) inside the compiled step, from a key.
"""

import jax
import jax.numpy as jnp
import numpy as np

from efgan_tf import action_units
from efgan_tf.config import TrainConfig
from efgan_tf.data.samples import Faces
from tools.jax import packed

Arrays = dict[str, jax.Array]


def on_device(faces: Faces) -> Arrays:
    """A split as arrays for `draw`.

    Returns:
      images: uint8 `[n, size, size, 3]`.
      action_units: float32 `[n, 17]`, 0–1.
      mask: float32 `[17]`.
      members: int32 `[n]`, all samples, group by group (one subject, one
        view).
      groups: int32 `[3, n]`, for each sample where its group starts in
        `members`, how large it is and which place the sample has in it.
    """
    members: list[int] = []
    groups = np.zeros((3, len(faces)), np.int32)
    for group in faces.groups():
        groups[0, group] = len(members)
        groups[1, group] = len(group)
        groups[2, group] = range(len(group))
        members += group
    units = action_units.normalize(faces.action_units)
    arrays = {
        "images": packed.decode(faces.encoded, faces.size),
        "action_units": units.astype(np.float32),
        "mask": faces.mask.astype(np.float32),
        "members": np.array(members, np.int32),
        "groups": groups,
    }
    return {name: jnp.asarray(array) for name, array in arrays.items()}


def samples(count: int, rows: range, seed: int) -> np.ndarray:
    """Which samples lie at the positions `rows` of the endless stream.

    Each epoch is a permutation of its own of all `count` samples.

    Returns:
      int32 `[len(rows)]`.
    """
    positions = np.array(rows)
    epochs = positions // count
    drawn = np.empty(len(rows), np.int32)
    for epoch in np.unique(epochs).tolist():
        here = epochs == epoch
        order = np.random.default_rng([seed, epoch]).permutation(count)
        drawn[here] = order[positions[here] % count]
    return drawn


def draw(
    faces: Arrays, source: jax.Array, key: jax.Array, train: TrainConfig
) -> Arrays:
    """The batch of some samples.

    Args:
      faces: of `on_device`.
      source: int32 `[b]`, which samples.
      key: of all that is drawn at random.
      train: pairing, target noise and mirroring.

    Returns:
      As `efgan_tf.data.pipeline.training_batches`, each `[b, …]`.
    """
    keys = jax.random.split(key, 3)
    units, count = faces["action_units"], len(faces["action_units"])
    choice = jax.random.uniform(keys[0], source.shape)
    noise = jax.random.uniform(
        keys[1], (*source.shape, action_units.COUNT), minval=-1.0
    )
    other = (source + 1 + _scaled(choice, count - 1)) % count
    target = jnp.clip(units[other] + train.target_noise * noise, 0, 1)
    has_target, shown = jnp.zeros(source.shape, bool), source
    if train.pairing == "paired":
        has_target, shown = _partners(faces, source, choice)
        target = jnp.where(has_target[:, None], units[shown], target)
    target = jnp.where(faces["mask"] > 0, target, units[source])
    mirrored = jax.random.uniform(keys[2], source.shape) < 0.5 * train.flip

    def pictures(indices):
        images = faces["images"][indices]
        images = jnp.where(
            mirrored[:, None, None, None], images[:, :, ::-1], images
        )
        return images.astype(jnp.float32) / 127.5 - 1

    return {
        "image": pictures(source),
        "action_units": units[source],
        "target_action_units": target,
        "target_image": pictures(shown),
        "has_target": has_target.astype(jnp.float32),
    }


def _scaled(choice: jax.Array, count: jax.Array | int) -> jax.Array:
    """Uniform [0, 1) → an int32 from 0 to count − 1; 0 where count is 0."""
    scaled = (choice * count).astype(jnp.int32)
    return jnp.clip(scaled, 0, jnp.maximum(count - 1, 0))


def _partners(
    faces: Arrays, source: jax.Array, choice: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Whether a sample has another of its group, and one of them or itself."""
    start, size, place = faces["groups"][:, source]
    place = (place + 1 + _scaled(choice, size - 1)) % size
    return size > 1, faces["members"][start + place]
