"""Which runs an ablation is made of, and what they cost.

The rows build the method up, each from the same number of images: the global
branch alone (GANimation's design), local branches, the refiner, and cascades.
A cascade branches off the end of the refiner's phase 1, where the refiner's own
row trains on as a single EF-GAN.
"""

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from efgan_tf import config as config_lib
from efgan_tf.action_units import COUNT
from efgan_tf.common import options
from efgan_tf.common.options import option, require
from efgan_tf.config import Config
from efgan_tf.evaluation import tables
from efgan_tf.training.schedules import total_steps

if TYPE_CHECKING:
    import keras  # takes seconds, which planning need not wait for

_EFGAN = {"local_branches": True, "refiner": True}
_ROWS: dict[str, dict[str, Any]] = {
    "global": {"stages": 1, "local_branches": False, "refiner": False},
    "local": {"stages": 1, "local_branches": True, "refiner": False},
    "refiner": {"stages": 1, **_EFGAN},
    "k2": {"stages": 2, **_EFGAN},
    "k3": {"stages": 3, **_EFGAN},
}
_PARENT = "refiner"  # of the cascades


@dataclasses.dataclass(frozen=True)
class AblationConfig:
    """Which rows are trained, besides the settings that all of them share."""

    rows: tuple[str, ...] = option(
        tuple(_ROWS), "what is compared: global, local, refiner, k2, k3"
    )
    rows_second_seed: tuple[str, ...] = option(
        (), "rows that are trained once more, with --seed + 1"
    )
    variants: str = option(
        "",
        "compare options instead, in phase 1 alone, as "
        "au_injection=film;color_head=image: one run each, and one without",
    )
    evaluate_flags: str = option(
        "", "further flags of efgan_tf.evaluate, separated by spaces"
    )

    def __post_init__(self):
        require(bool(self.rows), "--rows names none")
        for flag in ("rows", "rows_second_seed"):
            names = getattr(self, flag)
            for name in names:
                require(
                    name in _ROWS,
                    f"--{flag}: {name!r} is none of {', '.join(_ROWS)}",
                )
                before = names[: names.index(name)]
                require(
                    not _branches(name) or _PARENT in before,
                    f"--{flag}: {name} starts from {_PARENT}; name that before",
                )
            require(
                len(set(names)) == len(names), f"--{flag} names a row twice"
            )


@dataclasses.dataclass(frozen=True)
class AblationRow:
    """A run of the ablation.

    Attributes:
      name: of the row.
      config: of the run, whole.
      parent: the row whose phase 1 it shares, or None.
    """

    name: str
    config: Config
    parent: "AblationRow | None" = None

    @property
    def run_dir(self) -> Path:
        """Folder of the run."""
        return Path(self.config.train.run_dir)


def plan(config: Config, ablation: AblationConfig) -> list[AblationRow]:
    """The rows in the order in which they are trained.

    Args:
      config: what all rows share; its `run_dir` is the folder of their runs.
      ablation: which rows.

    Raises:
      UserError: a setting of a row is out of range, or both phases are needed
        and one is missing.
    """
    require(
        not config.train.init_from,
        "an ablation starts from no other run: leave --init_from out",
    )
    require(
        config.train.phase1_kimg > 0, "an ablation needs --phase1_kimg above 0"
    )
    if ablation.variants:
        return _variants(config, ablation.variants.split(";"))
    require(
        config.train.phase2_kimg > 0, "an ablation needs --phase2_kimg above 0"
    )
    seed = config.train.seed + 1
    again = config_lib.replace(config, {"seed": seed})
    return [
        *_seed_rows(config, ablation.rows, ""),
        *_seed_rows(again, ablation.rows_second_seed, f"_seed{seed}"),
    ]


def _seed_rows(
    config: Config, names: tuple[str, ...], ending: str
) -> Iterable[AblationRow]:
    rows: dict[str, AblationRow] = {}
    for name in names:
        changes = dict(_ROWS[name])
        parent = rows[_PARENT] if _branches(name) else None
        if parent:
            changes.update(phase1_kimg=0.0, init_from=str(parent.run_dir))
        rows[name] = _row(config, name + ending, changes, parent)
    return rows.values()


