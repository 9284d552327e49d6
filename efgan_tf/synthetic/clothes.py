"""What hides the end of the mesh and what sits on the nose."""

import numpy as np

from efgan_tf.synthetic import head as head_lib

_THICKNESS = 0.05  # of cloth, in eye distances


def cloth_distance(collar: str) -> np.ndarray:
    """How far each vertex lies below the collar, float32 [V]; > 0 is clothed.

    Args:
      collar: "crew", "vneck", "polo" or "turtle".
    """
    p = head_lib.load_head().rest
    # A plane that falls from the nape to the pit of the throat.
    rim = -2.82 - 0.54 * (p[:, 2] + 0.75)
    front = np.exp(-((p[:, 2] + 0.5) ** 2) / 0.5)
    if collar == "vneck":
        rim = rim - front * np.clip(0.75 - np.abs(p[:, 0]), 0, 1) * 1.4
    elif collar == "polo":
        rim = rim + 0.22 - front * np.clip(0.3 - np.abs(p[:, 0]), 0, 1) * 2.2
    elif collar == "turtle":
        rim = rim + 0.5
    return (rim - p[:, 1]).astype(np.float32)


def dress(
    vertices: np.ndarray, normals: np.ndarray, distance: np.ndarray
) -> np.ndarray:
    """Vertices [V, 3] with the clothed ones moved out by the cloth."""
    swell = np.clip(distance / 0.08, 0, 1)[:, None]
    unit = head_lib.load_head().eye_distance
    return vertices + normals * swell * (_THICKNESS * unit)


def _tube(
    path: np.ndarray, radius: float, closed: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Points and triangles of a tube along path [N, 3]."""
    sides = 5
    ahead = np.roll(path, -1, 0) - np.roll(path, 1, 0)
    if not closed:
        ahead[0], ahead[-1] = path[1] - path[0], path[-1] - path[-2]
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    first = np.cross(ahead, np.array([0.31, 0.2, 0.93]))
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(ahead, first)
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    ring = (
        np.cos(angle)[:, None] * first[:, None]
        + np.sin(angle)[:, None] * second[:, None]
    )
    points = (path[:, None] + radius * ring).reshape(-1, 3)
    count = len(path)
    triangles = []
    for i in range(count if closed else count - 1):
        for k in range(sides):
            a, b = i * sides + k, i * sides + (k + 1) % sides
            c, d = ((i + 1) % count) * sides, ((i + 1) % count) * sides
            c, d = c + k, d + (k + 1) % sides
            triangles += [(a, c, b), (b, c, d)]
    return points, np.array(triangles)


def build_glasses(
    vertices: np.ndarray, kind: str
) -> tuple[np.ndarray, np.ndarray]:
    """Spectacles fitted to a head.

    Args:
      vertices: float32 [V, 3] of the person's neutral head.
      kind: "round", "square" or "" (none).

    Returns:
      points float32 [P, 3], triangles int32 [F, 3].
    """
    if not kind:
        return np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32)
    head = head_lib.load_head()
    left, right = head.eye_centers(vertices)
    unit = left[0] - right[0]
    rest = head.rest
    # Far enough out for brows, cheeks and raised lids.
    near = (np.abs(np.abs(rest[:, 0]) - 0.45) < 0.3) & (
        np.abs(rest[:, 1]) < 0.3
    )
    z = vertices[near & (rest[:, 2] > -0.2), 2].max() + 0.09 * unit
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    power = 1.0 if kind == "round" else 0.55
    wide = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** power
    high = np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** power
    size = (0.37, 0.36) if kind == "round" else (0.40, 0.30)
    paths = []
    for eye in (left, right):
        x = eye[0] + size[0] * unit * wide
        y = eye[1] - 0.05 * unit + size[1] * unit * high
        paths.append((np.stack([x, y, np.full_like(x, z)], 1), True))
    inner = 0.5 * unit - size[0] * unit
    middle = (left + right) / 2
    t = np.linspace(-1, 1, 9)
    bridge = np.stack(
        [
            middle[0] + t * inner,
            middle[1] + (0.03 + 0.05 * (1 - t * t)) * unit,
            np.full_like(t, z),
        ],
        1,
    )
    paths.append((bridge, False))
    for eye, side in ((left, 1), (right, -1)):
        hinge = np.array(
            [eye[0] + side * size[0] * unit, eye[1] + 0.08 * unit, z]
        )
        ear = (rest[:, 0] * side > 1.05) & (np.abs(rest[:, 1]) < 0.3)
        back = np.array(
            [vertices[ear, 0].mean(), hinge[1], vertices[ear, 2].max()]
        )
        corner = hinge + np.array([side * 0.05, 0, -0.08]) * unit
        path = np.stack([hinge, corner, (corner + back) / 2, back])
        paths.append((path, False))
    points, triangles, total = [], [], 0
    for path, closed in paths:
        tube_points, tube_triangles = _tube(path, 0.026 * unit, closed)
        points.append(tube_points)
        triangles.append(tube_triangles + total)
        total += len(tube_points)
    return (
        np.concatenate(points).astype(np.float32),
        np.concatenate(triangles).astype(np.int32),
    )
