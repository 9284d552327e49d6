"""The settings of a training run: frozen dataclasses that flags are made from.

A field carries its default, its help text and, where it has one, the list of
choices. The flag, its help and the JSON key all come from it
(`efgan_tf.common.options`), so that a new setting is one field. The settings of
other commands stand beside their code, in dataclasses of the same kind.
Library code receives these objects and never sees a flag; only commands call
`define_flags` and `from_flags`.
"""

import dataclasses
import fractions
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from absl import flags

from efgan_tf import geometry
from efgan_tf.common import flag_files, mixes, options
from efgan_tf.common.errors import ConfigError, UserError
from efgan_tf.common.options import (
    check_at_least,
    check_choices,
    check_finite,
    option,
    require,
)

_LARGEST_SEED = (2**32 - 3) // 10  # seeds are multiplied by ten further on


# Published sets of photos; efgan_tf/data/NAME.py reads their file names.
PHOTO_SETS = ("rafd", "cfee")
RAFD_ANGLES = ("000", "045", "090", "135", "180")
RAFD_GAZES = ("left", "frontal", "right")
# Changes of what critics see (`efgan_tf.training.augmentation`).
AUGMENTATIONS = ("color", "translation", "cutout")


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """Which faces, and where they are."""

    dataset: str = option(
        "synthetic",
        "which faces to use",
        ("synthetic", "folder", *PHOTO_SETS, "mixed"),
    )
    mix: tuple[str, ...] = option(
        (),
        "mixed: one data set, as '[NAME=]SHARE --dataset=… --FLAG=…', with "
        "the share of every batch that is drawn from it; given once for each "
        "set",
        repeated=True,
    )
    data_dir: str = option("data", "where prepared data sets are kept")
    data_memory: float = option(
        0.25,
        "share of the machine's memory that the pictures of all sets together "
        "may take; those of a set that finds no room are read from disk as "
        "they are drawn",
    )
    source_dir: str = option("", "folder of the photos to prepare")
    aus: str = option(
        "",
        "table of action units: a CSV file, or a folder with one CSV file for "
        "each photo; auto: read them from the photos",
    )
    fixed_pose: bool = option(
        False,
        "folder: pictures of one view are upright and of a head that did not "
        "move, so that one transform aligns them all",
    )
    face_landmarker: str = option(
        "",
        "--aus=auto: face_landmarker.task; default: the installed package's",
    )
    rafd_angles: tuple[str, ...] = option(
        ("045", "090", "135"),
        "RaFD: camera angles; 090 is frontal, 000 and 180 are profiles",
    )
    rafd_gazes: tuple[str, ...] = option(
        RAFD_GAZES, "RaFD: directions of the gaze"
    )
    subjects: int = option(60, "synthetic: how many people are rendered")
    images_per_subject: int = option(16, "synthetic: pictures of each person")
    views_per_subject: int = option(
        1, "synthetic: poses and lights of each person, who shares them out"
    )
    photo_size: int = option(256, "synthetic: side of the rendered photos")
    max_yaw: float = option(15.0, "synthetic: largest head turn in degrees")
    data_seed: int = option(0, "synthetic: which people are rendered")
    held_out: float = option(
        0.1, "share of the subjects that are kept for testing"
    )
    held_out_list: str = option(
        "",
        "CSV file whose column subject names exactly those who are kept for "
        "testing, instead of a share",
    )
    beam_runner: str = option(
        "auto",
        "Apache Beam runner that prepares, such as DirectRunner or "
        "FlinkRunner; none: without Beam; auto: DirectRunner where Beam is "
        "installed",
    )
    beam_options: str = option(
        "",
        "the runner's options, as direct_num_workers=2,job_name=faces",
    )

    def __post_init__(self):
        check_choices(self)
        check_finite(self)
        check_at_least(
            self, 1, "subjects", "images_per_subject", "views_per_subject"
        )
        check_at_least(self, 0, "data_seed", "max_yaw", "data_memory")
        require(
            0 < self.held_out < 1,
            f"--held_out={self.held_out} must lie between 0 and 1",
        )
        require(
            64 <= self.photo_size <= 2048
            and self.photo_size % geometry.GRID == 0,
            f"--photo_size={self.photo_size} must be a multiple of 32, 64 to "
            "2048",
        )
        require(
            self.images_per_subject >= self.views_per_subject,
            "--images_per_subject must be at least --views_per_subject",
        )
        require(self.max_yaw <= 45, "--max_yaw must be at most 45 degrees")
        _check_known("rafd_angles", self.rafd_angles, RAFD_ANGLES)
        _check_known("rafd_gazes", self.rafd_gazes, RAFD_GAZES)
        require(
            self.beam_runner != "none" or not self.beam_options,
            "--beam_options are a runner's, and --beam_runner=none goes "
            "without one",
        )
        require(
            (self.dataset == "mixed") == bool(self.mix),
            "--dataset=mixed and --mix go together: each --mix says one data "
            "set and its share",
        )
        mixed = [mixes.read(text, type(self)) for text in self.mix]
        if mixed:
            mixes.check(tuple(mixed))
        # Flag files that a text names may change; what they said stays.
        texts = tuple(part.text() for part in mixed)
        object.__setattr__(self, "mix", texts)
        self.parts  # noqa: B018 (raises what is wrong with a part's settings)

    @property
    def parts(self) -> tuple["DataPart", ...]:
        """The data sets, each with its own settings: one, or those of a mix.

        Raises:
          ConfigError: the settings of a part are out of range.
        """
        if not self.mix:
            return (DataPart(self.dataset, fractions.Fraction(1), self),)
        parts = []
        for text in self.mix:
            mixed = mixes.read(text, type(self))
            settings = {**mixed.settings, "mix": ()}
            try:
                data = dataclasses.replace(self, **settings)
            except ConfigError as error:
                raise ConfigError(f"--mix={text!r}: {error}") from error
            parts.append(DataPart(mixed.name, mixed.share, data))
        return tuple(parts)


