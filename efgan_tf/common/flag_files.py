"""Flag files: found from any folder, and those that travel with the package.

absl looks for a nested flag file in the working directory. Here it is looked
for beside the file that nests it first, and `efgan:NAME` is a flag file of the
package, wherever it is installed.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from absl import flags

from efgan_tf.common.errors import UserError
from efgan_tf.common.options import in_home

PREFIX = "efgan:"

_DIRECTIVES = ("--flagfile", "-flagfile")


class FlagValues(flags.FlagValues):
    """absl's, with flag files found as above.

    Parsing raises a `UserError` if a flag file cannot be read or nests itself.
    """

    def read_flags_from_files(
        self, argv: Sequence[str], force_gnu: bool = True
    ) -> list[str]:
        """The command line with its flag files' lines in their place."""
        return super().read_flags_from_files(_expanded(argv), force_gnu)


def packaged() -> Path:
    """Folder of the flag files: the package's, or that of a clone."""
    here = Path(__file__).parents[1]
    installed = here / "configs"
    return installed if installed.is_dir() else here.parent / "configs"


def _expanded(argv: Sequence[str]) -> list[str]:
    arguments: list[str] = []
    rest = iter(argv)
    for argument in rest:
        if argument == "--":
            return [*arguments, argument, *rest]
        directive, equals, name = argument.partition("=")
        if directive not in _DIRECTIVES:
            arguments.append(argument)
            continue
        name = name if equals else next(rest, "")
        if not name:
            raise UserError("--flagfile needs the name of a file")
        arguments += _lines(_path(name, Path()), ())
    return arguments


def _lines(path: Path, nesting: tuple[Path, ...]) -> Iterator[str]:
    """The flags of a file, those of the files that it nests in their place."""
    if path in nesting:
        raise UserError(f"the flag file {path} nests itself")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"the flag file {path} cannot be read: {error}") from (
            error
        )
    for line in map(str.strip, text.splitlines()):
        directive, _, name = line.partition("=")
        if directive in _DIRECTIVES:
            yield from _lines(_path(name, path.parent), (*nesting, path))
        elif line and not line.startswith(("#", "//")):
            yield line


def _path(name: str, beside: Path) -> Path:
    """Where the flag file `name` is: beside another one, or as it says."""
    if name.startswith(PREFIX):
        path = packaged() / name.removeprefix(PREFIX)
        if path.parent == packaged() and path.is_file():
            return path
        known = ", ".join(sorted(p.name for p in packaged().glob("*.flags")))
        raise UserError(
            f"--flagfile={name}: the package has no such file; it has {known}"
        )
    path = Path(in_home(name.strip()))
    return beside / path if (beside / path).is_file() else path
