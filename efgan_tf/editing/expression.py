"""The expression that an edit aims at, and expressions in files.

A target may have a whole expression (a preset, another face's units, a saved
edit), which `intensity` goes towards from the source, and single units, which
are set to their values. `relative` adds both to the source instead.

Expressions are saved in JSON files, to be used again on another photo:

    {
      "version": 1,
      "action_units": {"AU01": 0.0, …},         what the edit aimed at, 0–5
      "source_action_units": {"AU01": 0.1, …}   what the face showed before
    }

Units that are not named are 0; `source_action_units` may be left out.
"""

import dataclasses
import json
import os
import re
from collections.abc import Mapping

import numpy as np

from efgan_tf import action_units
from efgan_tf.common.errors import UserError
from efgan_tf.common.outputs import atomic_file

MAX_INTENSITY = 10.0
"""An expression may be overdone so many times."""

VERSION = 1


@dataclasses.dataclass(frozen=True, eq=False)
class ExpressionTarget:
    """An expression that a face should show.

    Attributes:
      expression: `[17]`, a whole expression in 0–5, or, with `relative`, a
        change in -5–5; None: the source's own.
      intensity: how much of the way to `expression` is gone: 0 stays at the
        source, 1 arrives, up to `MAX_INTENSITY` goes on.
      units: single ones, on top: intensities 0–5, or, with `relative`,
        changes in -5–5.
      relative: `expression` and `units` are added to the source.
    """

    expression: np.ndarray | None = None
    intensity: float = 1.0
    units: Mapping[str, float] = dataclasses.field(default_factory=dict)
    relative: bool = False

    def __post_init__(self):
        if not 0 <= self.intensity <= MAX_INTENSITY:
            raise UserError(
                f"intensity {self.intensity:g} is not within 0 and "
                f"{MAX_INTENSITY:g}: 0 leaves the face as it is, 1 is the "
                "whole expression"
            )
        if self.expression is None and self.intensity != 1:
            raise UserError(
                f"an intensity of {self.intensity:g} needs a whole expression "
                "to go towards; single units say theirs themselves: AU12=3"
            )
        for name, value in self.units.items():
            action_units.check_intensity(
                name, abs(value) if self.relative else value
            )

    def resolve(self, source: np.ndarray) -> np.ndarray:
        """The units that an edit aims at.

        Args:
          source: `[17]`, 0–5, what the face shows.

        Returns:
          float32 `[17]`, clipped to 0–5.
        """
        target: np.ndarray = np.array(source, np.float32)
        if self.expression is not None:
            start = 0 if self.relative else target
            target = target + self.intensity * (self.expression - start)
        for name, value in self.units.items():
            index = action_units.NAMES.index(name)
            target[index] = value + (target[index] if self.relative else 0)
        return np.clip(target, 0, action_units.MAX_INTENSITY)

    def check_learned(self, au_mask: np.ndarray, model: str) -> None:
        """Raises a `UserError` if the model has not learned one of `units`.

        Args:
          au_mask: `[17]`, 0 for the units that the model's data lacked.
          model: its name.
        """
        for name in self.units:
            if not au_mask[action_units.NAMES.index(name)]:
                raise UserError(
                    f"{model} has not learned {name}: its data had none; it "
                    f"knows {', '.join(learned_units(au_mask))}"
                )


def learned_units(au_mask: np.ndarray) -> list[str]:
    """The names of the units that a model has learned."""
    pairs = zip(action_units.NAMES, au_mask, strict=True)
    return [name for name, known in pairs if known]


def make_target(
    expression: str | Mapping[str, float] | None = None,
    intensity: float = 1.0,
    relative: bool = False,
    units: Mapping[str, float] | None = None,
    whole: np.ndarray | None = None,
) -> ExpressionTarget:
    """An expression target as a user gives it.

    Args:
      expression: a preset's name, or single units: `{"AU12": 3}`.
      intensity: see `ExpressionTarget`.
      relative: see `ExpressionTarget`.
      units: single ones, on top of a preset or of `whole`.
      whole: `[17]`, an expression that has no name: another face's.

    Raises:
      UserError: an unknown name, a value out of range, or two expressions.
    """
    units = dict(units or {})
    if isinstance(expression, Mapping):
        units = {**expression, **units}
    elif expression is not None:
        if whole is not None:
            raise UserError(
                "give one expression: its name, another photo's or a saved one"
            )
        whole = action_units.preset(expression)
    units = {action_units.canonical_name(k): v for k, v in units.items()}
    return ExpressionTarget(whole, intensity, units, relative)


def parse_units(text: str, relative: bool = False) -> dict[str, float]:
    """`"AU12=3,AU06=2"` as `action_units.parse`; changes may be negative.

    Raises:
      UserError: as `action_units.parse`.
    """
    if not relative:
        return action_units.parse(text)
    lowered = re.findall(r"([^,=]+)=\s*-", text)
    units = action_units.parse(re.sub(r"=\s*-", "=", text))
    for name in map(action_units.canonical_name, lowered):
        units[name] = -units[name]
    return units


@dataclasses.dataclass(frozen=True, eq=False)
class Expression:
    """A saved expression.

    Attributes:
      target: float32 `[17]`, 0–5.
      source: the same of the face that it was saved from; zeros where the
        file does not tell.
    """

    target: np.ndarray
    source: np.ndarray

    @property
    def change(self) -> np.ndarray:
        """What the edit added to the face, -5–5."""
        return self.target - self.source


def save_expression(
    path: str | os.PathLike, expression: Expression, overwrite: bool = False
) -> None:
    """Writes an expression.

    Raises:
      UserError: the file exists (without `overwrite`) or cannot be written.
    """
    content = {
        "version": VERSION,
        "action_units": to_json_units(expression.target),
        "source_action_units": to_json_units(expression.source),
    }
    with atomic_file(path, overwrite) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n")


def load_expression(path: str | os.PathLike) -> Expression:
    """Reads an expression.

    Raises:
      UserError: missing, not JSON, of another version, or a value is out of
        range.
    """
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        # Of the JSON, of its characters or of its depth.
        raise UserError(f"{path} is not JSON: {error}") from error
    try:
        return _expression(content)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def to_json_units(vector: np.ndarray) -> dict[str, float]:
    """`[17]` → `{"AU01": 0.0, …}`, to three decimals."""
    pairs = zip(action_units.NAMES, np.asarray(vector, float), strict=True)
    return {name: round(value, 3) for name, value in pairs}


def _expression(content: object) -> Expression:
    if not isinstance(content, dict) or "action_units" not in content:
        raise UserError('has no "action_units"')
    version = content.get("version", VERSION)
    if version != VERSION:
        raise UserError(f"is of version {version}; this program reads 1")
    return Expression(
        target=_vector(content["action_units"]),
        source=_vector(content.get("source_action_units", {})),
    )


def _vector(units: object) -> np.ndarray:
    if not isinstance(units, dict):
        raise UserError(f'expected {{"AU12": 3.0, …}}, not {units!r:.40}')
    return action_units.to_vector(
        {name: _number(name, value) for name, value in units.items()}
    )


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise UserError(f"{name} should be a number, not {value!r:.40}")
    try:
        return float(value)
    except OverflowError as error:
        raise UserError(
            f"{name} is out of range; intensities are 0 to 5"
        ) from error