@dataclasses.dataclass(frozen=True)
class DataPart:
    """A data set of a run.

    Attributes:
      name: what logs, reports and files call it.
      share: of every batch.
      data: its settings.
    """

    name: str
    share: fractions.Fraction
    data: DataConfig


def _check_known(
    name: str, wanted: tuple[str, ...], known: tuple[str, ...]
) -> None:
    unknown = [repr(value) for value in wanted if value not in known]
    require(
        bool(wanted) and not unknown,
        f"--{name}={','.join(wanted)} names {', '.join(unknown) or 'none'}; "
        f"known are {', '.join(known)}",
    )


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """Shape of the networks. The defaults are the reference at 128×128."""

    image_size: int = option(128, "side of the aligned images, in pixels")
    stages: int = option(3, "K, the number of EF-GANs in the cascade")
    base_width: int = option(
        64, "channels of the global branch and the refiner"
    )
    local_width: int = option(64, "channels of the eyes, nose, mouth branches")
    global_blocks: int = option(6, "residual blocks of the global branch")
    local_blocks: int = option(6, "residual blocks of each local branch")
    refiner_blocks: int = option(6, "residual blocks of the refiner")
    local_branches: bool = option(
        True, "have branches of their own for eyes, nose and mouth"
    )
    refiner: bool = option(True, "refine the stitched and the global result")
    critic_width: int = option(64, "channels of the critics' first layer")
    critic_norm: str = option(
        "none",
        "what keeps the critics' convolutions in bounds beside the penalty",
        ("none", "spectral"),
    )
    estimator_width: int = option(24, "channels of the AU estimator")
    au_injection: str = option(
        "film", "how action units enter a branch", ("concat", "film")
    )
    au_input: str = option(
        "difference",
        "what a branch sees: the wanted units or their change",
        ("target", "difference"),
    )
    color_head: str = option(
        "image",
        "what a branch's color map is made of: a picture of its own, or a "
        "change of the picture it sees",
        ("image", "change"),
    )
    attention_bias: float = option(
        -2.0, "start of the attention heads: sigmoid(-2) = 0.12 edits little"
    )
    box_eyes: tuple[int, ...] = option(
        geometry.REGIONS["eyes"], "top,left,height,width in 32nds of the side"
    )
    box_nose: tuple[int, ...] = option(
        geometry.REGIONS["nose"], "top,left,height,width in 32nds of the side"
    )
    box_mouth: tuple[int, ...] = option(
        geometry.REGIONS["mouth"], "top,left,height,width in 32nds of the side"
    )

    def __post_init__(self):
        check_choices(self)
        check_finite(self)
        for name in ("box_eyes", "box_nose", "box_mouth"):
            box = tuple(getattr(self, name))
            # Lists come from JSON; equality needs one type.
            object.__setattr__(self, name, box)
            _check_box(name, box, self.image_size)
        check_at_least(
            self, 1, "stages", "base_width", "local_width",
            "critic_width", "estimator_width",
        )  # fmt: skip
        check_at_least(
            self, 0, "global_blocks", "local_blocks", "refiner_blocks"
        )
        require(
            self.image_size >= 64 and self.image_size % geometry.GRID == 0,
            f"--image_size={self.image_size} must be a multiple of 32 and at "
            "least 64",
        )
        require(
            self.local_branches or not self.refiner,
            "--refiner needs --local_branches: it joins their results with "
            "the global one; pass --norefiner too",
        )

    @property
    def branches(self) -> list[str]:
        """Those of an EF-GAN that have an attention: the whole face first."""
        names = ["face", *(self.boxes if self.local_branches else ())]
        return [*names, "refiner"] if self.refiner else names

    @property
    def boxes(self) -> dict[str, geometry.Box]:
        """The regions' boxes in pixels."""
        return geometry.pixel_boxes(
            self.image_size,
            {
                "eyes": geometry.Box(*self.box_eyes),
                "nose": geometry.Box(*self.box_nose),
                "mouth": geometry.Box(*self.box_mouth),
            },
        )


