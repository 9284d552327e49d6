"""The head: mesh, parts and morph targets of head.npz.

Lengths are MakeHuman decimeters; x points to the person's left (the image's
right), y up, z to the viewer. "Left" in a unit's name is the person's left.
"""

import dataclasses
import functools
import pathlib

import numpy as np

SKIN, LEFT_EYE, RIGHT_EYE, UPPER_TEETH, LOWER_TEETH, TONGUE, LASH = range(7)
EAR_HEIGHT = -0.25  # of the openings, in rest units
PATH = pathlib.Path(__file__).with_name("head.npz")


@dataclasses.dataclass(frozen=True)
class Head:
    """Mesh and morph targets (V vertices, T triangles, N targets).

    Attributes:
      vertices: float32 [V, 3], the neutral average person.
      triangles: int32 [T, 3].
      part: uint8 [T], one of SKIN ... LASH.
      lips: float32 [V] in [0, 1]: how much of a vertex is lip.
      inside: float32 [V] in [0, 1]: mouth cavity.
      units: unit name → float32 [V, 3] offsets (52 ARKit face units).
      shapes: shape target name → float32 [V, 3] offsets.
      macros: ancestry, sex, age and weight target → float32 [V, 3].
    """

    vertices: np.ndarray
    triangles: np.ndarray
    part: np.ndarray
    lips: np.ndarray
    inside: np.ndarray
    units: dict[str, np.ndarray]
    shapes: dict[str, np.ndarray]
    macros: dict[str, np.ndarray]

    @functools.cached_property
    def left_eye(self) -> np.ndarray:
        """Vertices of the person's left eyeball."""
        return np.unique(self.triangles[self.part == LEFT_EYE])

    @functools.cached_property
    def right_eye(self) -> np.ndarray:
        """Vertices of the person's right eyeball."""
        return np.unique(self.triangles[self.part == RIGHT_EYE])

    def eye_centers(self, vertices: np.ndarray) -> np.ndarray:
        """Centers [2, 3] of the left and right eyeball of vertices [V, 3]."""
        return np.stack(
            [
                vertices[self.left_eye].mean(0),
                vertices[self.right_eye].mean(0),
            ]
        )

    @functools.cached_property
    def rest(self) -> np.ndarray:
        """Positions [V, 3] from between the eyes, in eye distances.

        Everything painted on the skin is a function of these, whatever the
        person's shape: the brows sit on everybody's brow ridge.
        """
        center = self.eye_centers(self.vertices).mean(0)
        return (self.vertices - center) / self.eye_distance

    @functools.cached_property
    def eye_distance(self) -> float:
        """Between the eyeballs' centers of the average head."""
        left, right = self.eye_centers(self.vertices)
        return float(left[0] - right[0])


@functools.cache
def load_head() -> Head:
    """The head shipped with the package, read once per process."""
    with np.load(PATH, allow_pickle=False) as data:
        arrays = dict(data)
    count = len(arrays["vertices"])
    groups: dict[str, dict[str, np.ndarray]]
    groups = {"unit": {}, "shape": {}, "macro": {}}
    ends = np.cumsum(arrays["target_lengths"], dtype=np.int64)
    offsets = arrays["target_offsets"].T.astype(np.float32) / 1000
    for name, end, length in zip(
        arrays["target_names"], ends, arrays["target_lengths"], strict=True
    ):
        rows = slice(end - int(length), end)
        target = np.zeros((count, 3), np.float32)
        target[np.cumsum(arrays["target_steps"][rows])] = offsets[rows]
        kind, short = str(name).split("/")
        groups[kind][short] = target
    return Head(
        vertices=arrays["vertices"],
        triangles=arrays["triangles"].astype(np.int32),
        part=arrays["part"],
        lips=arrays["lips"].astype(np.float32) / 255,
        inside=arrays["inside"].astype(np.float32) / 255,
        units=groups["unit"],
        shapes=groups["shape"],
        macros=groups["macro"],
    )
