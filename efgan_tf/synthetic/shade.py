"""Shading kernels: the color of every pixel, by what it shows.

All colors are linear light. `light` is float32 [5, 3]: direction of the key
light, its color, ambient light from above, from below, and the half vector
between key light and viewer. `occlusion` and `shadow` are float32 [n, m]
factors in [0, 1].
"""

import numba
import numpy as np

SKIN, EYE, MOUTH, HAIR, RIM = range(5)

# How far light bleeds past the terminator: red most, as in skin.
_WRAP = np.array([0.36, 0.20, 0.14], np.float32)


@numba.njit(cache=True, fastmath=True)
def _normal(normals, triangles, f, u, v):
    w = 1 - u - v
    i, j, k = triangles[f, 0], triangles[f, 1], triangles[f, 2]
    x = u * normals[i, 0] + v * normals[j, 0] + w * normals[k, 0]
    y = u * normals[i, 1] + v * normals[j, 1] + w * normals[k, 1]
    z = u * normals[i, 2] + v * normals[j, 2] + w * normals[k, 2]
    length = np.sqrt(x * x + y * y + z * z) + 1e-9
    return x / length, y / length, z / length


@numba.njit(cache=True, fastmath=True)
def _mix(values, triangles, f, u, v):
    i, j, k = triangles[f, 0], triangles[f, 1], triangles[f, 2]
    return u * values[i] + v * values[j] + (1 - u - v) * values[k]


@numba.njit(cache=True, fastmath=True)
def _step(x, low, high):
    t = min(max((x - low) / (high - low), 0.0), 1.0)
    return t * t * (3 - 2 * t)


@numba.njit(cache=True, fastmath=True)
def shadow_mask(face, weights, triangles, places, lit_depth, size, bias):
    """How much of the key light reaches each pixel, float32 [n, m].

    `places` float32 [V, 3] are the vertices as the light sees them, in pixels
    of `lit_depth`, whose entries they are compared with.
    """
    height, width = face.shape
    out = np.ones((height, width), np.float32)
    for y in range(height):
        for x in range(width):
            f = face[y, x]
            if f < 0:
                continue
            u, v = weights[y, x, 0], weights[y, x, 1]
            px = _mix(places[:, 0], triangles, f, u, v)
            py = _mix(places[:, 1], triangles, f, u, v)
            pz = _mix(places[:, 2], triangles, f, u, v)
            if px < 1 or py < 1 or px >= size - 2 or py >= size - 2:
                continue
            lit = 0
            for dy in range(-1, 2):
                for dx in range(-1, 2):
                    if lit_depth[int(py) + dy, int(px) + dx] < pz + bias:
                        lit += 1
            out[y, x] = lit / 9.0
    return out


@numba.njit(cache=True, fastmath=True)
def shade_skin(
    face, weights, triangles, material, corners, normals, lips, inside,
    cloth, texture, lip_color, cloth_color, stripes, light, occlusion, shadow,
    depth, mouth_depth, mouth_scale, out,
):  # fmt: skip
    """Skin, lips, mouth cavity and clothes.

    `texture` is linear RGB float32 [h, w, 3] with `corners` float32 [T, 3, 2]
    in texels; `lips`, `inside` and `cloth` are float32 [V] (cloth: distance
    into it, > 0 is clothed).
    """
    height, width = face.shape
    rows, columns = texture.shape[0], texture.shape[1]
    for y in range(height):
        for x in range(width):
            f = face[y, x]
            if f < 0 or material[f] != SKIN:
                continue
            u, v = weights[y, x, 0], weights[y, x, 1]
            w = 1 - u - v
            nx, ny, nz = _normal(normals, triangles, f, u, v)
            shade = nx * light[0, 0] + ny * light[0, 1] + nz * light[0, 2]
            half = nx * light[4, 0] + ny * light[4, 1] + nz * light[4, 2]
            half = max(half, 0.0)
            sky = 0.5 + 0.5 * ny
            s = u * corners[f, 0, 0] + v * corners[f, 1, 0]
            t = u * corners[f, 0, 1] + v * corners[f, 1, 1]
            s = min(max(s + w * corners[f, 2, 0], 0.0), columns - 1.001)
            t = min(max(t + w * corners[f, 2, 1], 0.0), rows - 1.001)
            i, j = int(t), int(s)
            a, b = t - i, s - j
            lip = _step(_mix(lips, triangles, f, u, v), 0.25, 0.7)
            cavity = _step(_mix(inside, triangles, f, u, v), 0.4, 0.6)
            fade = (mouth_depth - depth[y, x]) / mouth_scale
            fade = min(max(fade, 0.0), 1.0)
            dressed = _mix(cloth, triangles, f, u, v)
            woven = _step(dressed, -0.01, 0.01)
            # The edge of the collar is a fold: dark, then light.
            seam = 1 - 0.45 * np.exp(-(((dressed - 0.02) / 0.03) ** 2))
            seam *= 1 - 0.10 * np.exp(-(((dressed - 0.13) / 0.012) ** 2))
            open_ = occlusion[y, x]
            gloss = half**22 * (0.055 + 0.09 * lip) * shadow[y, x]
            gloss += half**70 * 0.10 * lip * shadow[y, x]
            gloss *= (1 - cavity) * (1 - woven)
            for c in range(3):
                color = texture[i, j, c] * (1 - b) + texture[i, j + 1, c] * b
                color = color * (1 - a) + a * (
                    texture[i + 1, j, c] * (1 - b)
                    + texture[i + 1, j + 1, c] * b
                )
                color = color * (1 - lip) + lip * (
                    lip_color[c] * 0.75 + 0.25 * color
                )
                cave = lip_color[c] * (0.28 - 0.07 * c) * (1 - 0.9 * fade)
                color = color * (1 - cavity) + cavity * cave
                wrap = _WRAP[c] * (1 - woven)
                direct = max((shade + wrap) / (1 + wrap), 0.0) * shadow[y, x]
                if woven > 0:
                    stripe = 1 - stripes * (int(dressed * 7) % 2)
                    fabric = cloth_color[c] * seam * stripe
                    color = color * (1 - woven) + woven * fabric
                ambient = light[2, c] * sky + light[3, c] * (1 - sky)
                # Occluded skin still glows red: light went through it.
                tinted = open_ ** (0.8 + 0.25 * c)
                out[y, x, c] = (
                    color
                    * (
                        ambient * tinted
                        + light[1, c] * direct * (0.35 + 0.65 * tinted)
                    )
                    + light[1, c] * gloss * open_
                )
            out[y, x, 3] = 1.0


