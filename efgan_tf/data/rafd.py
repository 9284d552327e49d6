"""The Radboud Faces Database (RaFD): its photos' names.

Langner et al., "Presentation and validation of the Radboud Faces Database",
Cognition and Emotion 24, 2010. `Rafd090_28_Caucasian_male_angry_frontal.jpg`
is model 28, a Caucasian man who looks angry and straight ahead, photographed
at 90 degrees, which is from the front.
"""

import collections
import dataclasses
import re
from collections.abc import Mapping, Sequence

from efgan_tf import action_units
from efgan_tf.common.errors import UserError
from efgan_tf.config import RAFD_ANGLES as ANGLES
from efgan_tf.config import RAFD_GAZES as GAZES
from efgan_tf.data import photo_names

# What was published: every model at every angle with every expression and
# gaze, 8,040 photos (rafd.socsci.ru.nl, "Overview").
MODELS = tuple(n for n in range(1, 74) if n not in (6, 13, 17, 34, 62, 66))
EXPRESSIONS = tuple(action_units.PRESETS)
PUBLISHED = len(MODELS) * len(ANGLES) * len(GAZES) * len(EXPRESSIONS)

CENTRAL_ANGLES = ("045", "090", "135")
"""Those at which both eyes are seen."""

EXAMPLE = "Rafd090_28_Caucasian_male_angry_frontal.jpg"
HELP = (
    "request RaFD at https://rafd.socsci.ru.nl, unpack it and pass "
    "--dataset=rafd --source_dir=FOLDER --aus=TABLE"
)

_NAME = re.compile(
    rf"rafd({'|'.join(ANGLES)})_(\d\d?)_(Caucasian|Moroccan|Kid)_(male|female)"
    rf"_({'|'.join(EXPRESSIONS)})_({'|'.join(GAZES)})",
    re.IGNORECASE,
)


@dataclasses.dataclass(frozen=True)
class RafdName:
    """What a name says; all in lower case.

    Attributes:
      angle: of the camera in degrees, three digits.
      model: number of the person.
      group: "caucasian", "moroccan" or "kid".
      sex: "male" or "female".
      expression: one of `EXPRESSIONS`.
      gaze: one of `GAZES`.
    """

    angle: str
    model: int
    group: str
    sex: str
    expression: str
    gaze: str

    @property
    def person(self) -> str:
        """What must be the same in all photos of a model."""
        return f"{self.group} {self.sex}"


def read_name(file: str) -> RafdName | None:
    """What a path says, in any case; None if the name is none of RaFD's.

    Whether there is a model of that number is not checked.
    """
    match = _NAME.fullmatch(photo_names.bare_name(file) or "")
    if not match:
        return None
    angle, model, *texts = match.groups()
    return RafdName(angle, int(model), *(text.lower() for text in texts))


def select(
    files: Sequence[str],
    angles: Sequence[str] = CENTRAL_ANGLES,
    gazes: Sequence[str] = GAZES,
) -> photo_names.Selection:
    """Chooses among the photos of a folder.

    Args:
      files: paths below the folder.
      angles: those of `ANGLES` that are wanted.
      gazes: those of `GAZES` that are wanted.

    Raises:
      UserError: there is no photo of RaFD, or none that is wanted.
    """
    names, unknown_names = _sorted_out(files)
    if not names:
        raise photo_names.none_named(files, EXAMPLE, HELP)
    own = list(names.values())
    chosen: dict[str, photo_names.NameLabel] = {}
    passed_over: collections.Counter[str] = collections.Counter()
    for file, name in names.items():
        if name.angle not in angles:
            passed_over[f"angle {name.angle}"] += 1
        elif name.gaze not in gazes:
            passed_over[f"gaze {name.gaze}"] += 1
        else:
            view = f"{name.angle}-{name.gaze}"
            chosen[file] = photo_names.NameLabel(
                _id(name.model), name.expression, view
            )
    if not chosen:
        raise UserError(_none_selected(own, angles, gazes))
    return photo_names.Selection(
        labels=chosen,
        passed_over=dict(sorted(passed_over.items())),
        unknown_names=unknown_names,
        counts=_counts(own, len(chosen), angles, gazes),
        warnings=_gaps(own, angles, gazes),
    )


