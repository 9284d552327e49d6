"""What a person looks like, beyond the shape of the face."""

import dataclasses

import numpy as np

from efgan_tf.synthetic.hair_styles import STYLES, HairStyle

# sRGB skin tones from light to dark.
_TONES = np.array(
    [
        (0.95, 0.80, 0.73),
        (0.90, 0.72, 0.62),
        (0.78, 0.59, 0.48),
        (0.57, 0.40, 0.31),
        (0.37, 0.26, 0.21),
    ]
)
_HAIR = {
    "black": (0.07, 0.06, 0.06),
    "dark": (0.16, 0.11, 0.08),
    "brown": (0.29, 0.19, 0.12),
    "chestnut": (0.38, 0.22, 0.13),
    "blond": (0.66, 0.51, 0.30),
    "red": (0.52, 0.24, 0.11),
}
_IRIS = {
    "dark": (0.20, 0.12, 0.07),
    "brown": (0.36, 0.22, 0.11),
    "hazel": (0.42, 0.34, 0.18),
    "green": (0.34, 0.43, 0.28),
    "blue": (0.36, 0.49, 0.62),
    "gray": (0.46, 0.51, 0.54),
}
_CLOTH = np.array(
    [
        (0.15, 0.17, 0.22),
        (0.85, 0.85, 0.83),
        (0.30, 0.34, 0.40),
        (0.45, 0.12, 0.14),
        (0.16, 0.28, 0.42),
        (0.22, 0.34, 0.25),
        (0.62, 0.55, 0.43),
        (0.08, 0.08, 0.09),
        (0.68, 0.47, 0.50),
        (0.42, 0.52, 0.62),
    ]
)
_MALE_STYLES = ("buzz", "short", "short", "brushed", "fringe", "curly")
_FEMALE_STYLES = (
    "bob", "long", "long", "long_fringe", "long_fringe", "tied", "wavy",
    "wavy", "curly", "bob", "brushed",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Looks:
    """Everything about a person that is paint, hair or clothes.

    Colors are sRGB in [0, 1]; lengths are in eye distances.
    """

    texture_seed: int
    skin: tuple[float, float, float]
    melanin: float
    redness: float
    freckles: float
    spots: int
    age: float
    lips: tuple[float, float, float]
    lip_weight: float
    makeup: float
    iris: tuple[float, float, float]
    hair: tuple[float, float, float]
    style: HairStyle
    brow_width: float
    brow_depth: float
    brow_arch: float
    stubble: float
    beard: float
    mustache: float
    collar: str
    cloth: tuple[float, float, float]
    cloth_stripes: float
    glasses: str
    glasses_color: tuple[float, float, float]


def as_tuple(values: np.ndarray) -> tuple[float, float, float]:
    """Three plain numbers, which compare and pickle."""
    first, second, third = values.tolist()
    return first, second, third


def sample_looks(
    rng: np.random.Generator, ancestry: np.ndarray, female: float, old: float
) -> Looks:
    """Paint, hair and clothes that go with a face.

    Args:
      rng: the person's generator.
      ancestry: [3], shares of Caucasian, Asian and African shape.
      female: 0 male ... 1 female shape.
      old: 0 young ... 1 old shape.
    """
    caucasian, asian, african = ancestry
    melanin = ancestry @ np.array([0.12, 0.27, 0.80])
    melanin = float(np.clip(melanin + rng.normal(0, 0.07), 0, 1))
    skin = np.array(
        [
            np.interp(melanin * (len(_TONES) - 1), range(len(_TONES)), channel)
            for channel in _TONES.T
        ]
    )
    skin = np.clip(skin + rng.normal(0, 0.012, 3), 0.1, 0.97)
    fair = caucasian > 0.5
    hair = np.array(_HAIR[_pick_hair(rng, fair)])
    gray = float(np.clip((old - 0.35) * 1.6 + rng.normal(0, 0.15), 0, 1))
    hair = hair * (1 - gray) + np.array([0.66, 0.65, 0.63]) * gray
    iris = rng.choice(list(_IRIS) if fair else ["dark", "dark", "brown"])
    lips = skin * np.array([0.88, 0.66, 0.66]) + np.array([0.02, 0, 0.01])
    makeup = float(rng.uniform(0.3, 1)) * (female > 0.5 and rng.random() < 0.5)
    if makeup:
        red = np.array([0.70, 0.20, 0.25]) * rng.uniform(0.75, 1.15, 3)
        lips = lips * (1 - 0.6 * makeup) + red * 0.6 * makeup
    bearded = female < 0.4 and rng.random() < 0.35
    male = female < 0.5
    return Looks(
        texture_seed=int(rng.integers(1 << 20)),
        skin=as_tuple(skin),
        melanin=melanin,
        redness=float(rng.uniform(0.4, 1.2)),
        freckles=float(
            rng.uniform(0.3, 1) * (melanin < 0.2 and rng.random() < 0.3)
        ),
        spots=int(rng.poisson(2 + 4 * old)),
        age=old,
        lips=as_tuple(np.clip(lips * rng.uniform(0.92, 1.05), 0, 1)),
        lip_weight=float(rng.uniform(0.6, 0.95)),
        makeup=makeup,
        iris=as_tuple(np.array(_IRIS[str(iris)]) * rng.uniform(0.8, 1.15)),
        hair=as_tuple(hair * rng.uniform(0.85, 1.15)),
        style=STYLES[_pick_style(rng, male, old, african)],
        brow_width=float(rng.uniform(0.045, 0.075) * (1.25 - 0.4 * female)),
        brow_depth=float(rng.uniform(0.55, 0.9)),
        brow_arch=float(rng.uniform(0.02, 0.1)),
        stubble=float(rng.uniform(0, 0.7) * (female < 0.4)),
        beard=float(rng.uniform(0.55, 1) * bearded),
        mustache=float(
            rng.uniform(0.5, 1) * (bearded or (male and rng.random() < 0.08))
        ),
        collar=str(rng.choice(["crew", "vneck", "polo", "turtle"])),
        cloth=as_tuple(
            np.clip(
                _CLOTH[rng.integers(len(_CLOTH))] * rng.uniform(0.7, 1.2, 3),
                0.03,
                0.92,
            )
        ),
        cloth_stripes=float(rng.uniform(0.2, 0.6) * (rng.random() < 0.25)),
        glasses=str(rng.choice(["", "round", "square"], p=[0.82, 0.09, 0.09])),
        glasses_color=as_tuple(
            np.array([(0.04, 0.04, 0.05), (0.25, 0.13, 0.07), (0.5, 0.5, 0.5)])[
                rng.integers(3)
            ]
        ),
    )


def _pick_hair(rng: np.random.Generator, fair: bool) -> str:
    if fair:
        return str(
            rng.choice(list(_HAIR), p=[0.1, 0.2, 0.25, 0.15, 0.22, 0.08])
        )
    return str(rng.choice(["black", "dark"], p=[0.7, 0.3]))


def _pick_style(
    rng: np.random.Generator, male: bool, old: float, african: float
) -> str:
    if male and rng.random() < 0.12 + 0.5 * old:
        return str(rng.choice(["receding", "bald", "receding"]))
    if african > 0.6 and rng.random() < 0.5:
        return str(rng.choice(["buzz", "curly"] if male else ["curly", "tied"]))
    return str(rng.choice(_MALE_STYLES if male else _FEMALE_STYLES))