def _variants(config: Config, variants: list[str]) -> list[AblationRow]:
    config = config_lib.replace(config, {"stages": 1, "phase2_kimg": 0.0})
    rows = [_row(config, "base", {})]
    for variant in variants:
        name, equals, value = variant.strip().partition("=")
        require(bool(equals), f"--variants: {variant!r} is not SETTING=VALUE")
        changed = config_lib.from_arguments(
            [*arguments(config), f"--{name}={value}"]
        )
        require(changed != config, f"--variants: {variant} changes nothing")
        # Folders of runs are listed with commas between them.
        row = _row(changed, f"{name}_{value.replace(',', '+')}", {})
        known = [other.name for other in rows]
        require(
            row.name not in known, f"--variants names {variant.strip()} twice"
        )
        rows.append(row)
    return rows


def _row(
    config: Config,
    name: str,
    changes: Mapping[str, Any],
    parent: AblationRow | None = None,
) -> AblationRow:
    run_dir = str(Path(config.train.run_dir, name))
    changed = config_lib.replace(config, {**changes, "run_dir": run_dir})
    return AblationRow(name, changed, parent)


def _branches(name: str) -> bool:
    """Whether a row has no phase 1 of its own."""
    return _ROWS[name]["stages"] > 1


def arguments(config: Config) -> list[str]:
    """A command line that says all of `config`."""
    return [
        line for line in options.flag_lines(config) if line.startswith("--")
    ]


@dataclasses.dataclass(frozen=True)
class Compute:
    """The cost of a finished row, that of a shared phase 1 included.

    Attributes:
      stages: EF-GANs in a row.
      images: seen by the critics.
      generator_updates: of the weights.
      critic_updates: likewise.
      training_seconds: without tracing, scoring and saving.
      parameters: of the network that edits.
      multiply_adds: for one edit, in convolutions and dense layers.
    """

    stages: int
    images: int
    generator_updates: int
    critic_updates: int
    training_seconds: float
    parameters: int
    multiply_adds: int


def row_compute(row: AblationRow) -> Compute:
    """What a finished row has cost."""
    from efgan_tf.models import build_cascade

    train = row.config.train
    updates = total_steps(train, 1) + total_steps(train, 2)
    seconds = _seconds(row, phases=(1, 2))
    if row.parent:
        updates += total_steps(row.parent.config.train, 1)
        seconds += _seconds(row.parent, phases=(1,))
    cascade = build_cascade(row.config.model)
    critic_updates = updates * train.n_critic
    return Compute(
        stages=row.config.model.stages,
        images=critic_updates * train.batch_size,
        generator_updates=updates,
        critic_updates=critic_updates,
        training_seconds=seconds,
        parameters=cascade.count_params(),
        multiply_adds=multiply_adds(cascade),
    )


def _seconds(row: AblationRow, phases: tuple[int, ...]) -> float:
    text = (row.run_dir / "metrics.jsonl").read_text("utf-8")
    lines = map(json.loads, text.splitlines())
    # Lines of scores have no time.
    return sum(
        line.get("seconds", 0) for line in lines if line["phase"] in phases
    )


def multiply_adds(model: "keras.Model") -> int:
    """Of all convolutions and dense layers, for one sample.

    A transposed convolution is counted as the convolution that it is the
    transpose of; border pixels count like all others.
    """
    import keras
    from keras import layers

    from efgan_tf.models.layers import ActionUnitConv2D

    total = 0
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            total += multiply_adds(layer)
        elif isinstance(layer, ActionUnitConv2D):
            image, _ = layer.input
            taps = layer.kernel_size**2 * layer.filters
            total += math.prod(image.shape[1:3]) * taps * image.shape[-1]
            total += layer.kernel_size**2 * taps * COUNT
        elif isinstance(layer, (layers.Conv2D, layers.Conv2DTranspose)):
            spread = isinstance(layer, layers.Conv2DTranspose)
            places = layer.input.shape if spread else layer.output.shape
            total += math.prod(places[1:3]) * math.prod(layer.kernel.shape)
        elif hasattr(layer, "kernel"):
            total += math.prod(layer.kernel.shape)
    return total


def compute_table(rows: Mapping[str, Compute]) -> str:
    """A Markdown table, a line for each row."""
    heads = [
        "", "stages", "images", "generator updates", "critic updates",
        "training, minutes", "parameters", "multiply-adds of an edit",
    ]  # fmt: skip
    return tables.markdown_table(
        heads,
        [
            [
                name, f"{row.stages}", f"{row.images:,}",
                f"{row.generator_updates:,}", f"{row.critic_updates:,}",
                f"{row.training_seconds / 60:.1f}", f"{row.parameters:,}",
                f"{row.multiply_adds / 1e6:,.0f} M",
            ]
            for name, row in rows.items()
        ],
    )  # fmt: skip