def _check_box(name: str, box: tuple[int, ...], image_size: int) -> None:
    require(
        len(box) == 4,
        f"--{name} needs four numbers: top,left,height,width",
    )
    top, left, height, width = box
    require(
        min(top, left) >= 0
        and min(height, width) >= 1
        and max(top + height, left + width) <= geometry.GRID,
        f"--{name}={','.join(map(str, box))} does not lie inside the image",
    )
    unit = image_size // geometry.GRID
    sides = height * unit, width * unit
    require(
        min(sides) >= 8 and sides[0] % 4 == 0 and sides[1] % 4 == 0,
        f"--{name}={','.join(map(str, box))}: at {image_size} pixels its "
        "sides must be multiples of 4, since branches halve them twice, and "
        "at least 8",
    )


@dataclasses.dataclass(frozen=True)
class LossConfig:
    """Weights of the losses, all of them means over batch and pixels.

    Adversarial, penalty, AU, cycle and TV weights are GANimation's, converted
    from its mixture of means, sums and divisions by the batch: AU 4000·MSE/25
    is 160·MSE, TV 1e-5 per summed mask pixel at 25×128×128 is 4.1 per mean.
    The others are ours (docs/method.md).
    """

    lambda_adv: float = option(1.0, "Wasserstein loss of the generator")
    penalty: str = option(
        "gradient",
        "on the critics' slope: WGAN-GP's between real and edited images, or "
        "R1 at the real ones",
        ("gradient", "r1"),
    )
    lambda_gp: float = option(10.0, "penalty on the critics' slope")
    lambda_au: float = option(160.0, "AU regression on edited images")
    lambda_au_critic: float = option(
        160.0, "AU regression of the critics on real images"
    )
    lambda_cyc: float = option(10.0, "L1 of the edit back to the source")
    lambda_zero: float = option(
        10.0, "L1 of the zero edit, whose target is what the face shows"
    )
    cycle_every: int = option(
        1, "the cycle runs on every n-th image of a batch; 1: on all"
    )
    zero_every: int = option(
        1, "the zero edit runs on every n-th image of a batch; 1: on all"
    )
    lambda_att: float = option(0.05, "mean attention: less is edited")
    lambda_tv: float = option(4.1, "total variation of the attention")
    lambda_paired: float = option(
        0.0, "L1 to the ground truth, for data that has it"
    )
    lambda_edges: float = option(
        0.0, "L1 of steps between neighboring pixels to the ground truth's"
    )
    local_weight: float = option(
        0.5, "weight of a local critic's terms against the whole face's 1"
    )
    attention_warmup: float = option(
        0.05,
        "share of the first phase over which lambda_att grows from 0; a run "
        "with --init_from has it whole at once",
    )

    def __post_init__(self):
        check_choices(self)
        check_finite(self)
        check_at_least(
            self, 0,
            *(
                field.name
                for field in dataclasses.fields(self)
                if field.name != "penalty"
            ),
        )  # fmt: skip
        check_at_least(self, 1, "cycle_every", "zero_every")
        require(
            self.attention_warmup <= 1,
            f"--attention_warmup={self.attention_warmup} must be at most 1",
        )


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """The training run. Budgets are thousands of images, not steps."""

    batch_size: int = option(16, "images of one step, over all replicas")
    phase1_kimg: float = option(
        1000.0, "thousands of images for the single EF-GAN"
    )
    phase2_kimg: float = option(
        500.0, "thousands of images for the cascade, end to end"
    )
    n_critic: int = option(5, "critic updates for one of the generator")
    learning_rate: float = option(1e-4, "Adam's, for critics and generator")
    phase2_learning_rate: float = option(
        1e-4, "Adam's in phase 2, where the generator is trained already"
    )
    critic_learning_rate: float = option(
        0.0, "Adam's for the critics in both phases; 0: the generator's"
    )
    decay: float = option(
        0.33, "last share of each phase, in which the rate falls to 0"
    )
    ema: float = option(
        0.999, "decay of the averaged generator, per generator update"
    )
    train_only: tuple[str, ...] = option(
        (),
        "layers of the generator that learn, by text in their paths, as "
        "eyes,norm,heads; the others stay as --init_from has them; none: all",
    )
    pairing: str = option(
        "random",
        "targets: units of any sample, or the same person's other picture",
        ("random", "paired"),
    )
    mix_targets: str = option(
        "any",
        "--dataset=mixed: whose units random targets are: of any set, in the "
        "sets' shares, or of the sample's own set",
        ("any", "own"),
    )
    target_noise: float = option(
        0.1, "half width of the noise on random targets, units in 0-1"
    )
    flip: bool = option(True, "mirror images at random")
    critic_augment: tuple[str, ...] = option(
        (),
        "random changes of all that critics see, of color, translation and "
        "cutout; empty: none",
    )
    precision: str = option(
        "float32",
        "arithmetic of the networks; losses are always float32",
        ("float32", "mixed_bfloat16", "mixed_float16"),
    )
    strategy: str = option(
        "mirrored",
        "how devices share the work; multi_worker: the machines of TF_CONFIG "
        "or of a Slurm job step",
        ("mirrored", "one_device", "multi_worker"),
    )
    worker_wait_minutes: float = option(
        10.0, "multi_worker: how long the workers wait for each other"
    )
    replicas: int = option(
        0,
        "logical CPUs to train on where there is no accelerator; 0: one",
    )
    init_from: str = option(
        "",
        "what the new run starts from: a run (with --phase1_kimg=0 from the "
        "end of its phase 1, else from what it is now), preset:NAME or a "
        ".keras file, which bring no critics",
    )
    generator_wait_kimg: float = option(
        0.0,
        "thousands of images at the start in which the critics learn alone; "
        "for an --init_from that brings none",
    )
    seed: int = option(0, "of weights, batches and noise")
    deterministic: bool = option(
        False, "bitwise repeatable runs, slower; oneDNN is left off"
    )
    run_dir: str = option("runs/run", "where the run is kept")
    checkpoint_minutes: float = option(5.0, "time between checkpoints")
    keep_checkpoints: int = option(3, "how many checkpoints are kept")
    sample_kimg: float = option(10.0, "images between sample sheets, in 1000s")
    log_steps: int = option(10, "steps between lines in metrics.jsonl")
    dry_run: bool = option(False, "print what would be done and stop")

    def __post_init__(self):
        check_choices(self)
        check_finite(self)
        check_at_least(
            self, 1, "batch_size", "n_critic", "keep_checkpoints", "log_steps"
        )
        check_at_least(
            self, 0, "phase1_kimg", "phase2_kimg", "target_noise", "replicas",
            "checkpoint_minutes", "seed", "generator_wait_kimg",
            "critic_learning_rate", "worker_wait_minutes",
        )  # fmt: skip
        for name in ("learning_rate", "phase2_learning_rate", "sample_kimg"):
            require(getattr(self, name) > 0, f"--{name} must be greater than 0")
        require(0 <= self.ema < 1, "--ema must be at least 0 and less than 1")
        if self.critic_augment:
            _check_known("critic_augment", self.critic_augment, AUGMENTATIONS)
        require(
            self.seed <= _LARGEST_SEED,
            f"--seed={self.seed} must be at most {_LARGEST_SEED}",
        )
        require(
            self.replicas <= 1 or self.strategy == "mirrored",
            f"--replicas={self.replicas} needs --strategy=mirrored",
        )
        require(0 <= self.decay <= 1, "--decay must be between 0 and 1")
        require(
            all(self.train_only)
            and bool(self.init_from or not self.train_only),
            "--train_only needs text of layers' paths, as eyes,norm,heads, and "
            "--init_from, which the other layers stay as",
        )
        require(
            self.phase1_kimg + self.phase2_kimg > 0,
            "--phase1_kimg and --phase2_kimg are both 0: nothing to train",
        )


