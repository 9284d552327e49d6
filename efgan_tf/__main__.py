"""All commands by one name: `efgan edit ...` is `python -m efgan_tf.edit ...`.

efgan COMMAND --help
efgan --version
"""

import ast
import difflib
import runpy
import sys
from pathlib import Path

import efgan_tf
from efgan_tf.commands import USER_ERROR_STATUS
from efgan_tf.common import streams

COMMANDS = (
    "edit", "demo", "train", "prepare", "label", "synthesize", "evaluate",
    "evaluate_photos", "ablate", "plot", "visualize", "export", "serve",
    "client", "distill",
)  # fmt: skip


def main() -> int:
    """Runs the command that the first argument names; returns its status."""
    return streams.guarded(_main)


def _main() -> int:
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in ("--help", "-h", "help", "--helpshort"):
        print(_overview())
        return 0
    if name == "--version":
        print(f"efgan_tf {efgan_tf.__version__}")
        return 0
    if name not in COMMANDS:
        print(f"error: {_unknown(name)}", file=sys.stderr)
        return USER_ERROR_STATUS
    sys.argv = [f"efgan {name}", *sys.argv[2:]]
    runpy.run_module(f"efgan_tf.{name}", run_name="__main__", alter_sys=True)
    return 0


def _overview() -> str:
    lines = ["efgan COMMAND [--flag=value ...]", ""]
    lines += [f"  {name:<17}{_summary(name)}" for name in COMMANDS]
    lines += ["", "efgan COMMAND --help lists its flags."]
    return "\n".join([*lines, "efgan --version prints the version."])


def _summary(name: str) -> str:
    """First line of a command's docstring; the command is not imported."""
    path = Path(__file__).with_name(f"{name}.py")
    tree = ast.parse(path.read_text("utf-8"))
    return (ast.get_docstring(tree) or "").split("\n", 1)[0]


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, COMMANDS, 1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"there is no command {name}; {hint}efgan --help lists them"


if __name__ == "__main__":
    sys.exit(main())
