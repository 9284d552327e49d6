"""Who is shown and how: people, views and expressions drawn from a seed.

Every draw has a generator of its own, keyed by (seed, subject, ...), so a
subject is the same whatever else is made, in whatever order or process.
"""

import dataclasses

import numpy as np

from efgan_tf import action_units
from efgan_tf.synthetic.expressions import EXPRESSIONS
from efgan_tf.synthetic.head import load_head
from efgan_tf.synthetic.looks import Looks, as_tuple, sample_looks

# What the keys of the generators are for; new kinds go to the end.
_PERSON, _VIEW, _EXPRESSION, _SIDES = range(4)

# Shape targets that look like a disease, or like an expression.
_EXTREME = (
    "eye-scale", "nose-compression", "head-angle", "shape-pointed",
    "mouth-angles", "eyebrows-angle", "lip-ext", "dimples", "laugh-lines",
    "lip-middle", "asym-mouth", "eye-height", "mouth-trans-forward",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Identity:
    """A person.

    Attributes:
      seed: of the whole set.
      subject: number of the person in it.
      shape: float32 [V, 3], offsets of the neutral head in decimeters.
      looks: the rest.
      female: 0 male ... 1 female shape.
    """

    seed: int
    subject: int
    shape: np.ndarray
    looks: Looks
    female: float


@dataclasses.dataclass(frozen=True)
class View:
    """Pose, camera, light and background, shared by the images of a view.

    Attributes:
      seed, subject, view: the key, for noise that differs between images.
      yaw, pitch, roll: of the head, in degrees; yaw > 0 turns it to the
          image's right, pitch > 0 down.
      gaze: where the eyes look, degrees right and up of straight ahead.
      eye_share: eye distance as a share of the image side.
      center: between the eyes (x, y), as shares of the image side.
      distance: of the camera, in eye distances.
      light: unit vector towards the key light (x right, y up, z viewer).
      light_color, ambient_color: linear RGB.
      ambient_ground: share of the ambient light that comes from below.
      exposure: gain of the camera.
      background: name of a kind of background.
      background_seed: which one of the kind.
      blur: standard deviation of the lens blur as a share of the side.
      noise: standard deviation of sensor noise in [0, 1] pixel values.
      jpeg_quality: 80–95.
    """

    seed: int
    subject: int
    view: int
    yaw: float
    pitch: float
    roll: float
    gaze: tuple[float, float]
    eye_share: float
    center: tuple[float, float]
    distance: float
    light: tuple[float, float, float]
    light_color: tuple[float, float, float]
    ambient_color: tuple[float, float, float]
    ambient_ground: float
    exposure: float
    background: str
    background_seed: int
    blur: float
    noise: float
    jpeg_quality: int


def sample_identity(seed: int, subject: int) -> Identity:
    """The person number `subject` of the set `seed`."""
    rng = np.random.default_rng([seed, _PERSON, subject])
    # Mostly one ancestry, as people's faces are, sometimes mixed.
    ancestry = rng.dirichlet([0.35] * 3)
    female = float(rng.beta(0.25, 0.25))
    old = float(np.clip(rng.normal(0.22, 0.3), 0, 1))
    shape = _sample_shape(rng, ancestry, female, old)
    looks = sample_looks(rng, ancestry, female, old)
    return Identity(seed, subject, shape, looks, female)


def _sample_shape(
    rng: np.random.Generator, ancestry: np.ndarray, female: float, old: float
) -> np.ndarray:
    head = load_head()
    shape = np.zeros_like(head.vertices)
    sexes = (("male", 1 - female), ("female", female))
    ages = (("young", 1 - old), ("old", old))
    races = zip(("caucasian", "asian", "african"), ancestry, strict=True)
    for race, race_weight in races:
        for sex, sex_weight in sexes:
            for age, age_weight in ages:
                weight = race_weight * sex_weight * age_weight
                shape += weight * head.macros[f"{race}-{sex}-{age}"]
    stout = float(np.clip(rng.normal(0, 0.5), -0.8, 0.9))
    extreme = "maxweight" if stout > 0 else "minweight"
    for sex, sex_weight in sexes:
        name = f"universal-{sex}-young-averagemuscle-{extreme}"
        if name in head.macros:
            shape += abs(stout) * sex_weight * head.macros[name]
    return (shape + _local_shape(rng)).astype(np.float32)


def _local_shape(rng: np.random.Generator) -> np.ndarray:
    """A handful of local targets, nearly alike on both sides."""
    head = load_head()
    shape = np.zeros_like(head.vertices)
    names = sorted(
        n
        for n in head.shapes
        if not n.startswith(("r-", "asym"))
        and not any(word in n for word in _EXTREME)
    )
    for name in rng.choice(names, 18, replace=False):
        weight = rng.uniform(0.1, 0.55)
        shape += weight * head.shapes[str(name)]
        if str(name).startswith("l-"):
            other = weight * rng.uniform(0.85, 1.15)
            shape += other * head.shapes["r-" + str(name)[2:]]
    asymmetric = sorted(
        n
        for n in head.shapes
        if n.startswith("asym") and not n.startswith("asym-mouth")
    )
    for name in rng.choice(asymmetric, 3, replace=False):
        shape += rng.uniform(0, 0.25) * head.shapes[str(name)]
    return shape


def sample_view(
    seed: int, subject: int, view: int, max_yaw: float = 15.0
) -> View:
    """View number `view` of a person.

    Args:
      seed, subject: as in `sample_identity`.
      view: its number.
      max_yaw: largest turn of the head in degrees, 0–45.
    """
    rng = np.random.default_rng([seed, _VIEW, subject, view])
    angle = rng.uniform(-0.95, 0.95)
    light = np.array([np.sin(angle), rng.uniform(0.1, 0.75), np.cos(angle)])
    light /= np.linalg.norm(light)
    warmth = rng.normal(0, 0.1)
    key = np.array([1 + warmth, 1.0, 1 - warmth]) * rng.uniform(0.75, 1.05)
    coolness = rng.normal(0, 0.1)
    ambient = np.array([1 - coolness, 1.0, 1 + coolness])
    return View(
        seed=seed,
        subject=subject,
        view=view,
        yaw=float(rng.uniform(-max_yaw, max_yaw)),
        pitch=float(np.clip(rng.normal(0, 3.5), -8, 8)),
        roll=float(np.clip(rng.normal(0, 2.5), -6, 6)),
        gaze=(float(rng.normal(0, 3)), float(rng.normal(0, 2))),
        eye_share=float(rng.uniform(0.145, 0.195)),
        center=(
            float(0.5 + rng.normal(0, 0.02)),
            float(rng.uniform(0.42, 0.48)),
        ),
        distance=float(rng.uniform(13, 24)),
        light=as_tuple(light),
        light_color=as_tuple(np.clip(key, 0.3, 1.4)),
        ambient_color=as_tuple(ambient * rng.uniform(0.28, 0.5)),
        ambient_ground=float(rng.uniform(0.35, 0.7)),
        exposure=float(rng.uniform(0.9, 1.12)),
        background=str(
            rng.choice(["plain", "gradient", "blobs", "indoor", "studio"])
        ),
        background_seed=int(rng.integers(1 << 20)),
        blur=float(rng.uniform(0, 0.0022)),
        noise=float(rng.uniform(0.6, 2.0) / 255),
        jpeg_quality=int(rng.integers(80, 96)),
    )


def sample_action_units(
    seed: int, subject: int, view: int, index: int
) -> tuple[str, np.ndarray]:
    """What the face does in image `index` of a view.

    The first eight images are the expressions, index 0 exactly neutral, the
    others at 0.7–1 of their strength with every unit varied a little; further
    ones are random: one strong unit, a few units, a part of an expression,
    or a mixture of two.

    Returns:
      The expression's name ("random" from index 8 on) and float32 [17],
      0–5.
    """
    rng = np.random.default_rng([seed, _EXPRESSION, subject, view, index])
    expressions = list(EXPRESSIONS.items())
    if index < len(expressions):
        name, vector = expressions[index]
        vector = vector * rng.uniform(0.7, 1.0)
        vector = vector * rng.uniform(0.9, 1.1, len(vector))
        return name, _rounded(vector)
    vector = np.zeros(action_units.COUNT)
    kind = rng.integers(4)
    if kind == 0:
        vector[rng.integers(action_units.COUNT)] = rng.uniform(1.5, 5)
    elif kind == 1:
        picked = rng.choice(
            action_units.COUNT, rng.integers(2, 6), replace=False
        )
        vector[picked] = rng.uniform(0.5, 4.5, len(picked))
    else:
        first, second = rng.choice(len(expressions), 2, replace=False)
        keep = rng.random(action_units.COUNT) < 0.6
        vector = expressions[first][1] * keep * rng.uniform(0.3, 1)
        if kind == 3:
            vector += expressions[second][1] * ~keep * rng.uniform(0.3, 1)
    if rng.random() < 0.12:  # people blink in any expression
        vector[action_units.NAMES.index("AU45")] = rng.uniform(2.5, 5)
    return "random", _rounded(vector)


def _rounded(vector: np.ndarray) -> np.ndarray:
    """Two decimals: what the table says is what is rendered."""
    return np.round(np.clip(vector, 0, 5), 2).astype(np.float32)


def sample_sides(
    view: View, index: int, name: str, vector: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The action units of the two sides of the face, whose mean is `vector`.

    Sides differ by up to a tenth, as people's do. Contempt is the lip corner
    of one side: that side goes beyond 5 where the mean asks for it.

    Returns:
      The person's left and right side, float32 [17].
    """
    rng = np.random.default_rng(
        [view.seed, _SIDES, view.subject, view.view, index]
    )
    tilt = rng.uniform(-0.1, 0.1, len(vector))
    # The stronger side of what people do on both sides stays within 5.
    change = np.sign(tilt) * np.minimum(np.abs(tilt) * vector, 5 - vector)
    if name == "contemptuous":
        side = rng.choice([-0.8, 0.8])
        for au in ("AU12", "AU14"):
            lip = action_units.NAMES.index(au)
            change[lip] = side * vector[lip]
    return (
        (vector + change).astype(np.float32),
        (vector - change).astype(np.float32),
    )


_SKIN = (("light", 0.2), ("medium", 0.5), ("dark", 1.0))
"""Upper bounds of `Looks.melanin`."""

_SEX = (("male", 1 / 3), ("in between", 2 / 3), ("female", 1.0))
"""Upper bounds of `Identity.female`."""

_AGE = (("young", 0.2), ("middle-aged", 0.5), ("old", 1.0))
"""Upper bounds of `Looks.age`."""


def kinds(seed: int, subject: int) -> dict[str, str]:
    """Attribute → which group the person number `subject` is in.

    To look at how a model does on each group; the bounds are ours, on the
    renderer's own scales, and say nothing of real people.
    """
    person = sample_identity(seed, subject)
    return {
        "skin": _group(person.looks.melanin, _SKIN),
        "sex": _group(person.female, _SEX),
        "age": _group(person.looks.age, _AGE),
    }


def _group(value: float, bounds: tuple[tuple[str, float], ...]) -> str:
    return next(name for name, upper in bounds if value <= upper)
