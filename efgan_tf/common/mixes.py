"""Several data sets in one run: what a text of `--mix` says.

    --mix="photos=1/2 --dataset=folder --source_dir=photos --aus=aus.csv"

is a name, a share of every batch, and settings of the data set as its own
flags would say them, `--flagfile=` among them. Without `NAME=` the data set's
own name counts. What a text does not say, the flags beside `--mix` do.
"""

import dataclasses
import fractions
import re
import shlex
import typing
from typing import Any

from absl import flags

from efgan_tf.common import flag_files, options
from efgan_tf.common.errors import ConfigError, UserError
from efgan_tf.common.options import require

_HEAD = re.compile(r"(?:([A-Za-z][\w-]*)=)?([^=\s]+)")
_WHOLE_RUN = (
    "mix", "data_dir", "data_memory", "beam_runner", "beam_options",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class MixPart:
    """One data set of a mix.

    Attributes:
      name: its name in logs, reports and file names.
      share: of every batch.
      settings: the settings of `DataConfig` that the text gives.
    """

    name: str
    share: fractions.Fraction
    settings: dict[str, Any]

    def text(self) -> str:
        """The text in its plain form: nothing of it lies in another file."""
        words = [f"{self.name}={self.share}"]
        for name, value in self.settings.items():
            if isinstance(value, tuple):
                value = ",".join(map(str, value))
            words.append(f"--{name}={value}")
        return shlex.join(words)


def read(text: str, cls: type) -> MixPart:
    """Reads a text.

    Args:
      text: see the module.
      cls: the dataclass whose settings it may give.

    Raises:
      ConfigError: it cannot be understood.
    """
    try:
        head, *arguments = shlex.split(text)
    except ValueError as error:
        raise ConfigError(
            f"--mix={text!r} is no share with a data set's flags: {error}"
        ) from error
    found = _HEAD.fullmatch(head)
    if found is None:
        raise ConfigError(f"--mix={text!r} must begin with SHARE or NAME=SHARE")
    values = flag_files.FlagValues()
    options.define_flags(values, cls)
    try:
        rest = values(["--mix", *arguments])
    except (flags.Error, UserError) as error:
        raise ConfigError(
            f"--mix={text!r} may have the flags of a data set alone: {error}"
        ) from error
    require(len(rest) == 1, f"--mix={text!r}: {rest[-1]!r} is no flag")
    names = [name for name in typing.get_type_hints(cls) if name in values]
    given = {
        name: getattr(values, name) for name in names if values[name].present
    }
    for name in _WHOLE_RUN:
        require(
            name not in given,
            f"--mix={text!r}: --{name} is the whole run's; give it beside "
            "--mix",
        )
    require("dataset" in given, f"--mix={text!r} needs a --dataset")
    return MixPart(
        found[1] or given["dataset"], _share(found[2], text), given
    )  # fmt: skip


def _share(text: str, whole: str) -> fractions.Fraction:
    try:
        share = fractions.Fraction(text)
    except (ValueError, ZeroDivisionError):
        share = fractions.Fraction(0)
    require(
        0 < share <= 1,
        f"--mix={whole!r}: the share {text!r} is no number such as 0.25 or "
        "1/3, greater than 0 and at most 1",
    )
    return share


def check(mixed: tuple[MixPart, ...]) -> None:
    """Raises a `ConfigError` if shares or names do not go together."""
    total = sum(part.share for part in mixed)
    listed = " + ".join(str(part.share) for part in mixed)
    require(
        total == 1, f"the shares of --mix must add up to 1: {listed} do not"
    )
    names = [part.name for part in mixed]
    twice = sorted({name for name in names if names.count(name) > 1})
    require(
        not twice,
        f"--mix has several sets with the name {', '.join(twice)}; name them "
        'apart, as in --mix="young=1/2 --dataset=folder …"',
    )
