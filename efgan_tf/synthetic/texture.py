"""The texture's layout: which point of the head each texel shows.

The texture is a map of directions from the middle of the head: columns follow
the azimuth, denser in front, rows the elevation. It is the same for everybody.
"""

import functools

import cv2
import numpy as np
import numpy.typing as npt

from efgan_tf.synthetic import head as head_lib
from efgan_tf.synthetic.raster import new_buffer, rasterize

HEIGHT, WIDTH = 512, 768
_CENTER = np.array([0.0, -0.6, -1.15], np.float32)  # in rest units
_LOW, _HIGH = -1.5, 1.45  # elevations of the last and the first row


def to_linear(color: npt.ArrayLike) -> np.ndarray:
    """sRGB [0, 1] → light intensity."""
    return np.asarray(color, np.float32) ** 2.2


def texture_coordinates(rest: np.ndarray) -> np.ndarray:
    """Rest positions [..., 3] → (x, y) in texels, float32 [..., 2]."""
    d = rest - _CENTER
    azimuth = np.arctan2(d[..., 0], d[..., 2])
    elevation = np.arctan2(d[..., 1], np.hypot(d[..., 0], d[..., 2]))
    # d(u)/d(azimuth) falls from 1/4 in front to 0 behind the head.
    u = 0.5 + 0.5 * np.sin(azimuth / 2)
    v = (_HIGH - elevation) / (_HIGH - _LOW)
    return np.stack(
        [u * (WIDTH - 1), np.clip(v, 0, 1) * (HEIGHT - 1)], -1
    ).astype(np.float32)


def corner_coordinates() -> np.ndarray:
    """Texture coordinates of every triangle's corners, float32 [T, 3, 2]."""
    head = head_lib.load_head()
    uv = texture_coordinates(head.rest)[head.triangles]
    # A triangle across the back of the head has corners on both borders.
    wide = uv[..., 0].max(1) - uv[..., 0].min(1) > WIDTH / 2
    x = uv[..., 0]
    x[wide] = np.where(x[wide] < WIDTH / 2, WIDTH - 1.0, x[wide])
    return np.ascontiguousarray(uv)


@functools.cache
def texel_positions() -> np.ndarray:
    """Rest position that each texel shows, float32 [512, 768, 3]."""
    head = head_lib.load_head()
    skin = (head.part == head_lib.SKIN) & (
        head.inside[head.triangles].max(1) < 0.5
    )
    triangles, uv = head.triangles[skin], corner_coordinates()[skin]
    radius = np.linalg.norm(head.rest - _CENTER, axis=1)[triangles]
    # The outermost surface wins: lips and lids, not what lies behind them.
    points = np.concatenate([uv, radius[..., None]], -1).reshape(-1, 3)
    separate = np.arange(len(points), dtype=np.int32).reshape(-1, 3)
    depth, face, weights = new_buffer(HEIGHT, WIDTH)
    rasterize(
        points.astype(np.float32), separate, 0, True, depth, face, weights
    )
    w = np.concatenate([weights, 1 - weights.sum(-1, keepdims=True)], -1)
    corners = head.rest[triangles[np.maximum(face, 0)]]
    positions = (corners * w[..., None]).sum(2).astype(np.float32)
    missing = face < 0
    _, labels = cv2.distanceTransformWithLabels(
        missing.astype(np.uint8),
        cv2.DIST_L2,
        5,
        labelType=cv2.DIST_LABEL_PIXEL,
    )
    source = np.zeros(labels.max() + 1, np.int64)
    source[labels[~missing]] = np.flatnonzero(~missing)
    return positions.reshape(-1, 3)[source[labels]]
