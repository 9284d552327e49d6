"""Packages import only what lies below them, so no two import each other.

Imports within functions count as well. TensorFlow comes when it is needed.
"""

import ast
import collections
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "efgan_tf"

COMMANDS = "commands"
"""The modules in the root, but for those that packages import."""

SHARED = {"config", "action_units", "geometry"}

# From the ground up; those of one line do not import each other.
ORDER = (
    ("common",),
    ("action_units", "geometry"),
    ("config",),
    ("faces", "models", "synthetic"),
    ("labeling",),
    ("data",),
    ("trained",),
    ("training", "editing"),
    ("distillation", "evaluation", "explaining", "interface"),
    ("serving",),
    (COMMANDS,),
)

# `efgan_tf.load` imports the editor when it is called; packages take the
# version from here.
ENTRANCE = "efgan_tf"


LIGHT = (
    "commands", "config", "data.aligning", "data.tables", "edit",
    "faces.detection", "faces.photos", "geometry", "prepare",
    "synthesize", "synthetic.render", "train",
)  # fmt: skip


def test_no_import_runs_upwards():
    height = {name: i for i, line in enumerate(ORDER) for name in line}
    edges = _edges()
    assert {name for edge in edges for name in edge} == height.keys()
    upward = {
        f"{importer} imports {imported}": modules
        for (importer, imported), modules in edges.items()
        if height[importer] <= height[imported]
    }
    assert not upward


def _edges() -> dict[tuple[str, str], list[str]]:
    """The modules that import, by (group, group that it imports)."""
    modules = {_name(path): path for path in PACKAGE.rglob("*.py")}
    edges = collections.defaultdict(list)
    for name, path in modules.items():
        if name == ENTRANCE:
            continue
        for imported in set(_imports(path, modules)) - {name, ENTRANCE}:
            if _group(name) != _group(imported):
                edges[_group(name), _group(imported)].append(name)
    return edges


def _group(name: str) -> str:
    first = name.split(".")[1]
    is_package = (PACKAGE / first).is_dir()
    return first if is_package or first in SHARED else COMMANDS


def _name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def _imports(path: Path, modules: dict[str, Path]):
    """Modules of ours that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level and node.module, f"{path}: relative import"
            # A module, or a name in one.
            names = [
                full if (full := f"{node.module}.{alias.name}") in modules
                else node.module
                for alias in node.names
            ]  # fmt: skip
        else:
            continue
        yield from (name for name in names if name in modules)


def test_importing_does_not_import_tensorflow():
    names = ", ".join(f"efgan_tf.{module}" for module in LIGHT)
    code = f"import sys, {names}; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_only_commands_and_config_know_flags():
    knowing = {
        _group(_name(path))
        for path in PACKAGE.rglob("*.py")
        if "from absl import flags" in path.read_text("utf-8")
    }
    assert knowing == {COMMANDS, "config", "common"}
