"""Skin: a person's colors, baked once into a texture."""

import numpy as np

from efgan_tf.synthetic.creases import CREASES, bump, crease_maps, window
from efgan_tf.synthetic.hair_styles import inside_hair
from efgan_tf.synthetic.looks import Looks
from efgan_tf.synthetic.noise import fractal_noise
from efgan_tf.synthetic.texture import texel_positions, to_linear


def bake_skin(looks: Looks) -> np.ndarray:
    """A person's skin without expression: linear RGB, float32 [H, W, 3]."""
    p = texel_positions()
    x, y, z = np.abs(p[..., 0]), p[..., 1], p[..., 2]
    seed = looks.texture_seed
    color = np.empty((*p.shape[:2], 3), np.float32)
    color[:] = to_linear(np.array(looks.skin))
    blotch = fractal_noise(p * 4, seed, 3) - 0.5
    pores = fractal_noise(p * 38, seed + 1, 2) - 0.5
    color *= (1 + 0.14 * blotch + 0.16 * pores)[..., None]
    color *= _blush(p, looks, blotch)
    color *= 1 - _dark_spots(p, looks)
    color *= 1 - _aging(p, looks)
    lid = window(y, 0.02, 0.2, 0.05) * window(x, 0.18, 0.85, 0.1) * (z > -0.4)
    color *= 1 - 0.3 * (looks.makeup * lid)[..., None] * np.array(
        [0.6, 1.0, 0.8], np.float32
    )
    hair = to_linear(np.array(looks.hair))
    shadow = _beard(p, looks, seed)
    color = color * (1 - shadow) + shadow * hair * 0.6
    brow = _brows(p, looks, seed)[..., None]
    color = color * (1 - brow) + brow * hair * 0.45
    scalp = _scalp(p, looks, seed)[..., None]
    return (color * (1 - scalp) + scalp * hair * 0.7).astype(np.float32)


def _blush(p: np.ndarray, looks: Looks, blotch: np.ndarray) -> np.ndarray:
    """Factor per channel: blood shows on cheeks, nose, ears and chin."""
    x, y, z = np.abs(p[..., 0]), p[..., 1], p[..., 2]
    red = 0.55 * np.exp(-(((x - 0.66) / 0.36) ** 2) - ((y + 0.62) / 0.32) ** 2)
    red = red + 0.5 * np.exp(-((x / 0.25) ** 2) - ((y + 0.6) / 0.2) ** 2)
    red = red + 0.25 * np.exp(-((x / 0.3) ** 2) - ((y + 1.6) / 0.2) ** 2)
    red = red + 0.4 * window(x, 1.12, 3, 0.1) * window(y, -0.9, 0.5, 0.2)
    red = red * (1 + blotch) * looks.redness * (1 - 0.6 * looks.melanin)
    under = np.exp(-(((x - 0.45) / 0.26) ** 2) - ((y + 0.24) / 0.1) ** 2)
    under = under * (0.12 + 0.25 * looks.age) * (z > -0.5)
    factor = 1 - red[..., None] * np.array([0.03, 0.30, 0.26])
    factor = factor * (1 - under[..., None] * np.array([0.6, 0.9, 0.7]))
    return factor.astype(np.float32)


def _dark_spots(p: np.ndarray, looks: Looks) -> np.ndarray:
    """Freckles and moles: how much light they take, [..., 3]."""
    rng = np.random.default_rng([looks.texture_seed, 1])
    dark = np.zeros(p.shape[:2], np.float32)
    if looks.freckles:
        x, y = np.abs(p[..., 0]), p[..., 1]
        where = np.exp(-((x / 0.75) ** 2) - ((y + 0.5) / 0.42) ** 2)
        near = where > 0.02
        grain = fractal_noise(p * 26, looks.texture_seed + 2, 1, near)
        dark += np.clip((grain - 0.62) * 6, 0, 1) * where * looks.freckles * 0.5
    for _ in range(looks.spots):
        spot = np.array([rng.uniform(-0.9, 0.9), rng.uniform(-1.6, 0.9)])
        size = rng.uniform(0.008, 0.022)
        distance = np.hypot(p[..., 0] - spot[0], p[..., 1] - spot[1])
        dark += (
            bump(distance, size) * rng.uniform(0.3, 0.75) * (p[..., 2] > -0.5)
        )
    return np.clip(dark, 0, 1)[..., None] * np.array(
        [0.7, 0.95, 1.0], np.float32
    )


