"""Hair: shells around the skull and a curtain that falls from it.

A grid of columns (azimuth from the front) and rows (crown to ear level, then
down) is bound to the skull of the average head, so it follows everybody's
shape. Each style is a few shells of that grid at growing distance whose
pixels are kept or dropped by a strand texture, which gives soft, uneven
edges. The same style function paints the skin beneath.
"""

import functools

import numpy as np

from efgan_tf.synthetic import head as head_lib
from efgan_tf.synthetic.hair_styles import HairStyle, inside_hair
from efgan_tf.synthetic.noise import fractal_noise

COLUMNS, CAP_ROWS, CURTAIN_ROWS = 73, 16, 8
ROWS = CAP_ROWS + CURTAIN_ROWS
TEXTURE_SHAPE = (256, 1024)
# Middle of the skull, and how far the curtain falls, in rest units.
_CENTER = np.array([0.0, 0.55, -0.85], np.float32)
_LOWEST = -3.4


@functools.cache
def _binding() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How the cap hangs on the skull.

    Returns:
      vertices int32 [G, K] and weights float32 [G, K]: the cap's points as
      averages of skin vertices, G = CAP_ROWS * COLUMNS; directions float32
      [G, 3] from the middle of the skull.
    """
    head = head_lib.load_head()
    rest = head.rest
    skin = np.unique(head.triangles[head.part == head_lib.SKIN])
    p = rest[skin]
    ear = (np.abs(p[:, 0]) > 1.13) & (p[:, 1] < 0.5)
    low = p[:, 1] < -1.1
    skin = skin[~ear & ~low & (head.inside[skin] < 0.1)]
    directions = rest[skin] - _CENTER
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    azimuth = np.linspace(-np.pi, np.pi, COLUMNS, dtype=np.float32)
    polar = np.linspace(0.02, 1.0, CAP_ROWS) * np.radians(122)
    polar, around = np.meshgrid(polar, azimuth, indexing="ij")
    targets = np.stack(
        [
            np.sin(polar) * np.sin(around),
            np.cos(polar),
            np.sin(polar) * np.cos(around),
        ],
        -1,
    ).reshape(-1, 3)
    closeness = targets @ directions.T
    near = np.argpartition(-closeness, 16, axis=1)[:, :16]
    angle = np.arccos(np.clip(np.take_along_axis(closeness, near, 1), -1, 1))
    weights = np.exp(-((angle / 0.13) ** 2)) + 1e-9
    weights /= weights.sum(1, keepdims=True)
    return (
        skin[near].astype(np.int32),
        weights.astype(np.float32),
        targets.astype(np.float32),
    )


@functools.cache
def _places() -> tuple[np.ndarray, np.ndarray]:
    """Azimuth and height above the eyes of the grid, each [ROWS, COLUMNS].

    Of the average head, in radians and eye distances.
    """
    head = head_lib.load_head()
    bare = _hang(head.vertices, np.zeros((ROWS, COLUMNS), np.float32))
    center = head.eye_centers(head.vertices).mean(0)
    azimuth = np.linspace(-np.pi, np.pi, COLUMNS)
    return (
        np.broadcast_to(azimuth, (ROWS, COLUMNS)),
        (bare[..., 1] - center[1]) / head.eye_distance,
    )


def _hang(vertices: np.ndarray, thickness: np.ndarray) -> np.ndarray:
    """The grid at `thickness` [ROWS, COLUMNS], in decimeters, off the head.

    Args:
      vertices: float32 [V, 3] of the person's head.

    Returns:
      float32 [ROWS, COLUMNS, 3].
    """
    near, weights, directions = _binding()
    skull = (vertices[near] * weights[..., None]).sum(1)
    outward = directions.reshape(CAP_ROWS, COLUMNS, 3)
    skull = skull.reshape(CAP_ROWS, COLUMNS, 3)
    cap = skull + outward * thickness[:CAP_ROWS, :, None]
    # Below the last row the hair falls, straight but for a slight flare.
    fall = np.linspace(0, 1, CURTAIN_ROWS + 1, dtype=np.float32)[1:, None]
    last, middle = skull[-1], skull[-1].mean(0)
    out = outward[-1][:, [0, 2]]
    out = out / np.linalg.norm(out, axis=1, keepdims=True)
    flare = 1 + 0.12 * np.sin(fall * 2.0)
    curtain = np.empty((CURTAIN_ROWS, COLUMNS, 3), np.float32)
    for axis, side in ((0, 0), (2, 1)):
        spread = (last[:, axis] - middle[axis]) * flare
        off = out[:, side] * thickness[CAP_ROWS:]
        curtain[..., axis] = middle[axis] + spread + off
    unit = head_lib.load_head().eye_distance
    curtain[..., 1] = last[:, 1] + fall * _LOWEST * unit
    return np.concatenate([cap, curtain])


def _thickness(style: HairStyle, seed: int) -> np.ndarray:
    """Of the whole hair in decimeters, float32 [ROWS, COLUMNS].

    It swells from nothing at the hairline; curls make it lumpy.
    """
    azimuth, height = _places()
    inward = inside_hair(style, azimuth, height)
    swell = np.clip(inward / 0.3 + 0.1, 0.05, 1)
    swell = np.sin(swell * np.pi / 2)
    top = np.clip((height - 0.6) / 1.2, 0, 1)
    row = np.arange(ROWS)[:, None] * 0.5 + 0 * azimuth
    lumps = fractal_noise(
        np.stack([3 * np.cos(azimuth), 3 * np.sin(azimuth), row], -1), seed, 2
    )
    lumps = 1 + (0.25 + 0.9 * style.curl) * (lumps - 0.5)
    thick = 0.03 + swell * (style.volume + style.puff * top) * lumps
    return (thick * head_lib.load_head().eye_distance).astype(np.float32)


@functools.cache
def _faces() -> tuple[np.ndarray, np.ndarray]:
    """Triangles int32 [F, 3] of a grid and texture corners [F, 3, 2]."""
    row, column = np.meshgrid(
        np.arange(ROWS - 1), np.arange(COLUMNS - 1), indexing="ij"
    )
    a = (row * COLUMNS + column).ravel()
    b, c, d = a + 1, a + COLUMNS, a + COLUMNS + 1
    triangles = np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)])
    uv = np.stack(
        [
            triangles % COLUMNS / (COLUMNS - 1),
            triangles // COLUMNS / (ROWS - 1),
        ],
        -1,
    )
    return triangles.astype(np.int32), uv.astype(np.float32)


def strand_texture(style: HairStyle, seed: int) -> np.ndarray:
    """Float32 [256, 1024, 2]: how far hair stands out (0–1), and its shade.

    Columns are the azimuth, rows run from the crown down, as in the grid.
    """
    rows, columns = TEXTURE_SHAPE
    v = np.linspace(0, ROWS - 1, rows)
    azimuth = np.linspace(-np.pi, np.pi, columns, dtype=np.float32)
    _, grid_heights = _places()
    row_of = np.minimum(v.astype(int), ROWS - 2)
    column_of = np.linspace(0, COLUMNS - 1, columns).astype(int)
    blend = (v - row_of)[:, None]
    height = (
        grid_heights[row_of][:, column_of] * (1 - blend)
        + grid_heights[row_of + 1][:, column_of] * blend
    ).astype(np.float32)
    around = np.broadcast_to(azimuth, height.shape)
    along = np.broadcast_to(
        (v / ROWS).astype(np.float32)[:, None], height.shape
    )
    turned = around + style.sweep * along * 2
    fine = 30 - 16 * style.curl
    stretch = 4 + 44 * style.curl
    # A circle instead of the angle: no seam at the back.
    strands = fractal_noise(
        np.stack(
            [
                np.cos(turned) * fine,
                np.sin(turned) * fine,
                along * stretch,
            ],
            -1,
        ),
        seed,
        3,
    )
    locks = fractal_noise(
        np.stack(
            [np.cos(turned) * 5, np.sin(turned) * 5, along * (2 + stretch / 3)],
            -1,
        ),
        seed + 1,
        2,
    )
    ragged = (locks - 0.5) * 0.45 + (strands - 0.5) * 0.3
    inward = inside_hair(style, around, height) + ragged
    grown = np.clip(inward / 0.12, 0, 1)
    reach = grown * np.clip(0.25 + 0.9 * locks + 0.7 * (strands - 0.4), 0, 1)
    shade = 0.35 + 0.95 * strands + 0.6 * (locks - 0.5)
    return np.stack([reach, shade], -1).astype(np.float32)


def build_hair(
    vertices: np.ndarray, style: HairStyle, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The shells of a style on a head.

    Args:
      vertices: float32 [V, 3] of the person's neutral head.
      style: the style.
      seed: of its locks.

    Returns:
      points float32 [P, 3]; triangles int32 [F, 3]; texture corners float32
      [F, 3, 2]; level float32 [F]: a pixel shows if the strand texture
      reaches beyond it.
    """
    faces, uv = _faces()
    # Most styles leave the face and the shoulders free: no need to draw there.
    hairy = inside_hair(style, *_places()).ravel() > -0.35
    grown = hairy[faces].any(1)
    faces, uv = faces[grown], uv[grown]
    thickness = _thickness(style, seed)
    points, triangles, corners, levels = [], [], [], []
    for shell in range(style.shells):
        share = (shell + 1) / style.shells
        points.append(_hang(vertices, thickness * share).reshape(-1, 3))
        triangles.append(faces + shell * ROWS * COLUMNS)
        corners.append(uv)
        level = 0.12 + 0.55 * shell / style.shells
        levels.append(np.full(len(faces), level, np.float32))
    if not points:
        return (
            np.zeros((0, 3), np.float32),
            np.zeros((0, 3), np.int32),
            np.zeros((0, 3, 2), np.float32),
            np.zeros(0, np.float32),
        )
    return (
        np.concatenate(points),
        np.concatenate(triangles),
        np.concatenate(corners),
        np.concatenate(levels),
    )
