"""Rasterizing kernels: which triangle each pixel sees, and where.

Points are (x, y, depth) in pixels, y down, a larger depth is nearer. A buffer
is three arrays: depth float32 [n, m], face int32 [n, m] (-1 is nothing) and
weights float32 [n, m, 2], the barycentric weights of the first two corners.
"""

import numba
import numpy as np

EMPTY = -1e9


def new_buffer(
    height: int, width: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """An empty buffer (depth, face, weights)."""
    return (
        np.full((height, width), EMPTY, np.float32),
        np.full((height, width), -1, np.int32),
        np.zeros((height, width, 2), np.float32),
    )


@numba.njit(cache=True, fastmath=True)
def rasterize(
    points: np.ndarray,
    triangles: np.ndarray,
    first: int,
    two_sided: bool,
    depth: np.ndarray,
    face: np.ndarray,
    weights: np.ndarray,
) -> None:
    """Draws triangles int32 [T, 3] of points float32 [V, 3] into a buffer.

    `first` is added to the triangle's number in `face`. Triangles that turn
    their back are skipped unless `two_sided`.
    """
    height, width = depth.shape
    for f in range(triangles.shape[0]):
        i, j, k = triangles[f, 0], triangles[f, 1], triangles[f, 2]
        ax, ay, az = points[i, 0], points[i, 1], points[i, 2]
        bx, by, bz = points[j, 0], points[j, 1], points[j, 2]
        cx, cy, cz = points[k, 0], points[k, 1], points[k, 2]
        area = (by - cy) * (ax - cx) + (cx - bx) * (ay - cy)
        if abs(area) < 1e-9 or (area > 0 and not two_sided):
            continue
        left = max(0, int(np.ceil(min(ax, bx, cx))))
        right = min(width - 1, int(np.floor(max(ax, bx, cx))))
        top = max(0, int(np.ceil(min(ay, by, cy))))
        bottom = min(height - 1, int(np.floor(max(ay, by, cy))))
        u_step, v_step = (by - cy) / area, (cy - ay) / area
        for y in range(top, bottom + 1):
            u = (u_step * (left - cx)) + (cx - bx) * (y - cy) / area
            v = (v_step * (left - cx)) + (ax - cx) * (y - cy) / area
            for x in range(left, right + 1):
                w = 1 - u - v
                if u >= -1e-5 and v >= -1e-5 and w >= -1e-5:
                    z = u * az + v * bz + w * cz
                    if z > depth[y, x]:
                        depth[y, x] = z
                        face[y, x] = first + f
                        weights[y, x, 0] = u
                        weights[y, x, 1] = v
                u += u_step
                v += v_step


@numba.njit(cache=True, fastmath=True)
def vertex_normals(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Unit normals float32 [V, 3], area-weighted over the triangles."""
    normals = np.zeros(points.shape, np.float32)
    for f in range(triangles.shape[0]):
        i, j, k = triangles[f, 0], triangles[f, 1], triangles[f, 2]
        ux, uy, uz = (
            points[j, 0] - points[i, 0],
            points[j, 1] - points[i, 1],
            points[j, 2] - points[i, 2],
        )
        vx, vy, vz = (
            points[k, 0] - points[i, 0],
            points[k, 1] - points[i, 1],
            points[k, 2] - points[i, 2],
        )
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for c in (i, j, k):
            normals[c, 0] += nx
            normals[c, 1] += ny
            normals[c, 2] += nz
    for v in range(points.shape[0]):
        length = np.sqrt((normals[v] ** 2).sum()) + 1e-12
        normals[v] /= length
    return normals


@numba.njit(cache=True, fastmath=True)
def rasterize_cutout(
    points: np.ndarray,
    triangles: np.ndarray,
    corners: np.ndarray,
    level: np.ndarray,
    texture: np.ndarray,
    first: int,
    depth: np.ndarray,
    face: np.ndarray,
    weights: np.ndarray,
) -> None:
    """Like `rasterize`, two-sided, for triangles with holes.

    A pixel is kept where channel 0 of `texture` float32 [h, w, 2], looked up
    at `corners` float32 [T, 3, 2] in [0, 1], exceeds `level` float32 [T].
    """
    height, width = depth.shape
    rows, columns = texture.shape[0] - 1, texture.shape[1] - 1
    for f in range(triangles.shape[0]):
        i, j, k = triangles[f, 0], triangles[f, 1], triangles[f, 2]
        ax, ay, az = points[i, 0], points[i, 1], points[i, 2]
        bx, by, bz = points[j, 0], points[j, 1], points[j, 2]
        cx, cy, cz = points[k, 0], points[k, 1], points[k, 2]
        area = (by - cy) * (ax - cx) + (cx - bx) * (ay - cy)
        if abs(area) < 1e-9:
            continue
        left = max(0, int(np.ceil(min(ax, bx, cx))))
        right = min(width - 1, int(np.floor(max(ax, bx, cx))))
        top = max(0, int(np.ceil(min(ay, by, cy))))
        bottom = min(height - 1, int(np.floor(max(ay, by, cy))))
        for y in range(top, bottom + 1):
            for x in range(left, right + 1):
                u = ((by - cy) * (x - cx) + (cx - bx) * (y - cy)) / area
                v = ((cy - ay) * (x - cx) + (ax - cx) * (y - cy)) / area
                w = 1 - u - v
                if u < -1e-5 or v < -1e-5 or w < -1e-5:
                    continue
                z = u * az + v * bz + w * cz
                if z <= depth[y, x]:
                    continue
                s = u * corners[f, 0, 0] + v * corners[f, 1, 0]
                t = u * corners[f, 0, 1] + v * corners[f, 1, 1]
                s = (s + w * corners[f, 2, 0]) * columns
                t = (t + w * corners[f, 2, 1]) * rows
                column = min(max(int(s), 0), columns)
                row = min(max(int(t), 0), rows)
                if texture[row, column, 0] > level[f]:
                    depth[y, x] = z
                    face[y, x] = first + f
                    weights[y, x, 0] = u
                    weights[y, x, 1] = v
