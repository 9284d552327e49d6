"""Commands: flags in, one line and an exit status out; outputs whole."""

import os
import subprocess
import sys

import pytest

from efgan_tf import commands, outputs
from efgan_tf.errors import UserError
from efgan_tf.progress import Progress


def _run(main, *arguments):
    return commands.run(main, argv=["program", *arguments])


def _succeed(values):
    return None


def test_importing_the_package_does_not_import_tensorflow():
    code = (
        "import sys, efgan_tf, efgan_tf.config, efgan_tf.commands, "
        "efgan_tf.geometry, efgan_tf.action_units, efgan_tf.train\n"
        "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--no_such_flag=1"],
        ["--stages=0"],
        ["--flagfile=absent.flags"],
        ["stray"],
        ["--precision=float8"],
    ],
)
def test_a_users_mistake_is_one_line_and_status_2(arguments, capsys):
    from efgan_tf import config

    assert _run(lambda v: config.from_flags(v) and 0, *arguments) == 2
    out, error = capsys.readouterr()
    assert out == "" and error.count("\n") == 1
    assert error.startswith("error: ")
    assert arguments[0].lstrip("-").split("=")[0][:8] in error or (
        "absent.flags" in error
    )


def test_a_full_disk_is_told_plainly_but_a_bug_is_not_hidden(capsys):
    def full(values):
        raise OSError(28, "No space left on device", "out.png")

    assert _run(full) == 2
    assert "No space left on device: out.png" in capsys.readouterr().err

    def bug(values):
        raise OSError(2, "No such file", "left_out.py")

    with pytest.raises(OSError):
        _run(bug)


def test_help_lists_each_flag_with_its_default(capsys):
    assert _run(_succeed, "--helpshort") == 0
    text = capsys.readouterr().out
    assert "--lambda_gp" in text and "(default '10.0')" in text
    assert "[float32|mixed_bfloat16|mixed_float16]" in text


def test_atomic_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "new" / "out.txt"
    with outputs.atomic_file(path) as temporary:
        temporary.write_text("one")
        assert not path.exists()
    assert path.read_text() == "one"
    with pytest.raises(RuntimeError):
        with outputs.atomic_file(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError
    assert path.read_text() == "one"
    assert os.listdir(path.parent) == ["out.txt"]


def test_atomic_folder_refuses_keeps_and_replaces(tmp_path):
    path = tmp_path / "out"
    with outputs.atomic_folder(path) as folder:
        (folder / "a").write_text("1")
    with pytest.raises(UserError, match="--overwrite"):
        with outputs.atomic_folder(path):
            pass
    with pytest.raises(RuntimeError):
        with outputs.atomic_folder(path, overwrite=True) as folder:
            (folder / "b").write_text("2")
            raise RuntimeError
    assert os.listdir(path) == ["a"]
    with outputs.atomic_folder(path, overwrite=True) as folder:
        (folder / "b").write_text("2")
    assert os.listdir(path) == ["b"] and os.listdir(tmp_path) == ["out"]


def test_a_file_in_the_way_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "out"):
        with pytest.raises(UserError, match="file"):
            with outputs.atomic_folder(path):
                pass


def test_progress_counts_only_new_units(tmp_path):
    with open(tmp_path / "log", "w+") as stream:
        progress = Progress(
            "work", 10, done=4, stream=stream, seconds_between_lines=0
        )
        progress.advance(2, note="fine")
        stream.seek(0)
        line = stream.read()
    assert line.startswith("work 6/10 (") and line.endswith("left) fine\n")
    assert "\r" not in line
