"""Settings of `efgan_tf.evaluate` and `efgan_tf.evaluate_photos`."""

import dataclasses

from efgan_tf.common import flag_files
from efgan_tf.common.options import (
    check_at_least,
    check_finite,
    option,
    require,
)
from efgan_tf.trained.presets import DEFAULT


@dataclasses.dataclass(frozen=True)
class JudgesConfig:
    """How judges are trained, and when one is good enough."""

    judge_kimg: float = option(
        40.0,
        "thousands of pictures that the judge of units is trained on; the "
        "others see half of them",
    )
    judge_width: int = option(24, "channels of the judges' first layer")
    judge_unit_agreement: float = option(
        0.6, "least mean ICC(3,1) of the judge of units on held-out people"
    )
    judge_accuracy: float = option(
        0.7, "least accuracy of the judge of expressions on held-out people"
    )
    judge_verification: float = option(
        0.9, "least area under the ROC curve when telling people apart"
    )

    def __post_init__(self):
        check_finite(self)
        check_at_least(self, 1, "judge_width")
        require(self.judge_kimg > 0, "--judge_kimg must be greater than 0")


@dataclasses.dataclass(frozen=True)
class EvaluateConfig:
    """What is evaluated, and how."""

    run_dir: str = option("", "the run to evaluate")
    model: str = option(
        "", "instead of a run: preset:NAME or a .keras file; needs --data_of"
    )
    data_of: str = option(
        "", "whose data --model is judged on: a run, or a flag file of training"
    )
    out: str = option("", "folder of the report; RUN_DIR/evaluation if empty")
    compare: tuple[str, ...] = option(
        (), "evaluated runs to put into one table, instead of --run_dir"
    )
    groups: str = option(
        "",
        "CSV with a column subject and others (sex, age, ...): edits are also "
        "scored for each of their values; rendered people need none",
    )
    overwrite: bool = option(False, "replace a report that is there")
    data_dir: str = option("", "where the data lies now, if it moved")
    source_dir: str = option("", "where its photos lie now, if they moved")
    only: str = option(
        "",
        "of a mix of data sets, the one to judge on; all of them, each into a "
        "folder of its own below --out, if empty",
    )
    pairs: int = option(1000, "how many edits are judged at most")
    inception_weights: str = option(
        "",
        "Inception-v3 weights for FID and KID: a file, or download to let "
        "Keras fetch them; without, the judge's features are used",
    )
    feature_network: str = option(
        "", "any other .keras network for FID and KID: pictures → vectors"
    )
    lpips_network: str = option(
        "", "a .keras file with LPIPS's feature maps; docs/evaluation.md"
    )
    lpips_weights: str = option("", "an .npz file with LPIPS's weights")
    augmentation: bool = option(
        False,
        "also train the expression judge on real and edited pictures together, "
        "as the paper does",
    )
    judges: JudgesConfig = dataclasses.field(default_factory=JudgesConfig)

    def __post_init__(self):
        check_at_least(self, 2, "pairs")
        require(
            [bool(self.run_dir), bool(self.model), bool(self.compare)].count(
                True
            )
            == 1,
            "give either --run_dir=RUN or --compare=RUN,RUN,… or --model=MODEL",
        )
        require(
            bool(self.model) == bool(self.data_of),
            "--model and --data_of go together: a model does not say which "
            "people to judge it on",
        )
        require(
            not (self.inception_weights and self.feature_network),
            "give --inception_weights or --feature_network, not both",
        )
        require(
            bool(self.lpips_network) == bool(self.lpips_weights),
            "LPIPS needs both --lpips_network and --lpips_weights",
        )
        require(
            bool(self.run_dir) or bool(self.out),
            "--compare and --model need --out=DIR for their tables",
        )


@dataclasses.dataclass(frozen=True)
class EvaluatePhotosConfig:
    """What is measured, and by whom."""

    model: str = option(DEFAULT, "trained model to measure; as --model of edit")
    photos: str = option("", "folder of the photographs")
    people: str = option(
        str(flag_files.packaged() / "photos_held_out.csv"),
        "CSV file of the people to edit, whom the model has not seen: file and "
        "subject, and if known set, sha256, shown (1: may be on sheets)",
    )
    references: str = option(
        "",
        "CSV file of other real photographs, for KID: file and expression",
    )
    readers: str = option("readers", "folder of the readers' npm packages")
    out: str = option("", "folder of the report")
    overwrite: bool = option(False, "replace a report that is there")

    def __post_init__(self):
        require(bool(self.photos), "name the photographs' folder: --photos=DIR")
        require(bool(self.out), "name the report's folder: --out=DIR")