def _aging(p: np.ndarray, looks: Looks) -> np.ndarray:
    """Lines that stay: a share of the creases, [..., 3]."""
    maps, area = crease_maps()
    lines = np.zeros((*p.shape[:2], 3), np.float32)
    strength = np.clip((looks.age - 0.25) * 1.1, 0, 0.8)
    names = list(CREASES)
    # Little on the forehead: lines there read as fear or anger.
    shares = {
        "forehead": 0.3, "frown": 0.15, "nasolabial": 0.7, "crow": 0.8,
        "lid": 0.8, "corner": 0.4,
    }  # fmt: skip
    for name, share in shares.items():
        lines[area] += (share * strength * maps[names.index(name)])[..., None]
    # Everybody has a trace of the fold beside the nose.
    lines[area] += (0.12 * maps[names.index("nasolabial")])[..., None]
    return lines * np.array([0.6, 0.85, 0.9], np.float32)


def _beard(p: np.ndarray, looks: Looks, seed: int) -> np.ndarray:
    """Cover of stubble, beard and mustache, [H, W, 1] in [0, 1]."""
    x, y, z = np.abs(p[..., 0]), p[..., 1], p[..., 2]
    if not (looks.beard or looks.mustache or looks.stubble):
        return np.zeros((*p.shape[:2], 1), np.float32)
    edge = 0.12 * (fractal_noise(p * 9, seed + 3, 2, y < 0) - 0.5)
    jaw = np.clip(
        (-0.78 - 0.34 * np.exp(-((x / 0.5) ** 2)) - y + edge) * 5 + 1, 0, 1
    )
    jaw = np.maximum(
        jaw, np.clip((x - 0.86 + edge) * 6, 0, 1) * window(y, -1.6, -0.1, 0.2)
    )
    jaw = jaw * np.clip((y + 2.3) * 4, 0, 1) * (z > -1.2)
    lip = window(y + 0.10 * x, -1.0, -0.72, 0.09) * window(x, -1, 0.46, 0.08)
    lip = lip * (z > -0.3)
    near = np.maximum(jaw, lip) > 0
    strands = p * np.array([60, 16, 60], np.float32)
    hairs = fractal_noise(strands, seed + 4, 2, near)
    grain = fractal_noise(p * 70, seed + 5, 2, near)
    beard = jaw * looks.beard * np.clip(0.7 + 1.5 * (hairs - 0.35), 0, 1)
    beard = np.maximum(
        beard, lip * looks.mustache * np.clip(0.7 + 1.5 * (hairs - 0.35), 0, 1)
    )
    stubble = np.maximum(jaw, lip) * looks.stubble
    stubble = stubble * np.clip(0.25 + 2 * (grain - 0.45), 0, 0.6)
    return np.maximum(beard * 0.92, stubble)[..., None].astype(np.float32)


def _brows(p: np.ndarray, looks: Looks, seed: int) -> np.ndarray:
    """Cover of the eyebrows [H, W]: hairs that lean outward."""
    x, y, z = np.abs(p[..., 0]), p[..., 1], p[..., 2]
    t = np.clip((x - 0.16) / 0.64, 0, 1)
    line = 0.235 + looks.brow_arch * np.sin(t * 2.3) - 0.06 * t * t
    width = (
        looks.brow_width
        * (1 - 0.6 * t**2)
        * (0.75 + 0.25 * np.minimum(t * 6, 1))
    )
    side = np.sign(p[..., 0])
    lean = x * 6 - (y - line) * (14 - 10 * t)
    strands = fractal_noise(
        np.stack([lean * 5, (y - line) * 10, side * 3], -1),
        seed + 6,
        2,
        (np.abs(y - line) < 0.25) & (z > -0.6) & (x < 0.9),
    )
    off = np.abs(y - line) / width
    cover = np.clip((1.25 - off) * 1.6 + (strands - 0.5) * 1.7, 0, 1)
    ends = np.clip((x - 0.12) / 0.09, 0, 1) * np.clip((0.84 - x) / 0.1, 0, 1)
    cover = cover * ends * (z > -0.6)
    return (cover * looks.brow_depth).astype(np.float32)


def _scalp(p: np.ndarray, looks: Looks, seed: int) -> np.ndarray:
    """Cover of the hair that is painted on the skin [H, W]."""
    azimuth = np.arctan2(p[..., 0], p[..., 2] + 0.85)
    inward = inside_hair(looks.style, azimuth, p[..., 1])
    near = (inward > -0.4) & (p[..., 1] > -1.3)
    strands = p * np.array([22, 8, 22], np.float32)
    grain = fractal_noise(strands, seed + 7, 3, near)
    cover = np.clip(inward / 0.16 + (grain - 0.5) * 2.0 + 0.1, 0, 1)
    cover = cover * (p[..., 1] > -1.3)
    ear = (np.abs(p[..., 0]) > 1.17) & (p[..., 1] < 0.35)
    fine = fractal_noise(p * 60, seed + 8, 2, near)
    if looks.style.shells == 0:
        cover = cover * np.clip(0.82 + 0.7 * (fine - 0.5), 0, 0.95)
    return np.where(ear, 0, cover * (0.8 + 0.4 * (fine - 0.5))).clip(0, 0.97)