@numba.njit(cache=True, fastmath=True)
def shade_eyes(
    face, weights, triangles, material, side, normals, local, gaze, iris,
    light, occlusion, shadow, out,
):  # fmt: skip
    """Eyeballs: sclera, iris, pupil and the light's reflection.

    `local` float32 [V, 3] are unit vectors from the eyeball's center, in the
    head's frame; `gaze` float32 [2, 3] where each eye looks; `side` uint8 [T]
    which eye.
    """
    height, width = face.shape
    for y in range(height):
        for x in range(width):
            f = face[y, x]
            if f < 0 or material[f] != EYE:
                continue
            u, v = weights[y, x, 0], weights[y, x, 1]
            px, py, pz = _normal(local, triangles, f, u, v)
            g = gaze[side[f]]
            along = px * g[0] + py * g[1] + pz * g[2]
            angle = np.arccos(min(max(along, -1.0), 1.0))
            around = np.arctan2(py - g[1], px - g[0])
            nx, ny, nz = _normal(normals, triangles, f, u, v)
            shade = nx * light[0, 0] + ny * light[0, 1] + nz * light[0, 2]
            direct = max((shade + 0.3) / 1.3, 0.0) * shadow[y, x]
            half = nx * light[4, 0] + ny * light[4, 1] + nz * light[4, 2]
            gloss = max(half, 0.0) ** 220 * 1.6
            # A second, soft reflection keeps eyes alive in any light.
            gloss += 0.5 * np.exp(
                -((nx - g[0] - 0.16) ** 2 + (ny - g[1] - 0.2) ** 2) / 0.006
            )
            ring = 1 - _step(angle, 0.46, 0.52)
            pupil = 1 - _step(angle, 0.16, 0.20)
            limbus = _step(angle, 0.34, 0.49)
            rays = 0.85 + 0.25 * np.sin(around * 19 + 4 * np.sin(around * 7))
            rays *= 1.15 - 0.75 * limbus
            lid = 1 - 0.45 * _step(py, 0.0, 0.55)
            white = _step(angle, 0.5, 1.2)
            for c in range(3):
                color = (0.74 - 0.05 * c) * (1 - white * (0.12 + 0.14 * c))
                color = color * (1 - ring) + ring * iris[c] * rays
                color *= 1 - 0.96 * pupil
                ambient = 0.6 * light[2, c] + 0.4 * light[3, c]
                open_ = occlusion[y, x] ** 0.75 * lid
                out[y, x, c] = color * (
                    ambient * open_
                    + 0.75 * light[1, c] * direct * (0.3 + 0.7 * open_)
                ) + gloss * light[1, c] * (0.3 + 0.7 * open_)
            out[y, x, 3] = 1.0