@dataclasses.dataclass(frozen=True)
class Config:
    """Everything that a run is made from; `config.json` holds it."""

    data: DataConfig = dataclasses.field(default_factory=DataConfig)
    model: ModelConfig = dataclasses.field(default_factory=ModelConfig)
    loss: LossConfig = dataclasses.field(default_factory=LossConfig)
    train: TrainConfig = dataclasses.field(default_factory=TrainConfig)

    def __post_init__(self):
        require(
            self.loss.lambda_paired == self.loss.lambda_edges == 0
            or self.train.pairing == "paired",
            "--lambda_paired and --lambda_edges need the ground truth of "
            "--pairing=paired",
        )
        for part in self.data.parts:
            rows = part.share * self.train.batch_size
            require(
                rows.denominator == 1,
                f"--mix: the share of {part.name}, {part.share}, is "
                f"{float(rows):g} images of --batch_size="
                f"{self.train.batch_size}; every batch holds whole images, so "
                "choose other shares or another batch",
            )


SECTIONS = {
    field.name: field.default_factory for field in dataclasses.fields(Config)
}


def define_flags(values: flags.FlagValues, *classes: type) -> None:
    """Defines the flags of config dataclasses; without any, of `Config`."""
    options.define_flags(values, *(classes or (Config,)))


