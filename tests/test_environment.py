"""Whatever the user's environment is like, it works or one line says why."""

import os
import shlex
import subprocess
import sys

import keras
import numpy as np
import pytest

import efgan_tf
from efgan_tf import commands, config
from efgan_tf.common import runtime
from efgan_tf.config import ModelConfig
from efgan_tf.editing.editing_settings import PhotoConfig
from efgan_tf.evaluation import judge_training as judges
from efgan_tf.models import build_cascade, build_critics, build_estimator
from tests.models.conftest import TINY


def run_python(code, **options):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, timeout=300,
        text=True, **options,
    )  # fmt: skip


def printing(code):
    """Python that prints as a command does."""
    return (
        "import sys; from efgan_tf import commands\n"
        f"def main(values):\n    {code}\n"
        "sys.exit(commands.run(main, argv=['program']))"
    )


@pytest.mark.parametrize(
    "command",
    [
        ["-m", "efgan_tf"],
        ["-c", printing("for _ in range(10**5): print('many lines')")],
        ["-c", printing("for _ in range(99): print('x', file=sys.stderr)")],
    ],
)
def test_a_closed_pipe_ends_a_command_without_an_error(command, tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    to_stderr = "stderr" in command[-1]
    with open(tmp_path / "log", "w+") as log:
        done = subprocess.run(
            [sys.executable, *command],
            stdout=log if to_stderr else writing,
            stderr=writing if to_stderr else log,
        )
        os.close(writing)
        log.seek(0)
        assert log.read() == ""
    assert done.returncode == 141


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_output_is_no_failure(closed):
    code = printing(
        "from efgan_tf.common.progress import Progress; "
        "Progress('a', 2).finish(); "
        "print('x'); print('y', file=sys.stderr)"
    )
    command = shlex.join([sys.executable, "-c", code])
    done = subprocess.run(["sh", "-c", f"{command} {closed}"], text=True,
                          capture_output=True)  # fmt: skip
    assert done.returncode == 0
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("encoding", "text", "shown"),
    [
        ("latin-1", "İ is no é", r"\u0130 is no é"),
        ("ascii", "10 € 😀", r"10 \u20ac \U0001f600"),
        ("utf-8", "caf\udce9.jpg", r"caf\udce9.jpg"),
    ],
)
def test_what_an_encoding_lacks_is_escaped(encoding, text, shown):
    code = printing(f"print({text!a}); print({text!a}, file=sys.stderr)")
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )
    assert done.returncode == 0
    for found in (done.stdout, done.stderr):
        assert found.decode(encoding).strip() == shown


def parsed(*arguments, classes, words=False):
    """The configs that a command gets, and its further words."""
    given = []

    def main(values, rest=()):
        given.extend([config.from_flags(values, c) for c in classes])
        given.extend(rest)

    status = commands.run(
        main, *classes, argv=["program", *arguments], arguments=words
    )
    return status, given


def test_a_tilde_is_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    status, (photo, data, word) = parsed(
        "--image=~/a.jpg", "--out=~/b/c.png", "--data_dir=~", "~/runs/x",
        classes=(PhotoConfig, config.DataConfig), words=True,
    )  # fmt: skip
    assert status == 0
    assert photo.image == f"{tmp_path}/a.jpg"
    assert photo.out == f"{tmp_path}/b/c.png"
    assert (data.data_dir, word) == (str(tmp_path), f"{tmp_path}/runs/x")
    _, (kept,) = parsed("--image=a~/~b.jpg", classes=(PhotoConfig,))
    assert kept.image == "a~/~b.jpg"


@pytest.mark.parametrize("path", ["it's", "a $HOME; ls", "tab\tü", "-x"])
def test_printed_commands_can_be_pasted(path):
    command = commands.next_command("edit", model=path, out="o.png")
    found = subprocess.check_output(
        ["sh", "-c", f"printf '%s\\n' {command}"], text=True
    )
    words = ["python", "-m", "efgan_tf.edit", f"--model={path}", "--out=o.png"]
    assert found == "\n".join(words) + "\n"
    assert shlex.split(command) == words


def test_networks_ignore_the_image_format_of_keras(request):
    request.addfinalizer(
        lambda: keras.config.set_image_data_format("channels_last")
    )
    keras.config.set_image_data_format("channels_first")
    model = ModelConfig(**TINY)
    face = np.zeros((2, 64, 64, 3), np.float32)
    units = np.zeros((2, 17), np.float32)
    inputs = {"source_action_units": units, "target_action_units": units}
    made = build_cascade(model)({"image": face, **inputs})
    assert made["image"].shape == face.shape
    assert build_estimator(model)(face).shape == (2, 17)
    critics = build_critics(model)
    assert critics["face"](face)["patch"].shape[0] == 2
    assert judges.identity_judge(64, 4)(face).shape == (2, 64)
    pooled = judges.pooled_features(judges.unit_judge(64, 4))
    assert pooled(face).shape[0] == 2
    with runtime.keras_defaults():
        assert keras.config.image_data_format() == "channels_last"
    assert keras.config.image_data_format() == "channels_first"


def test_another_backend_is_put_aside_for_commands(tmp_path):
    (tmp_path / "keras.json").write_text('{"backend": "torch"}')
    found = run_python(
        "from efgan_tf import commands; commands.import_tensorflow()\n"
        "import keras; print(keras.config.backend())",
        env={**os.environ, "KERAS_HOME": str(tmp_path)},
    )
    assert found.stdout.strip() == "tensorflow", found.stderr


@pytest.mark.parametrize("path", ["preset:faces128", "runs/mine"])
def test_another_backend_that_runs_already_is_named(path):
    found = run_python(
        # No other backend is installed here.
        "import types, sys, efgan_tf\n"
        "backend = types.SimpleNamespace(backend=lambda: 'jax')\n"
        "sys.modules['keras'] = types.SimpleNamespace(config=backend)\n"
        "from efgan_tf.common.errors import UserError\n"
        f"try: print(efgan_tf.load({path!r}).model.name)\n"
        "except UserError as error: print(error)"
    )
    if path == "preset:faces128":  # which does without Keras
        assert found.stdout.strip() == path, found.stderr
    else:
        assert "'jax'" in found.stdout and "KERAS_BACKEND" in found.stdout


def in_a_fork(work):
    """What `work` raises in a forked process."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            work()
            found = "nothing"
        except BaseException as error:
            found = repr(error)
        os.write(writing, found.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        found = answer.read()
    os.waitpid(child, 0)
    return found


@pytest.mark.parametrize("used", ["detector", "load", "command"])
def test_use_after_a_fork_is_refused_at_once(used, detector):
    photo = np.zeros((64, 64, 3), np.uint8)
    work = {
        "detector": lambda: detector.detect([photo]),
        "load": efgan_tf.load,
        "command": commands.import_tensorflow,
    }[used]
    found = in_a_fork(work)
    assert found.startswith("UserError") and "spawn" in found
    assert len(detector.detect([photo])) == 1  # here it goes on
