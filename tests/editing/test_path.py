"""A photo's way from file to edited file is the one that CONTRIBUTING says."""

import dataclasses
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import efgan_tf
from efgan_tf import commands, edit
from efgan_tf.interface import samples

PACKAGE = Path(efgan_tf.__file__).parent
MOST = 12
"""Modules that a reader has to open."""


def described() -> set[str]:
    """The modules that the table names, without those of other formats."""
    text = (PACKAGE.parent / "CONTRIBUTING.md").read_text("utf-8")
    (row,) = re.findall(r"^\| what happens to a photo.*$", text, re.M)
    names = set(re.findall(r"\(efgan_tf/([\w/]+\.py)\)", row))
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
        "edit", f"--image={samples.sample_path('All three')}",
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
