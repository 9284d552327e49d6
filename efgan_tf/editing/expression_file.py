"""Expressions in JSON files, to be used again on another photo.

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

import numpy as np

from efgan_tf import action_units
from efgan_tf.common.errors import UserError
from efgan_tf.common.outputs import atomic_file

VERSION = 1


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
