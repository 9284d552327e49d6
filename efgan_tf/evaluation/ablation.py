"""Which runs an ablation is made of.

The rows build the method up, each from the same number of images: the global
branch alone (GANimation's design), local branches, the refiner, and cascades.
A cascade branches off the end of the refiner's phase 1, where the refiner's own
row trains on as a single EF-GAN.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from absl import flags

from efgan_tf import config as config_lib
from efgan_tf.common import options
from efgan_tf.common.options import option, require
from efgan_tf.config import Config

_EFGAN = {"local_branches": True, "refiner": True}
_ROWS: dict[str, dict[str, Any]] = {
    "global": {"stages": 1, "local_branches": False, "refiner": False},
    "local": {"stages": 1, "local_branches": True, "refiner": False},
    "refiner": {"stages": 1, **_EFGAN},
    "k2": {"stages": 2, **_EFGAN},
    "k3": {"stages": 3, **_EFGAN},
}
_DONOR = "refiner"  # of the cascades


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
                    not _branches(name) or _DONOR in before,
                    f"--{flag}: {name} starts from {_DONOR}; name that before",
                )
            require(
                len(set(names)) == len(names), f"--{flag} names a row twice"
            )


@dataclasses.dataclass(frozen=True)
class Row:
    """A run of the ablation.

    Attributes:
      name: of the row.
      config: of the run, whole.
      donor: the row whose phase 1 it shares, or None.
    """

    name: str
    config: Config
    donor: "Row | None" = None

    @property
    def run_dir(self) -> Path:
        """Folder of the run."""
        return Path(self.config.train.run_dir)


def plan(config: Config, ablation: AblationConfig) -> list[Row]:
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
) -> Iterable[Row]:
    rows: dict[str, Row] = {}
    for name in names:
        changes = dict(_ROWS[name])
        donor = rows[_DONOR] if _branches(name) else None
        if donor:
            changes.update(phase1_kimg=0.0, init_from=str(donor.run_dir))
        rows[name] = _row(config, name + ending, changes, donor)
    return rows.values()


def _variants(config: Config, variants: list[str]) -> list[Row]:
    config = config_lib.replace(config, {"stages": 1, "phase2_kimg": 0.0})
    rows = [_row(config, "base", {})]
    for variant in variants:
        name, equals, value = variant.strip().partition("=")
        require(bool(equals), f"--variants: {variant!r} is not SETTING=VALUE")
        changed = _with_flag(config, name, value)
        require(changed != config, f"--variants: {variant} changes nothing")
        row = _row(changed, f"{name}_{value}", {})
        known = [other.name for other in rows]
        require(
            row.name not in known, f"--variants names {variant.strip()} twice"
        )
        rows.append(row)
    return rows


def _with_flag(config: Config, name: str, value: str) -> Config:
    """`config` with one setting changed, given as text."""
    values = flags.FlagValues()
    config_lib.define_flags(values)
    values(["ablate", *arguments(config), f"--{name}={value}"])
    return config_lib.from_flags(values)


def _row(
    config: Config,
    name: str,
    changes: Mapping[str, Any],
    donor: Row | None = None,
) -> Row:
    run_dir = str(Path(config.train.run_dir, name))
    changed = config_lib.replace(config, {**changes, "run_dir": run_dir})
    return Row(name, changed, donor)


def _branches(name: str) -> bool:
    """Whether a row has no phase 1 of its own."""
    return _ROWS[name]["stages"] > 1


def arguments(config: Config) -> list[str]:
    """A command line that says all of `config`."""
    return [
        line for line in options.flag_lines(config) if line.startswith("--")
    ]
