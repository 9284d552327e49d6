"""Commands: flags in, one line and an exit status out; outputs whole."""

import contextlib
import io
import os
import signal
import subprocess
import sys
import time

import pytest

from efgan_tf import commands
from efgan_tf.common import outputs
from efgan_tf.common.errors import UserError
from efgan_tf.common.progress import Progress


def _run(main, *arguments):
    return commands.run(main, argv=["program", *arguments])


def _succeed(values):
    return None


@pytest.mark.parametrize(
    ("flag", "named"),
    [
        ("--no_such_flag=1", "no_such_flag"),
        ("--stages=0", "stages"),
        ("--flagfile=absent.flags", "absent.flags"),
        ("stray", "stray"),
        ("--precision=float8", "precision"),
    ],
)
def test_a_users_mistake_is_one_line_and_status_2(flag, named, refusal):
    from efgan_tf import config

    main = lambda values: config.from_flags(values) and 0  # noqa: E731
    assert named in refusal(main, flags=[flag])


def test_a_full_disk_is_one_line_and_a_bug_is_not_hidden(capsys):
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


@contextlib.contextmanager
def _in_folder(path):
    before = os.getcwd()
    os.chdir(path)
    try:
        yield
    finally:
        os.chdir(before)


def _write_folder(path):
    with outputs.atomic_folder(path) as folder:
        (folder / "a").write_text("1")


def _write_file(path):
    with outputs.atomic_file(path) as temporary:
        temporary.write_text("1")


@pytest.mark.parametrize(
    "path", ["/proc/efgan/x", "circle/x", "x" * 300, "pipe", "pipe/x"]
)
@pytest.mark.parametrize("write", [_write_folder, _write_file])
def test_places_that_cannot_be_written(write, path, tmp_path, refusal):
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    os.mkfifo(tmp_path / "pipe")
    error = refusal(lambda values: write(tmp_path / path), flags=[])
    assert path.removesuffix("/x") in error
    assert sorted(os.listdir(tmp_path)) == ["circle", "pipe"]


def test_what_is_there_is_kept(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="folder is a folder"):
        _write_file(tmp_path / "folder")
    (tmp_path / "sheet.jpg").write_text("old")
    with pytest.raises(UserError, match="sheet.jpg exists.*--overwrite"):
        with outputs.atomic_file(tmp_path / "sheet.jpg", overwrite=False):
            pass
    assert (tmp_path / "sheet.jpg").read_text() == "old"
    assert sorted(os.listdir(tmp_path)) == ["folder", "sheet.jpg"]


@pytest.mark.parametrize("exists", [True, False])
def test_links_are_followed_and_kept(exists, tmp_path):
    (tmp_path / "there").mkdir()
    if exists:
        (tmp_path / "there" / "out").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "there" / "out")
    _write_folder(link)
    assert link.is_symlink()
    assert os.listdir(tmp_path / "there" / "out") == ["a"]
    assert sorted(os.listdir(tmp_path)) == ["link", "there"]
    assert os.listdir(tmp_path / "there") == ["out"]


def test_the_current_folder_is_filled(tmp_path):
    (tmp_path / "here").mkdir()
    with _in_folder(tmp_path / "here"):
        _write_folder(".")
        assert os.listdir(".") == ["a"]
    assert os.listdir(tmp_path) == ["here"]


def test_an_immovable_folder_is_filled_or_left_empty(tmp_path, monkeypatch):
    def busy(source, destination):
        raise OSError(16, "Device or resource busy")

    (tmp_path / "out").mkdir()
    monkeypatch.setattr(outputs.os, "rename", busy)
    with pytest.raises(UserError, match="out: Device or resource busy"):
        with monkeypatch.context() as patch:
            # Moving is renaming, too; by default it would fall back to copies.
            patch.setattr(outputs.shutil, "move", busy)
            _write_folder(tmp_path / "out")
    assert os.listdir(tmp_path / "out") == []
    _write_folder(tmp_path / "out")
    assert os.listdir(tmp_path / "out") == ["a"]
    assert os.listdir(tmp_path) == ["out"]


