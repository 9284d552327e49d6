"""Pictures that stay on disk and are read from the shards when drawn.

Where each picture's PNG lies in the shards is noted once; reading one is then
one read from its place, in any order. So batches of a set that does not fit
into memory are the same function of seed and index as those of one that does.
"""

import abc
import bisect
import contextlib
import itertools
import operator
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

# A TFRecord is its length (8 bytes), a checksum (4), the data, a checksum.
_BEFORE_RECORD, _AROUND_RECORD = 12, 16

# Where the limits of control groups lie, of version 2 and of version 1.
_CGROUP_LIMITS = {
    "": ("sys/fs/cgroup", "memory.max"),
    "memory": ("sys/fs/cgroup/memory", "memory.limit_in_bytes"),
}


class OnDisk(Sequence[bytes], abc.ABC):
    """Encoded pictures that are read when they are asked for."""

    def __getitem__(self, index):
        if isinstance(index, slice):
            return [self.read(i) for i in range(*index.indices(len(self)))]
        index = operator.index(index)
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        return self.read(index % len(self))

    @abc.abstractmethod
    def read(self, index: int) -> bytes:
        """The file with a number from 0.

        Raises:
          OSError: it cannot be read.
        """


class StoredPictures(OnDisk):
    """Pictures in shards, which are held open, so that they may be moved.

    Args:
      paths: of the shards.
      places: int64 `[n, 3]`: number of the shard, offset and length in it.
    """

    def __init__(self, paths: Sequence[Path], places: np.ndarray):
        self._files = [open(path, "rb") for path in paths]
        self._places = places

    def __len__(self) -> int:
        return len(self._places)

    def read(self, index: int) -> bytes:
        """See `OnDisk`."""
        number, offset, length = self._places[index].tolist()
        file = self._files[number]
        content = os.pread(file.fileno(), length, offset)
        if len(content) < length:
            raise OSError(f"{file.name} has become shorter")
        return content


class _Joined(OnDisk):
    """Several sequences, one after the other."""

    def __init__(self, parts: Sequence[Sequence[bytes]]):
        self._parts = parts
        self._ends = list(itertools.accumulate(map(len, parts)))

    def __len__(self) -> int:
        return self._ends[-1]

    def read(self, index: int) -> bytes:
        """See `OnDisk`."""
        number = bisect.bisect_right(self._ends, index)
        return self._parts[number][index - self._ends[number]]


def joined(parts: Sequence[Sequence[bytes]]) -> Sequence[bytes]:
    """Several sequences as one, in memory if all of them are."""
    if any(isinstance(part, OnDisk) for part in parts):
        return _Joined(parts)
    return [picture for part in parts for picture in part]


def held_bytes(pictures: Sequence[bytes]) -> int:
    """Memory that encoded pictures take; none where they stay on disk."""
    return 0 if isinstance(pictures, OnDisk) else sum(map(len, pictures))


def indexed(
    paths: Sequence[Path], features: Any
) -> Iterator[tuple[dict[str, Any], tuple[int, int, int]]]:
    """The examples of some shards, each with its picture's place.

    Args:
      paths: TFRecord files that TensorFlow Datasets wrote.
      features: of the data set.

    Yields:
      The example, its `image` encoded, and a row of `StoredPictures`' places.
    """
    import tensorflow as tf
    import tensorflow_datasets as tfds

    encoded = {"image": tfds.decode.SkipDecoding()}
    for number, path in enumerate(paths):
        start = 0
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            example = features.deserialize_example_np(record, decoders=encoded)
            picture = example["image"]
            offset = start + _BEFORE_RECORD + record.index(picture)
            yield example, (number, offset, len(picture))
            start += len(record) + _AROUND_RECORD


def memory_bytes(root: Path = Path("/")) -> int:
    """Of this machine, or what this process's control groups may have of it.

    Args:
      root: folder of `proc` and `sys`.
    """
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    groups = ""
    with contextlib.suppress(OSError):  # not Linux
        groups = (root / "proc/self/cgroup").read_text()
    for line in groups.splitlines():
        _, controllers, group = line.split(":", 2)
        for controller in _CGROUP_LIMITS.keys() & controllers.split(","):
            folder, name = _CGROUP_LIMITS[controller]
            # In a container the group's path may be the host's, and its own
            # limit at the top.
            for level in (Path(group), *Path(group).parents):
                path = root / folder / level.relative_to("/") / name
                with contextlib.suppress(OSError, ValueError):  # "max"
                    limits.append(int(path.read_text()))
    return min(limits)