@numba.njit(cache=True, fastmath=True)
def shade_plain(
    face, weights, triangles, material, kind, color, gloss, normals, light,
    occlusion, shadow, depth, mouth_depth, mouth_scale, out,
):  # fmt: skip
    """Teeth, tongue and spectacle rims: `color` float32 [T, 3].

    What lies deeper than `mouth_depth` darkens over `mouth_scale` (pixels).
    """
    height, width = face.shape
    for y in range(height):
        for x in range(width):
            f = face[y, x]
            if f < 0 or material[f] != kind:
                continue
            u, v = weights[y, x, 0], weights[y, x, 1]
            nx, ny, nz = _normal(normals, triangles, f, u, v)
            shade = nx * light[0, 0] + ny * light[0, 1] + nz * light[0, 2]
            direct = max((shade + 0.2) / 1.2, 0.0) * shadow[y, x]
            half = nx * light[4, 0] + ny * light[4, 1] + nz * light[4, 2]
            shine = gloss * max(half, 0.0) ** 40
            fade = 0.0
            open_ = occlusion[y, x]
            if kind == MOUTH:  # teeth scatter light: never quite in shadow
                open_ = open_**0.5
                direct = 0.7 + 0.3 * direct
                fade = (mouth_depth - depth[y, x]) / mouth_scale
                fade = 0.9 * min(max(fade, 0.0), 1.0)
            for c in range(3):
                ambient = 0.5 * (light[2, c] + light[3, c])
                out[y, x, c] = (
                    (1 - fade)
                    * open_
                    * (
                        color[f, c] * (ambient + light[1, c] * direct)
                        + shine * light[1, c]
                    )
                )
            out[y, x, 3] = 1.0


@numba.njit(cache=True, fastmath=True)
def shade_hair(
    face, weights, triangles, material, corners, normals, texture, color,
    light, occlusion, shadow, out,
):  # fmt: skip
    """Hair shells: strands with a highlight across them (Kajiya and Kay).

    `corners` float32 [T, 3, 2] in [0, 1] of `texture` float32 [h, w, 2],
    whose channel 1 is the strands' shade.
    """
    height, width = face.shape
    rows, columns = texture.shape[0] - 1, texture.shape[1] - 1
    for y in range(height):
        for x in range(width):
            f = face[y, x]
            if f < 0 or material[f] != HAIR:
                continue
            u, v = weights[y, x, 0], weights[y, x, 1]
            w = 1 - u - v
            s = u * corners[f, 0, 0] + v * corners[f, 1, 0]
            t = u * corners[f, 0, 1] + v * corners[f, 1, 1]
            column = int(min(max(s + w * corners[f, 2, 0], 0), 1) * columns)
            row = int(min(max(t + w * corners[f, 2, 1], 0), 1) * rows)
            strand = texture[row, column, 1]
            nx, ny, nz = _normal(normals, triangles, f, u, v)
            if nz < 0:  # the inner side of a lock
                nx, ny, nz = -nx, -ny, -nz
            # Strands run downwards along the shell.
            tx, ty, tz = nx * ny, ny * ny - 1, nz * ny
            length = np.sqrt(tx * tx + ty * ty + tz * tz) + 1e-6
            across = (
                tx * light[4, 0] + ty * light[4, 1] + tz * light[4, 2]
            ) / length + 0.25 * (strand - 0.5)
            shine = max(1 - across * across, 0.0) ** 30
            shade = nx * light[0, 0] + ny * light[0, 1] + nz * light[0, 2]
            direct = max((shade + 0.35) / 1.35, 0.0) * shadow[y, x]
            sky = 0.5 + 0.5 * ny
            open_ = occlusion[y, x]
            for c in range(3):
                ambient = light[2, c] * sky + light[3, c] * (1 - sky)
                out[y, x, c] = (
                    color[c]
                    * strand
                    * 1.15
                    * (
                        ambient * open_
                        + 0.9 * light[1, c] * direct * (0.3 + 0.7 * open_)
                    )
                    + (0.025 + 0.10 * color[c])
                    * shine
                    * strand
                    * light[1, c]
                    * direct
                )
            out[y, x, 3] = 1.0


@numba.njit(cache=True, fastmath=True)
def deepen(texture, area, creases, left, right, blend, out):
    """Darkens `area` (an [h, w, 3] window of `texture`) by the creases.

    `creases` float32 [n, h, w]; `left` and `right` float32 [n] their depth
    on the person's sides; `blend` float32 [h, w] is 1 on the left side.
    """
    top, start = area
    for y in range(creases.shape[1]):
        for x in range(creases.shape[2]):
            dark = 0.0
            for n in range(creases.shape[0]):
                depth = right[n] + (left[n] - right[n]) * blend[y, x]
                dark += depth * creases[n, y, x]
            dark = min(max(dark, -0.3), 0.8)
            for c in range(3):
                out[top + y, start + x, c] = texture[top + y, start + x, c] * (
                    1 - dark * (0.62 + 0.16 * c)
                )