def from_flags(values: flags.FlagValues, cls: type = Config) -> Any:
    """The `cls` that the parsed flags say (`options.from_flags`)."""
    return options.from_flags(values, cls)


def from_arguments(arguments: Sequence[str]) -> Config:
    """The `Config` that a command line says: `["--stages=2", …]`.

    Raises:
      UserError: a flag is unknown, or a value is out of range.
    """
    values = flag_files.FlagValues()
    define_flags(values)
    try:
        rest = values(["efgan_tf", *arguments])
    except flags.Error as error:
        raise UserError(str(error)) from error
    require(len(rest) == 1, f"{rest[-1]!r} is no flag")
    return from_flags(values)


def from_flag_file(path: Path) -> Config:
    """The `Config` that a flag file says, and those that it nests.

    Raises:
      UserError: as `from_arguments`.
    """
    try:
        return from_arguments([f"--flagfile={path}"])
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def replace(config: Config, changes: Mapping[str, Any]) -> Config:
    """A `Config` with the named settings changed, in whichever section.

    Raises:
      ConfigError: no section has a setting of that name.
    """
    changes = dict(changes)
    sections = {}
    for name in SECTIONS:
        section = getattr(config, name)
        own = {
            field.name: changes.pop(field.name)
            for field in dataclasses.fields(section)
            if field.name in changes
        }
        sections[name] = dataclasses.replace(section, **own)
    require(not changes, f"no such setting: {', '.join(changes)}")
    return Config(**sections)
