"""Config dataclasses into flags, flag files and JSON, and back.

Works for any frozen dataclass whose fields are made with `option`; which
dataclasses there are is `efgan_tf.config`'s business.
"""

import dataclasses
import json
import math
import os
import types
import typing
from collections.abc import Callable
from typing import Any, TypeVar

from absl import flags

from efgan_tf.common.errors import ConfigError

T = TypeVar("T")


def option(
    default: Any,
    help: str,
    choices: tuple[str, ...] = (),
    repeated: bool = False,
) -> Any:
    """A dataclass field with its flag's help text and choices.

    A field of texts that is `repeated` has a flag that may be given several
    times, one text each; others are separated by commas.
    """
    return dataclasses.field(
        default=default,
        metadata={"help": help, "choices": choices, "repeated": repeated},
    )


def require(condition: bool, message: str) -> None:
    """Raises a `ConfigError` with `message` unless `condition` holds."""
    if not condition:
        raise ConfigError(message)


def check_choices(config: Any) -> None:
    """Raises a `ConfigError` if a field has a value that is not a choice."""
    for field in dataclasses.fields(config):
        choices = field.metadata.get("choices")
        value = getattr(config, field.name)
        require(
            not choices or value in choices,
            f"--{field.name}={value} is none of {', '.join(choices or ())}",
        )


def check_finite(config: Any) -> None:
    """Raises a `ConfigError` if a number is not finite."""
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        require(
            not isinstance(value, float) or math.isfinite(value),
            f"--{field.name}={value} is not a finite number",
        )


def check_at_least(config: Any, minimum: float, *names: str) -> None:
    """Raises a `ConfigError` if one of the named fields is below `minimum`."""
    for name in names:
        value = getattr(config, name)
        require(
            value >= minimum, f"--{name}={value} must be at least {minimum}"
        )


def to_json(config: Any) -> str:
    """A config dataclass as indented JSON, keys as in the dataclass."""
    return json.dumps(dataclasses.asdict(config), indent=2) + "\n"


def from_json(text: str, cls: type[T]) -> T:
    """The config that `to_json` wrote.

    Raises:
      ConfigError: not JSON, an unknown key, or a wrong value.
    """
    try:
        return _from_dict(json.loads(text), cls)
    except json.JSONDecodeError as error:
        raise ConfigError(f"the configuration is not JSON: {error}") from error


def _from_dict(values: Any, cls: type[T]) -> T:
    require(isinstance(values, dict), f"{cls.__name__}: expected an object")
    types_ = typing.get_type_hints(cls)
    unknown = sorted(set(values) - set(types_))
    require(
        not unknown,
        f"{cls.__name__} has no setting {', '.join(unknown)}: another version "
        "wrote it; CHANGELOG.md says whether it may be deleted there",
    )
    parsed = {}
    for name, value in values.items():
        if dataclasses.is_dataclass(types_[name]):
            parsed[name] = _from_dict(value, types_[name])
        else:
            parsed[name] = _checked(name, value, types_[name])
    return cls(**parsed)


def _checked(name: str, value: Any, kind: Any) -> Any:
    """`value` if it is of type `kind`; ints pass as floats, lists as tuples."""
    if isinstance(kind, types.GenericAlias):
        kind, value = tuple, tuple(value) if isinstance(value, list) else value
    if kind is float and type(value) is int:
        value = float(value)
    require(
        type(value) is kind or (kind is tuple and isinstance(value, tuple)),
        f"{name} should be {kind.__name__}, not {value!r}",
    )
    return value


def differences(old: Any, new: Any) -> list[str]:
    """`["learning_rate: 0.0001 → 0.0002", …]` of two configs of one class."""
    lines = []
    for field in dataclasses.fields(old):
        before, after = getattr(old, field.name), getattr(new, field.name)
        if dataclasses.is_dataclass(before):
            lines += differences(before, after)
        elif before != after:
            lines.append(f"{field.name}: {before} → {after}")
    return lines