def _sorted_out(
    files: Sequence[str],
) -> tuple[dict[str, RafdName], list[tuple[str, str]]]:
    """The photos of the set, and why each other file is none of them."""
    names = {file: name for file in files if (name := read_name(file))}
    persons = _persons(names)
    reasons = {}
    for file, name in names.items():
        if name.model not in MODELS:
            reasons[file] = f"RaFD has no such model ({_id(name.model)})"
        elif name.person != persons[name.model]:
            reasons[file] = (
                "at odds with the model's other photos "
                f"({_id(name.model)} is {persons[name.model]})"
            )
    sound = {file: n for file, n in names.items() if file not in reasons}
    reasons |= photo_names.repeated(sound)
    for file in files:
        if file not in names:
            reasons[file] = f"not named as RaFD names its photos ({EXAMPLE})"
    kept = {file: n for file, n in sound.items() if file not in reasons}
    order = dict.fromkeys(files)
    return kept, [(file, reasons[file]) for file in order if file in reasons]


def _persons(names: Mapping[str, RafdName]) -> dict[int, str]:
    """Group and sex of each model, by most of its photos' names."""
    counts: dict[int, collections.Counter[str]] = {}
    for file in sorted(names):
        name = names[file]
        counts.setdefault(name.model, collections.Counter())[name.person] += 1
    return {model: c.most_common(1)[0][0] for model, c in counts.items()}


def _id(model: int) -> str:
    return f"{model:02}"


def _none_selected(
    names: Sequence[RafdName], angles: Sequence[str], gazes: Sequence[str]
) -> str:
    available = collections.Counter((name.angle, name.gaze) for name in names)
    listed = "; ".join(
        f"{count:,} at angle {angle}, gaze {gaze}"
        for (angle, gaze), count in sorted(available.items())
    )
    return (
        f"no photo of RaFD at --rafd_angles={','.join(angles)} with "
        f"--rafd_gazes={','.join(gazes)}; there are: {listed}"
    )


def _counts(
    names: Sequence[RafdName],
    chosen: int,
    angles: Sequence[str],
    gazes: Sequence[str],
) -> list[str]:
    models = len({name.model for name in names})
    seen = len({name.angle for name in names})
    per_view = len(MODELS) * len(EXPRESSIONS)
    published = per_view * len(set(angles)) * len(set(gazes))
    what = "angles" if set(gazes) == set(GAZES) else "angles and gazes"
    return [
        f"RaFD: {len(names):,} of {PUBLISHED:,} photos, {models} of "
        f"{len(MODELS)} models, {seen} of {len(ANGLES)} angles",
        f"chosen: {chosen:,} (published for these {what}: {published:,})",
    ]


def _gaps(
    names: Sequence[RafdName], angles: Sequence[str], gazes: Sequence[str]
) -> list[str]:
    """A warning if photos are missing.

    A folder without some angle or gaze is a part of RaFD that somebody chose,
    and no reason to warn unless that is asked for.
    """
    angles = sorted({*angles, *(name.angle for name in names)})
    gazes = sorted({*gazes, *(name.gaze for name in names)})
    expected = len(MODELS) * len(angles) * len(gazes) * len(EXPRESSIONS)
    if len(names) == expected:
        return []
    part = ""
    if expected < PUBLISHED:
        part = f" at {len(angles)} angles with {len(gazes)} gazes"
    return [
        f"RaFD: {len(names):,} of {expected:,} photos{part}: "
        f"{'; '.join(_missing(names, angles, gazes))}"
    ]


def _missing(
    names: Sequence[RafdName], angles: Sequence[str], gazes: Sequence[str]
) -> list[str]:
    """What is missing: first whole models, angles and gazes, then the rest."""
    models = collections.Counter(name.model for name in names)
    missing = {
        "model": [_id(model) for model in MODELS if model not in models],
        "angle": sorted({*angles} - {name.angle for name in names}),
        "gaze": sorted({*gazes} - {name.gaze for name in names}),
    }
    per_model = len(EXPRESSIONS)
    per_model *= len(angles) - len(missing["angle"])
    per_model *= len(gazes) - len(missing["gaze"])
    short = [
        f"model {_id(model)} lacks {per_model - count}"
        for model, count in sorted(models.items())
        if count < per_model
    ]
    details = [
        f"no photo of {kind} {photo_names.some(values)}"
        for kind, values in missing.items()
        if values
    ]
    return [*details, photo_names.some(short)] if short else details


PHOTO_SET = photo_names.PhotoSet(
    read_name,
    lambda files, data: select(files, data.rafd_angles, data.rafd_gazes),
    HELP,
    ("rafd_angles", "rafd_gazes"),
)
