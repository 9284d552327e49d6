"""What every command shares: flags in, exit status out.

A command is a thin file: it names its config dataclasses, and its `main`
turns them into one library call. `run` parses the flags (flag files nest and
later flags win), prints help, and turns a user's mistake into one clear line
and exit status 2. SIGTERM ends it like Ctrl-C: what is under way cleans up.
Nothing that is printed can fail the work (`efgan_tf.common.streams`).
"""

import contextlib
import errno
import inspect
import os
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator

from absl import flags

from efgan_tf import config
from efgan_tf.common import flag_files, runtime, streams
from efgan_tf.common.errors import UserError
from efgan_tf.common.options import in_home
from efgan_tf.common.quiet import start_up_notes_dropped

USER_ERROR_STATUS = 2
INTERRUPTED_STATUS = 130
TERMINATED_STATUS = 143

# What the machine refuses is reported like a user's mistake, not like a bug.
_REFUSALS = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENAMETOOLONG,
}


def run(
    main: Callable[..., int | None],
    *classes: type,
    argv: list[str] | None = None,
    arguments: bool = False,
) -> int:
    """Runs a command and returns its exit status.

    Args:
      main: the command; receives the parsed flags, its module's docstring is
        the help text. Returns an exit status or None for 0.
      *classes: config dataclasses whose fields are the flags; without any,
        the sections of `config.Config`.
      argv: command line with the program's name first; `sys.argv` by default.
      arguments: whether words that are no flags may follow; `main` receives
        them as a list behind the flags.

    Raises:
      SystemExit: SIGTERM, with status 143, once `main` has cleaned up.
    """
    argv = sys.argv if argv is None else argv
    return streams.guarded(lambda: _run(main, classes, argv, arguments))


def _run(
    main: Callable[..., int | None],
    classes: tuple[type, ...],
    argv: list[str],
    arguments: bool,
) -> int:
    values = flag_files.FlagValues()
    config.define_flags(values, *classes)
    flags.DEFINE_bool("help", False, "show this help", flag_values=values)
    flags.DEFINE_bool("helpshort", False, "same", flag_values=values)
    try:
        rest = values(argv)
        if values.help or values.helpshort:
            print(_help(main, values))
            return 0
        if rest[1:] and not arguments:
            raise UserError(
                f"unexpected argument {rest[1]!r}; flags are --name=value"
            )
        with _unwinding_on_sigterm():
            words = [in_home(word) for word in rest[1:]]
            given = (values, words) if arguments else (values,)
            return main(*given) or 0
    except (UserError, flags.Error) as error:
        return _fail(str(error))
    except OSError as error:
        if error.errno not in _REFUSALS:
            raise
        return _fail(f"{error.strerror}: {error.filename or 'while writing'}")
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED_STATUS


@contextlib.contextmanager
def _unwinding_on_sigterm() -> Iterator[None]:
    """SIGTERM raises `SystemExit` instead of killing without a clean-up."""
    if threading.current_thread() is not threading.main_thread():
        yield  # no other thread may set handlers
        return

    def terminate(number, frame):
        sys.exit(TERMINATED_STATUS)

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _fail(message: str) -> int:
    line = " ".join(message.split())
    print(f"error: {line}", file=sys.stderr)
    return USER_ERROR_STATUS


def _help(main: Callable, values: flags.FlagValues) -> str:
    lines = [inspect.getdoc(inspect.getmodule(main)) or "", ""]
    for section, section_flags in values.flags_by_module_dict().items():
        if section.endswith("Config"):
            lines.append(f"{section.removesuffix('Config').lower()}:")
        for flag in section_flags:
            if flag.name in ("help", "helpshort"):
                continue
            kind = getattr(flag.parser, "enum_values", None)
            shown = f" [{'|'.join(kind)}]" if kind else ""
            default = f" (default {flag.default_as_str})"
            lines.append(f"  --{flag.name}{shown}: {flag.help}{default}")
    lines.append(
        "  --flagfile: read flags from a file, or efgan:NAME; later flags win"
    )
    return "\n".join(lines)


def import_tensorflow(deterministic: bool = False) -> None:
    """Imports TensorFlow for Keras: oneDNN on, its start-up notes dropped.

    Without AVX-512 VNNI TensorFlow leaves oneDNN off, with which training is
    one and a half times as fast. `TF_ENABLE_ONEDNN_OPTS` in the environment
    takes precedence.

    Args:
      deterministic: leave oneDNN off, which by default does not promise the
        same bits in each run (its guide, "Primitive attributes:
        deterministic").
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    onednn = "0" if deterministic else "1"
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", onednn)
    runtime.use_tensorflow()
    with start_up_notes_dropped():
        import tensorflow as tf

        tf.config.list_physical_devices()  # asks for a GPU, and says so


def next_command(module: str, **settings: object) -> str:
    """A command that can be pasted into a shell, whatever its paths hold.

    Args:
      module: `"edit"` of `python -m efgan_tf.edit`.
      **settings: its flags.
    """
    words = [f"--{name}={value}" for name, value in settings.items()]
    return shlex.join(["python", "-m", f"efgan_tf.{module}", *words])
