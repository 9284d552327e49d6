"""What the documents promise is there; what is packaged is complete."""

import re
from pathlib import Path

import pytest
from setuptools.config.pyprojecttoml import read_configuration

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


def test_every_folder_with_code_is_packaged():
    folders = {
        ".".join(file.parent.relative_to(ROOT).parts)
        for file in (ROOT / "efgan_tf").rglob("*.py")
    }
    settings = read_configuration(ROOT / "pyproject.toml", expand=False)
    packages = set(settings["tool"]["setuptools"]["packages"])
    assert packages == folders | {"efgan_tf.configs"}
