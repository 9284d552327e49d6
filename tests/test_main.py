"""The one entrance to all commands."""

import subprocess
import sys
from pathlib import Path

import pytest

import efgan_tf
from efgan_tf import __main__ as entrance

PACKAGE = Path(efgan_tf.__file__).parent


def _run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "efgan_tf", *arguments],
        capture_output=True, text=True,
    )  # fmt: skip


def test_every_command_has_a_place():
    found = {
        path.stem
        for path in PACKAGE.glob("*.py")
        if "run(main" in path.read_text("utf-8")
    }
    assert set(entrance.COMMANDS) == found - {"commands"}


def test_the_overview_and_the_version():
    done = _run("--help")
    assert done.returncode == 0 and _run().stdout == done.stdout
    for name in entrance.COMMANDS:
        assert f"  {name:<12}" in done.stdout
    assert _run("--version").stdout == f"efgan_tf {efgan_tf.__version__}\n"


@pytest.mark.parametrize("name", entrance.COMMANDS)
def test_every_command_explains_itself(name, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["efgan", name, "--help"])
    with pytest.raises(SystemExit) as ended:
        entrance.main()
    assert ended.value.code in (0, None)
    help_text = capsys.readouterr().out
    assert entrance._summary(name) in help_text
    assert f"python -m efgan_tf.{name} " in help_text


def test_a_misspelled_command_is_refused():
    done = _run("edti", "--image=x.jpg")
    assert done.returncode == 2 and done.stdout == ""
    assert "did you mean edit?" in done.stderr
    assert done.stderr.count("\n") == 1


def test_mistakes_keep_their_status():
    done = _run("edit", "--image=absent.jpg", "--expression=happy")
    assert done.returncode == 2 and done.stderr.startswith("error: ")
