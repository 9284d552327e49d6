"""Trained weights in files that are small enough to be handed back."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from efgan_tf.common.errors import UserError
from efgan_tf.common.outputs import atomic_file

PART_BYTES = 14 * 2**20
"""Of one file: 16 MiB is the most that a lent machine hands back."""

Weights = Mapping[str, Sequence[np.ndarray]]


def write(folder: Path, networks: Weights) -> list[Path]:
    """Writes `weights_0.npz`, `weights_1.npz`, …; returns their paths.

    Args:
      folder: older parts in it are replaced.
      networks: name → arrays, in the order of `keras.Model.get_weights`.
    """
    parts: list[dict[str, np.ndarray]] = [{}]
    filled = 0
    for name, arrays in networks.items():
        for index, array in enumerate(arrays):
            if parts[-1] and filled + array.nbytes > PART_BYTES:
                parts.append({})
                filled = 0
            parts[-1][f"{name}/{index:04}"] = array
            filled += array.nbytes
    paths = [folder / f"weights_{part}.npz" for part in range(len(parts))]
    for path, part in zip(paths, parts, strict=True):
        with atomic_file(path) as temporary:
            np.savez(temporary, **part)
    for old in set(folder.glob("weights_*.npz")) - set(paths):
        old.unlink()
    return paths


def read(folder: Path) -> dict[str, list[np.ndarray]]:
    """What `write` wrote.

    Raises:
      UserError: there is nothing, or a file is damaged.
    """
    arrays: dict[str, np.ndarray] = {}
    for path in sorted(folder.glob("weights_*.npz")):
        try:
            with np.load(path, allow_pickle=False) as part:
                arrays.update(part)
        except (OSError, ValueError, KeyError) as error:
            raise UserError(f"{path} cannot be read: {error}") from error
    if not arrays:
        raise UserError(f"{folder} holds no weights_*.npz")
    networks: dict[str, list[np.ndarray]] = {}
    for name in sorted(arrays):
        networks.setdefault(name.partition("/")[0], []).append(arrays[name])
    return networks
