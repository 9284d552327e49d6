"""Settings of `python -m efgan_tf.distill`."""

import dataclasses

from efgan_tf.common.options import (
    check_at_least,
    check_finite,
    option,
    require,
)
from efgan_tf.trained.presets import DEFAULT


@dataclasses.dataclass(frozen=True)
class DistillConfig:
    """Which teacher, how long, and where the student is written."""

    teacher: str = option(
        DEFAULT, "trained model to learn from: preset:NAME, a run or .keras"
    )
    out: str = option("", "the .keras file to write")
    overwrite: bool = option(False, "replace a file that is there")
    student: str = option(
        "", "a .keras file to go on from, instead of the teacher's weights"
    )
    examples: int = option(12000, "how many edits of training faces are made")
    ground_truth_share: float = option(
        0.67,
        "share of the examples whose result is ground truth, where the data "
        "has two of one person in one view; the teacher makes the others",
    )
    student_kimg: float = option(
        40.0, "thousands of edits that the student sees"
    )
    minutes: float = option(
        0.0, "end the training in this time if it is not done by then; 0: never"
    )
    student_batch_size: int = option(8, "edits of one step")
    student_learning_rate: float = option(3e-4, "Adam's; falls to 0")
    score_kimg: float = option(2.0, "thousands of edits between scores")

    def __post_init__(self):
        check_finite(self)
        check_at_least(self, 1, "examples", "student_batch_size")
        check_at_least(self, 0, "minutes")
        require(
            0 <= self.ground_truth_share <= 1,
            f"--ground_truth_share={self.ground_truth_share} must be 0 to 1",
        )
        for name in ("student_kimg", "student_learning_rate", "score_kimg"):
            require(getattr(self, name) > 0, f"--{name} must be greater than 0")
        require(
            self.out.endswith(".keras"),
            "give --out=FILE.keras, where the student is written",
        )
        require(
            self.examples >= self.student_batch_size,
            f"--examples={self.examples} must be at least "
            f"--student_batch_size={self.student_batch_size}",
        )
