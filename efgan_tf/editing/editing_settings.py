"""The settings of an edit, which `python -m efgan_tf.edit` makes flags of."""

import dataclasses

from efgan_tf.action_units import canonical_name
from efgan_tf.common.options import (
    check_at_least,
    check_choices,
    check_finite,
    option,
    require,
)
from efgan_tf.editing.face_selection import ON_NO_FACE, parse_choice
from efgan_tf.trained.presets import DEFAULT


@dataclasses.dataclass(frozen=True)
class TrainedConfig:
    """What edits."""

    model: str = option(
        DEFAULT,
        "trained model: a run's folder, a .keras or .tflite file, a "
        "SavedModel, preset:NAME or grpc://HOST:PORT/MODEL",
    )


@dataclasses.dataclass(frozen=True)
class PhotoConfig:
    """What is edited, and where it goes."""

    image: str = option(
        "", "a photo, a folder, a glob in quotes, or a video (.mp4 …)"
    )
    out: str = option("", "file to write; of several photos, the folder")
    overwrite: bool = option(False, "replace files that exist")
    max_megapixels: float = option(100.0, "larger photos are refused")

    def __post_init__(self):
        check_finite(self)
        require(
            self.max_megapixels > 0, "--max_megapixels must be greater than 0"
        )

    @property
    def max_pixels(self) -> int:
        """The limit in pixels."""
        return int(self.max_megapixels * 1e6)


@dataclasses.dataclass(frozen=True)
class TargetConfig:
    """What the faces should show."""

    expression: str = option(
        "",
        "neutral, happy, sad, angry, fearful, disgusted, surprised or "
        "contemptuous",
    )
    intensity: float = option(
        1.0,
        "how far to go: 0 stays at the source, 1 is the whole expression, up "
        "to 10 overdoes it",
    )
    au: str = option(
        "", "single action units, AU12=3,AU06=2; the others stay, or are as "
        "the expression says"
    )  # fmt: skip
    relative: bool = option(
        False, "add to what the face shows; --au may be negative then"
    )
    from_photo: str = option("", "photo whose largest face shows how")
    load_expression: str = option("", "JSON file of --save_expression")
    source_au: str = option(
        "", "what the faces show now, AU12=1,…; others are 0 (default: "
        "estimated)"
    )  # fmt: skip
    stages: int = option(0, "stages of the cascade to run; 0: all")

    def __post_init__(self):
        check_at_least(self, 0, "stages")


@dataclasses.dataclass(frozen=True)
class FaceConfig:
    """Which faces are meant."""

    face: str = option(
        "largest",
        "largest, all, left (left-most), a number from 0 (left to right), or "
        "a box x,y,width,height",
    )
    on_no_face: str = option(
        "error",
        "where no face is found: stop, leave the photo, or take its middle "
        "square for a face",
        ON_NO_FACE,
    )
    list_faces: bool = option(
        False, "print the faces as JSON and edit nothing; needs no --model"
    )

    def __post_init__(self):
        check_choices(self)
        parse_choice(self.face)


@dataclasses.dataclass(frozen=True)
class ResultConfig:
    """How the result is made, and what else is written."""

    carry_detail: bool = option(
        True,
        "move the photo's fine detail along with what the edit moves, and "
        "sharpen what is new",
    )
    save_expression: str = option("", "JSON file for the units that were used")
    sheet: str = option(
        "", "picture for source, stages, attention and result of each face"
    )
    animate: str = option(
        "", "animation there and back: a .gif, .webp or .mp4 file"
    )
    frames: int = option(24, "frames of the animation")
    fps: float = option(12.0, "frames per second of the animation")
    strip: str = option(
        "", "write a picture of one unit's response from 0 to 5 to --out: AU12"
    )

    def __post_init__(self):
        check_at_least(self, 2, "frames")
        require(1 <= self.fps <= 100, "--fps must lie within 1 and 100")
        if self.strip:
            canonical_name(self.strip)
            others = [flag for flag, path in self.files().items() if path]
            require(
                not others,
                f"--strip={self.strip} writes its picture to --out and "
                f"nothing else; leave --{''.join(others[:1])} out",
            )

    def files(self) -> dict[str, str]:
        """Flag → the file that it names, or ""."""
        return {
            "save_expression": self.save_expression,
            "sheet": self.sheet,
            "animate": self.animate,
        }