def test_what_dead_processes_left_is_swept(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    ours = outputs._temporary_prefix(tmp_path / "out")
    other = outputs._temporary_prefix(tmp_path / "other")
    elsewhere = ours.rpartition("-")[0] + "-0123abcd."
    left = [f"{ours}{dead.pid}.x1", f"{ours}{dead.pid}.tmp"]
    kept = [
        f"{ours}{os.getppid()}.x1",  # at work still
        f"{elsewhere}{dead.pid}.x1",  # who knows
        f"{other}{dead.pid}.x1",
    ]
    for name in left + kept:
        (tmp_path / name).mkdir()
        (tmp_path / name / "a").write_text("")
    _write_folder(tmp_path / "out")
    assert sorted(os.listdir(tmp_path)) == sorted([*kept, "out"])


def test_what_was_there_when_a_process_died_comes_back(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    old = (
        tmp_path
        / f"{outputs._temporary_prefix(tmp_path / 'out')}{dead.pid}.old"
    )
    old.mkdir()
    (old / "thesis").write_text("years of work")
    with pytest.raises(UserError, match="--overwrite"):
        _write_folder(tmp_path / "out")
    assert os.listdir(tmp_path) == ["out"]
    assert os.listdir(tmp_path / "out") == ["thesis"]


@pytest.mark.parametrize("name", ["写" * 85, "n" * 255, "x." + "s" * 253])
@pytest.mark.parametrize("write", [_write_folder, _write_file])
def test_names_may_be_as_long_as_the_file_system_allows(name, write, tmp_path):
    write(tmp_path / name)
    assert os.listdir(tmp_path) == [name]
    if write is _write_file:  # and once more, over what is there
        write(tmp_path / name)
        assert (tmp_path / name).read_text() == "1"


def test_containers_of_one_host_name_leave_each_other_alone():
    code = "from efgan_tf.common import outputs; print(outputs._machine())"
    contained = ["unshare", "-Urpf", "--mount-proc", sys.executable, "-c", code]
    try:
        inside = subprocess.check_output(contained, text=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("name spaces are not to be had here")
    outside = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert outside.strip() == outputs._machine() != inside.strip()


def test_sigterm_cleans_up(tmp_path):
    code = (
        "import sys, time\n"
        "from efgan_tf import commands\n"
        "from efgan_tf.common import outputs\n"
        "def main(values):\n"
        f"    with outputs.atomic_folder({str(tmp_path / 'out')!r}):\n"
        "        print('ready', flush=True)\n"
        "        time.sleep(60)\n"
        "sys.exit(commands.run(main, argv=['program']))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    assert len(os.listdir(tmp_path)) == 1
    process.terminate()
    assert process.wait(timeout=30) == commands.TERMINATED_STATUS
    assert not os.listdir(tmp_path)


def test_a_commands_signal_handler_goes_with_it():
    before = signal.getsignal(signal.SIGTERM)

    def main(values):
        assert signal.getsignal(signal.SIGTERM) is not before

    assert _run(main) == 0
    assert signal.getsignal(signal.SIGTERM) is before


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


class _Terminal(io.StringIO):
    def isatty(self):
        return True


def test_on_a_terminal_lines_go_above_the_progress():
    terminal = _Terminal()
    progress = Progress("work", 10, stream=terminal)
    progress.say("early")
    time.sleep(0.11)
    progress.advance()
    progress.say("hello")
    progress.finish()
    progress.say("late")
    clear = "\r\x1b[K"
    written = terminal.getvalue().split(clear)
    assert written[1] == "early\n"
    shown = written[2]
    assert shown.startswith("work 1/10 (")
    assert written[3] == f"hello\n{shown}"
    assert written[4].startswith("work 1/10") and written[4].endswith("\n")
    assert written[5] == "late\n"


def test_words_that_are_no_flags_go_to_commands_that_accept_them(capsys):
    given = []

    def main(values, words):
        given.append(words)

    argv = ["program", "runs/a", "--stages=2", "runs/b"]
    assert commands.run(main, argv=argv, arguments=True) == 0
    assert given == [["runs/a", "runs/b"]]
    assert _run(_succeed, "runs/a") == 2
    assert "unexpected argument 'runs/a'" in capsys.readouterr().err
