"""Compound Facial Expressions of Emotion (CFEE): its photos' names.

Du, Tao and Martinez, "Compound facial expressions of emotion", PNAS 111, 2014.
`02_339_3470.jpg` is subject 339 with expression 02 (happy), image 3470.
"""

import collections
import dataclasses
import re
from collections.abc import Sequence

from efgan_tf.data import photo_names

SUBJECTS = 230

# Two codes of one name are two ways to show one emotion; the names that CFEE
# shares with RaFD are those of `action_units.PRESETS`.
EMOTIONS: dict[int, str] = {
    1: "neutral",
    2: "happy",
    3: "sad",
    4: "sad",
    5: "angry",
    6: "surprised",
    7: "disgusted",
    8: "fearful",
    9: "happily surprised",
    10: "happily disgusted",
    11: "sadly angry",
    12: "angrily disgusted",
    13: "appalled",
    14: "hatred",
    15: "angrily surprised",
    16: "sadly surprised",
    17: "sadly surprised",
    18: "disgustedly surprised",
    19: "disgustedly surprised",
    20: "disgustedly surprised",
    21: "fearfully surprised",
    22: "awed",
    23: "sadly fearful",
    24: "fearfully disgusted",
    25: "fearfully angry",
    26: "sadly disgusted",
}

# The paper has one photo for each emotion of each subject. The release that
# people describe has nearly one for each code.
_PAPER_CODES = len(set(EMOTIONS.values()))  # 22
PAPER = SUBJECTS * _PAPER_CODES  # 5,060
RELEASE = 5954

EXAMPLE = "02_339_3470.jpg"
HELP = (
    "request CFEE at https://cbcsl.ece.ohio-state.edu/compound.html, unpack it "
    "and pass --dataset=cfee --source_dir=FOLDER --aus=TABLE, a table of "
    "OpenFace's or --aus=auto"
)

_NAME = re.compile(r"(\d{1,3})_(\d{1,3})(?:_(\d+))?")


@dataclasses.dataclass(frozen=True)
class CfeeName:
    """What a name says.

    Attributes:
      code: number of the expression, a key of `EMOTIONS`.
      subject: who it is, three digits.
      image: number of the image, if the name has one.
    """

    code: int
    subject: str
    image: int | None = None


def read_name(file: str) -> CfeeName | None:
    """What a path says; None if the name is none of CFEE's.

    The release has names without an image number (`04_221.jpg`) and with the
    subject first (`260_19.png.jpg`). What is what is decided by the numbers
    alone: a code is of one or two digits from 1 to 26, a subject of three
    digits or above 26. A number cannot be both, so either one order fits or
    none does, as in `04_19.jpg` and `260_339.jpg`; then there is no answer.
    """
    match = _NAME.fullmatch(photo_names.bare_name(file) or "")
    if not match:
        return None
    first, second, image = match.groups()
    for code, subject in ((first, second), (second, first)):
        if _is_code(code) and _is_subject(subject):
            number = int(image) if image else None
            return CfeeName(int(code), f"{int(subject):03}", number)
    return None


def _is_code(digits: str) -> bool:
    return len(digits) < 3 and int(digits) in EMOTIONS


def _is_subject(digits: str) -> bool:
    return len(digits) == 3 or int(digits) > max(EMOTIONS)


def select(files: Sequence[str]) -> photo_names.Selection:
    """Names the photos of a folder; all of CFEE's are chosen.

    Args:
      files: paths below the folder.

    Raises:
      UserError: there is no photo of CFEE.
    """
    names, unknown_names = _read_names(files)
    if not names:
        raise photo_names.none_named(files, EXAMPLE, HELP)
    own = list(names.values())
    return photo_names.Selection(
        labels={
            file: photo_names.NameLabel(
                subject=name.subject,
                expression=EMOTIONS[name.code],
                view="frontal",
                alias=_alias(name),
            )
            for file, name in names.items()
        },
        passed_over={},
        unknown_names=unknown_names,
        counts=_counts(own),
        warnings=[*_gaps(own), *_ambiguities(own)],
    )


def _read_names(
    files: Sequence[str],
) -> tuple[dict[str, CfeeName], list[tuple[str, str]]]:
    """The photos of the set, and why each other file is none of them."""
    names = {}
    reasons = {}
    for file in files:
        name = read_name(file)
        if name:
            names[file] = name
        else:
            reasons[file] = f"not named as CFEE names its photos ({EXAMPLE})"
    reasons |= photo_names.repeated(names)
    kept = {file: name for file, name in names.items() if file not in reasons}
    order = dict.fromkeys(files)
    return kept, [(file, reasons[file]) for file in order if file in reasons]


def _alias(name: CfeeName) -> str:
    """Code and subject, by which a table may name a photo."""
    return f"{name.code:02}_{name.subject}"


def _counts(names: Sequence[CfeeName]) -> list[str]:
    subjects = len({name.subject for name in names})
    codes = {name.code for name in names}
    shown = {EMOTIONS[code] for code in codes}
    return [
        f"CFEE: {len(names):,} photos, {subjects} of {SUBJECTS} subjects, "
        f"{len(codes)} of {len(EMOTIONS)} codes, {len(shown)} of "
        f"{_PAPER_CODES} emotions",
        _likeness(len(codes)),
    ]


def _likeness(codes: int) -> str:
    """Which of the two published numbers to hold a copy against."""
    paper = f"the paper's {PAPER:,} = {SUBJECTS} × {_PAPER_CODES}"
    release = f"the release of {RELEASE:,} photos with {len(EMOTIONS)} codes"
    if codes > _PAPER_CODES:
        return f"most like {release}, not {paper}"
    if codes == _PAPER_CODES:
        return f"most like {paper}, not {release}"
    return f"a part of CFEE: of {paper} or of {release}"


def _gaps(names: Sequence[CfeeName]) -> list[str]:
    """A warning if photos are missing; the release's own gaps are none."""
    subjects: dict[int, set[str]] = {}
    for name in names:
        subjects.setdefault(name.code, set()).add(name.subject)
    as_release = len(subjects) > _PAPER_CODES
    expected = RELEASE if as_release else PAPER
    if len(names) >= expected:
        return []
    everybody = set().union(*subjects.values())
    shown = {EMOTIONS[code] for code in subjects}
    absent = [
        f"{code:02} {emotion}"
        for code, emotion in sorted(EMOTIONS.items())
        if code not in subjects and (as_release or emotion not in shown)
    ]
    lacking = {code: len(everybody - who) for code, who in subjects.items()}
    short = [
        f"{code:02} {EMOTIONS[code]} lacks {lacking[code]}"
        for code in sorted(lacking, key=lambda code: (-lacking[code], code))
        if lacking[code]
    ]
    details = []
    if len(everybody) < SUBJECTS:
        details.append(f"{len(everybody)} of {SUBJECTS} subjects")
    if absent:
        details.append(f"no photo of {photo_names.some(absent)}")
    if short:
        details.append(photo_names.some(short))
    return [
        f"CFEE: {len(names):,} of {expected:,} photos: {'; '.join(details)}"
    ]


def _ambiguities(names: Sequence[CfeeName]) -> list[str]:
    """A warning if code and subject alone mean several photos."""
    photos = collections.Counter(map(_alias, names))
    several = [alias for alias, count in sorted(photos.items()) if count > 1]
    if not several:
        return []
    return [
        "CFEE: several photos of one code and subject, which a table has to "
        f"name in full: {photo_names.some(several)}"
    ]


PHOTO_SET = photo_names.PhotoSet(
    read_name, lambda files, data: select(files), HELP
)
