"""What kinds of people there are among the rendered ones.

To look at how a model does on each: bounds are ours, on the renderer's own
scales, and say nothing of real people.
"""

from efgan_tf.synthetic.identity import sample_identity

_SKIN = (("light", 0.2), ("medium", 0.5), ("dark", 1.0))
"""Upper bounds of `Looks.melanin`."""

_SEX = (("male", 1 / 3), ("in between", 2 / 3), ("female", 1.0))
"""Upper bounds of `Identity.female`."""

_AGE = (("young", 0.2), ("middle-aged", 0.5), ("old", 1.0))
"""Upper bounds of `Looks.age`."""


def kinds(seed: int, subject: int) -> dict[str, str]:
    """Attribute → which group the person number `subject` is in."""
    person = sample_identity(seed, subject)
    return {
        "skin": _group(person.looks.melanin, _SKIN),
        "sex": _group(person.female, _SEX),
        "age": _group(person.looks.age, _AGE),
    }


def _group(value: float, bounds: tuple[tuple[str, float], ...]) -> str:
    return next(name for name, upper in bounds if value <= upper)