def define_flags(values: flags.FlagValues, *classes: type) -> None:
    """Defines one flag for each field of the dataclasses and of their parts.

    Args:
      values: where the flags go.
      *classes: config dataclasses; a field may be a config dataclass itself.
    """
    for cls in classes:
        hints = typing.get_type_hints(cls)
        for field in dataclasses.fields(cls):
            if dataclasses.is_dataclass(hints[field.name]):
                define_flags(values, hints[field.name])
            else:
                _define_flag(values, field, hints[field.name], cls.__name__)


def _define_flag(
    values: flags.FlagValues, field: dataclasses.Field, kind: Any, section: str
) -> None:
    shared: dict[str, Any] = {
        "name": field.name,
        "default": field.default,
        "help": field.metadata["help"],
        "flag_values": values,
        "module_name": section,
    }
    if field.metadata.get("repeated"):
        shared["default"] = list(shared["default"])
        flags.DEFINE_multi_string(**shared)
    elif field.metadata.get("choices"):
        shared["enum_values"] = list(field.metadata["choices"])
        flags.DEFINE_enum(**shared)
    elif isinstance(kind, types.GenericAlias):
        parser = _TupleParser(typing.get_args(kind)[0])
        flags.DEFINE(parser, serializer=_TupleSerializer(), **shared)
    else:
        define: dict[type, Callable[..., Any]] = {
            bool: flags.DEFINE_bool,
            int: flags.DEFINE_integer,
            float: flags.DEFINE_float,
            str: _define_text,
        }
        define[kind](**shared)


def in_home(text: str) -> str:
    """A flag's text; a path that begins with `~` as the shell would give it.

    The shell does so in `--out ~/x`, but not in `--out=~/x`.

    Raises:
      ConfigError: there is no home folder.
    """
    found = os.path.expanduser(text)
    if found == text and (text == "~" or text.startswith("~/")):
        raise ConfigError(
            f"{text} begins with ~, and there is no home folder (HOME is not "
            "set); write the path in full"
        )
    return found


class _TextParser(flags.ArgumentParser):
    """Text as it is, but for a `~` at its start."""

    def parse(self, argument):
        return in_home(argument)

    def flag_type(self):
        return "string"


def _define_text(**settings) -> None:
    flags.DEFINE(
        _TextParser(), serializer=flags.ArgumentSerializer(), **settings
    )


class _TupleParser(flags.ArgumentParser):
    """`"5,6,12,20"` → `(5, 6, 12, 20)`, `""` → `()`, or texts likewise."""

    def __init__(self, kind: type[int] | type[str]):
        super().__init__()
        self._kind = kind

    def parse(self, argument):
        if isinstance(argument, tuple):
            return tuple(argument)
        parts = argument.split(",") if argument.strip() else []
        if self._kind is str:
            return tuple(in_home(part.strip()) for part in parts)
        try:
            return tuple(self._kind(part.strip()) for part in parts)
        except ValueError:
            raise ValueError(
                f"{argument!r} is not a list of whole numbers"
            ) from None

    def flag_type(self):
        kind = {int: "whole numbers", str: "names"}[self._kind]
        return f"comma separated {kind}"


class _TupleSerializer(flags.ArgumentSerializer):
    def serialize(self, value):
        return ",".join(map(str, value))


def from_flags(values: flags.FlagValues, cls: type[T]) -> T:
    """The config that the parsed flags say.

    Raises:
      ConfigError: a value is out of range or at odds with another.
    """
    hints = typing.get_type_hints(cls)
    given = {
        name: from_flags(values, hint)
        if isinstance(hint, type) and dataclasses.is_dataclass(hint)
        else getattr(values, name)
        for name, hint in hints.items()
    }
    return cls(
        **{
            name: tuple(value) if isinstance(value, list) else value
            for name, value in given.items()
        }
    )


def flag_lines(config: Any) -> list[str]:
    """The config as lines of a flag file, every setting written out."""
    lines = []
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            lines += [f"# {field.name}", *flag_lines(value)]
        elif field.metadata.get("repeated"):
            lines += [f"--{field.name}={text}" for text in value]
        else:
            text = (
                ",".join(map(str, value)) if isinstance(value, tuple) else value
            )
            lines.append(f"--{field.name}={text}")
    return lines
