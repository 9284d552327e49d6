"""What the documents promise is there, and CONTRIBUTING names what it says."""

import dataclasses
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import efgan_tf
from efgan_tf import commands, edit
from efgan_tf.interface import sample_photos
from tools.release import documents

ROOT = documents.ROOT
DOCUMENTS = documents.documents()

_OURS = ("efgan_tf", "benchmarks", "tests", "tools")


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("path", DOCUMENTS, ids=_name)
def test_every_relative_link_leads_somewhere(path):
    links = re.findall(r"\]\(([^)#]+)", path.read_text(encoding="utf-8"))
    local = [link for link in links if "://" not in link]
    for link in local:
        assert (path.parent / link).exists(), link


@pytest.mark.parametrize("path", DOCUMENTS, ids=_name)
def test_every_module_and_file_that_a_command_names_is_there(path):
    text = path.read_text(encoding="utf-8")
    for module in re.findall(r"python -m ([\w.]+)", text):
        if module.split(".")[0] in _OURS:
            assert (ROOT / (module.replace(".", "/") + ".py")).exists(), module
    for file in re.findall(r"--flagfile=(configs/\w+\.flags)", text):
        assert (ROOT / file).exists(), file


PACKAGE = Path(efgan_tf.__file__).parent
MOST = 12
"""Modules that a reader has to open."""


def described() -> set[str]:
    """The modules that the list names, without those of other formats."""
    text = (PACKAGE.parent / "CONTRIBUTING.md").read_text("utf-8")
    (steps,) = re.findall(r"^A photo goes .*?^## ", text, re.M | re.S)
    names = set(re.findall(r"\(efgan_tf/([\w/]+\.py)\)", steps))
    return names - {"faces/writers.py"}


def holds_a_picture(value, depth: int = 3) -> bool:
    """Whether pixels are in a value, perhaps in a batch or a dataclass."""
    if isinstance(value, np.ndarray):
        *_, height, width, channels = (0, 0, 0, *value.shape)
        return min(height, width) >= 32 and channels in (1, 3, 4)
    if not depth:
        return False
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = vars(value)
    values = value.values() if isinstance(value, dict) else value
    return isinstance(value, (dict, list, tuple)) and any(
        holds_a_picture(each, depth - 1) for each in values
    )


def test_a_photo_goes_through_the_modules_that_are_said(tmp_path, capsys):
    if not (PACKAGE.parent / "CONTRIBUTING.md").exists():
        pytest.skip("no checkout, but an installed package")
    passed = set()

    def look(frame, event, argument):
        file = Path(frame.f_code.co_filename)
        if event == "return" and PACKAGE in file.parents:
            values = [argument, *frame.f_locals.values()]
            if any(map(holds_a_picture, values)):
                passed.add(file.relative_to(PACKAGE).as_posix())

    argv = [
        "edit", f"--image={sample_photos.sample_path('All three')}",
        "--expression=happy", f"--out={tmp_path / 'out.png'}",
    ]  # fmt: skip
    sys.setprofile(look)
    try:
        status = commands.run(edit.main, *edit.CONFIGS, argv=argv)
    finally:
        sys.setprofile(None)
    assert status == 0, capsys.readouterr().err
    assert passed | {"edit.py"} == described()
    assert len(described()) <= MOST
