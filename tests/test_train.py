"""The training command: resumed, interrupted, misused, on real data."""

import contextlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from absl import flags

from efgan_tf import commands, train
from efgan_tf import config as config_lib
from efgan_tf.common import flag_files, options
from efgan_tf.common.errors import UserError
from efgan_tf.data import load_parts
from efgan_tf.distillation.distillation_settings import DistillConfig
from efgan_tf.evaluation.ablation import AblationConfig
from efgan_tf.serving.tflite.faces import read_faces
from efgan_tf.trained.loading import load_network
from efgan_tf.trained.run_directory import RunDirectory
from efgan_tf.training import loop, objectives
from efgan_tf.training.initial import initial_state
from efgan_tf.training.recording import Recorder
from efgan_tf.training.workers import StopRequest, Workers
from tests.training.conftest import (
    GLOBAL_ONLY,
    SCHEDULE,
    last,
    make_step,
    make_strategy,
    random_batches,
    tiny_config,
)

CONFIGS = Path(__file__).parents[1] / "configs"
SHRUNK = {
    "image_size": 64, "base_width": 4, "local_width": 4, "critic_width": 4,
    "estimator_width": 4, "global_blocks": 1, "local_blocks": 1,
    "refiner_blocks": 1, "batch_size": 2, "n_critic": 2, "stages": 2,
}  # fmt: skip


def _flags(data_dir, run_dir, **changes):
    """Command line of a tiny run: 20 steps in phase 1, 12 in phase 2."""
    settings = {
        "image_size": 64, "base_width": 4, "global_blocks": 0, "stages": 2,
        "critic_width": 4, "estimator_width": 4, "batch_size": 2,
        "n_critic": 1, "phase1_kimg": 0.04, "phase2_kimg": 0.024,
        "pairing": "paired", "lambda_paired": 10, "lambda_zero": 0,
        "checkpoint_minutes": 0, "sample_kimg": 0.02, "log_steps": 3,
        "subjects": 4, "images_per_subject": 8, "photo_size": 128,
        "data_dir": data_dir, "run_dir": run_dir,
    }  # fmt: skip
    settings.update(changes)
    switches = ["--nolocal_branches", "--norefiner", "--deterministic"]
    return switches + [f"--{name}={value}" for name, value in settings.items()]


def _config(arguments):
    values = flags.FlagValues()
    config_lib.define_flags(values)
    values(["train", *(a for a in arguments if a != "--deterministic")])
    return config_lib.from_flags(values)


def _command(*arguments):
    return [sys.executable, "-m", "efgan_tf.train", *arguments]


def _run_here(*arguments):
    """The command in this process: its exit status."""
    arguments = [a for a in arguments if a != "--deterministic"]
    return commands.run(train.main, argv=["train", *arguments])


def _checkpoints(run_dir):
    return sorted(Path(run_dir, "checkpoints").glob("phase*"))


def _variables(run_dir):
    """Every variable of a run's newest checkpoint, by its name in it."""
    newest = _checkpoints(run_dir)[-1]
    reader = tf.train.load_checkpoint(str(newest / "variables"))
    names = reader.get_variable_to_shape_map()
    return newest.name, {
        name: reader.get_tensor(name)
        for name in names
        if name != "_CHECKPOINTABLE_OBJECT_GRAPH"
    }


# Root, too, is refused what the mode of a file refuses its owner. Not done by
# `preexec_fn`: it makes Popen fork, and gRPC's threads abort in a forked child.
_WITHOUT_PRIVILEGES = """
import ctypes, os, sys
drop, override = 24, 1  # PR_CAPBSET_DROP, CAP_DAC_OVERRIDE
ctypes.CDLL(None).prctl(drop, override, 0, 0, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


def _disturbed(arguments, run_dir, after, disturbance):
    """(status, output) of a run that is disturbed.

    Once there is a checkpoint named `after` or later, and newer than those
    that were there, the context `disturbance(run_dir, process)` is entered
    until the process ends.
    """
    after = max([after, *(p.name + "+" for p in _checkpoints(run_dir))])
    process = subprocess.Popen(
        [sys.executable, "-c", _WITHOUT_PRIVILEGES, *_command(*arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 600
    while not any(path.name >= after for path in _checkpoints(run_dir)):
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    with disturbance(run_dir, process):
        output, _ = process.communicate(timeout=600)
    return process.returncode, output


def _signal(number):
    """Sends a signal at a random moment of a fifth of a second."""

    @contextlib.contextmanager
    def disturbance(run_dir, process):
        del run_dir
        time.sleep(random.uniform(0, 0.2))
        process.send_signal(number)
        yield

    return disturbance


@contextlib.contextmanager
def _full_disk(run_dir, process):
    """No file of the process may grow beyond a kilobyte any more."""
    del run_dir
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (1000, 1000))
    yield


@contextlib.contextmanager
def _read_only(run_dir, process):
    del process
    folders = [run_dir, *(path for path in run_dir.iterdir() if path.is_dir())]
    for folder in folders:
        folder.chmod(0o500)
    try:
        yield
    finally:
        for folder in folders:
            folder.chmod(0o700)


@pytest.fixture(scope="session")
def whole(data_dir, tmp_path_factory):
    """A run that was never interrupted, in a process of its own."""
    run_dir = tmp_path_factory.mktemp("whole") / "whole"
    subprocess.run(_command(*_flags(data_dir, run_dir)), check=True)
    return run_dir


def test_a_run_that_is_disturbed_ends_with_the_weights_of_one_that_is_not(
    whole, data_dir, tmp_path
):
    run_dir, data = tmp_path / "run", tmp_path / "data"
    shutil.copytree(data_dir, data)
    arguments = _flags(data, run_dir)
    status, _ = _disturbed(
        arguments, run_dir, "phase1_00000002", _signal(signal.SIGKILL)
    )
    assert status == -signal.SIGKILL
    for after, disturbance in (
        ("phase1_00000004", _full_disk), ("phase1_00000008", _read_only),
    ):  # fmt: skip
        status, output = _disturbed(arguments, run_dir, after, disturbance)
        told = output.splitlines()[-1]
        assert status == 2 and told.startswith("error: "), output
        assert str(run_dir) in told
        assert max(path.name for path in _checkpoints(run_dir)) >= after
        assert not list(run_dir.glob("**/.efgan*"))
    status, output = _disturbed(
        arguments, run_dir, "phase1_00000012", _signal(signal.SIGTERM)
    )
    assert status == 0 and "the same command goes on" in output

    @contextlib.contextmanager
    def vanished(run_dir, process):
        del run_dir, process
        data.rename(tmp_path / "elsewhere")
        yield

    # What is read as it is drawn is held open.
    arguments.append("--data_memory=0")
    status, output = _disturbed(arguments, run_dir, "phase2_00000002", vanished)
    assert status == 0, output
    assert "resuming from" in output and "finished" in output
    # First, for it says where two runs part.
    _check_story(whole, run_dir)
    _check_same_end(whole, run_dir)


def _check_same_end(run_dir, other):
    """Both runs' last checkpoints are equal, bit for bit."""
    name, wanted = _variables(run_dir)
    other_name, found = _variables(other)
    assert name == other_name == "phase2_00000012"
    assert wanted.keys() == found.keys() and len(wanted) > 100
    differences = {
        key: float(np.abs(found[key] - value).max())
        for key, value in wanted.items()
        if not np.array_equal(found[key], value)
    }
    assert not differences


def _check_story(whole, broken):
    """Both runs' metrics tell the same: once, in order, to the end."""
    texts = [(run / "metrics.jsonl").read_text() for run in (whole, broken)]
    stories = [
        [json.loads(line) for line in text.splitlines()] for text in texts
    ]
    images = [line["images"] for line in stories[1]]
    assert images == sorted(images) and images[-1] == 64
    scores = [[line for line in s if "held_out/psnr" in line] for s in stories]
    assert scores[0] == scores[1]
    assert [line["images"] for line in scores[0]] == [20, 40, 60, 64]
    assert (broken / "samples" / "phase2_00000064.png").stat().st_size > 5000
    trained = [line for line in stories[1] if "generator/total" in line]
    assert sum(line["seconds"] for line in trained) > 0
    assert not any("seconds" in line for line in scores[1])


def test_a_run_from_anothers_phase_1_ends_like_its_phase_2(
    whole, data_dir, tmp_path
):
    # The other run is needed at the beginning alone.
    parent, branch = tmp_path / "parent", tmp_path / "branch"
    shutil.copytree(whole, parent)
    arguments = _flags(data_dir, branch, phase1_kimg=0, init_from=parent)
    status, _ = _disturbed(
        arguments, branch, "phase2_00000002", _signal(signal.SIGTERM)
    )
    assert status == 0
    shutil.rmtree(parent)
    subprocess.run(_command(*arguments), check=True)
    _check_same_end(whole, branch)
    lines = (branch / "metrics.jsonl").read_text().splitlines()
    first, last = (json.loads(lines[i])["images"] for i in (0, -1))
    # Three steps on, or less where it was interrupted before.
    assert 40 < first <= 46 and last == 64


@pytest.fixture(scope="session")
def finished(data_dir, tmp_path_factory):
    """A run that has come to its end in this process."""
    run_dir = tmp_path_factory.mktemp("run") / "run"
    arguments = _flags(data_dir, run_dir, phase1_kimg=0.006, phase2_kimg=0.004)
    assert _run_here(*arguments) == 0
    return run_dir, arguments


def test_a_finished_run_says_so_again(finished, capsys):
    run_dir, arguments = finished
    before = (run_dir / "metrics.jsonl").read_text()
    assert _run_here(*arguments) == 0
    out = capsys.readouterr().out
    assert "finished" in out and "held-out PSNR" in out and "next:" in out
    assert "checkpoint:" in out and "sample sheet" in out
    assert (run_dir / "metrics.jsonl").read_text() == before


def test_the_run_directory_can_rebuild_the_run(finished):
    run_dir, arguments = finished
    text = (run_dir / "config.json").read_text()
    config = options.from_json(text, config_lib.Config)
    assert config == _config(arguments) == _config(
        [f"--flagfile={run_dir / 'flags.txt'}"]
    )  # fmt: skip


def test_its_own_faces_can_calibrate_its_export(finished):
    run_dir, _ = finished
    faces = read_faces(
        "", load_network(run_dir), 4, split="train", model=str(run_dir)
    )
    assert faces.source == f"4 faces of {run_dir}, train split"
    assert faces.images.shape == (4, 64, 64, 3) and len(faces.units) == 4


def test_another_config_is_refused_and_the_differences_listed(finished, capsys):
    run_dir, arguments = finished
    before = sorted(run_dir.rglob("*"))
    changes = ["--lambda_gp=7", "--base_width=8", "--init_from=other"]
    assert _run_here(*arguments, *changes) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "init_from: → other" in error
    assert "lambda_gp: 10.0 → 7.0" in error and "base_width: 4 → 8" in error
    assert sorted(run_dir.rglob("*")) == before


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"base_width": 8}, "base_width: 4 → 8"),
        ({"init_from": "absent"}, "absent is no run"),
    ],
)
@pytest.mark.parametrize("dry_run", [False, True])
def test_a_run_that_cannot_be_started_from_is_refused(
    finished, data_dir, tmp_path, capsys, changes, told, dry_run
):
    run_dir, _ = finished
    settings = {"phase1_kimg": 0, "init_from": run_dir, **changes}
    arguments = _flags(data_dir, tmp_path / "new", **settings)
    assert _run_here(*arguments, f"--dry_run={dry_run}") == 2
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_a_run_without_checkpoints_is_refused(finished, tmp_path, capsys):
    run_dir, arguments = finished
    (tmp_path / "checkpoints").mkdir()
    for name in ("config.json", "flags.txt"):
        (tmp_path / name).write_text((run_dir / name).read_text())
    arguments = [*arguments, f"--run_dir={tmp_path}"]
    assert _run_here(*arguments) == 2
    assert "holds no checkpoint" in capsys.readouterr().err


def test_a_foreign_folder_is_left_alone(data_dir, tmp_path, capsys):
    (tmp_path / "thesis.tex").write_text("precious")
    assert _run_here(*_flags(data_dir, tmp_path)) == 2
    assert "thesis.tex" in capsys.readouterr().err
    assert os.listdir(tmp_path) == ["thesis.tex"]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"run_dir": "/proc/efgan/run"}, "/proc/efgan"),
        ({"dataset": "folder"}, "source_dir"),
    ],
)
def test_bad_input_is_one_line(data_dir, tmp_path, capsys, changes, named):
    arguments = _flags(data_dir, tmp_path / "run")
    arguments += [f"--{name}={value}" for name, value in changes.items()]
    capsys.readouterr()
    assert _run_here(*arguments) == 2
    error = capsys.readouterr().err
    assert named in error and error.splitlines()[-1].startswith("error: ")
    assert not (tmp_path / "run" / "config.json").exists()


def test_a_batch_that_replicas_cannot_share(data_dir, tmp_path):
    arguments = _flags(data_dir, tmp_path / "run", replicas=3, batch_size=4)
    result = subprocess.run(
        _command(*arguments), capture_output=True, text=True
    )
    assert result.returncode == 2
    assert "multiple of 3" in result.stderr.splitlines()[-1]


def test_a_loss_that_is_not_finite_stops_and_keeps_the_good(
    data_dir, tmp_path, capsys
):
    run_dir = tmp_path / "run"
    arguments = _flags(
        data_dir, run_dir, learning_rate=1e30, log_steps=1, phase2_kimg=0
    )
    assert _run_here(*arguments) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "at step" in error and "phase1_00000000" in error
    _, variables = _variables(run_dir)
    assert all(np.isfinite(value).all() for value in variables.values())


def test_saturated_attention_is_warned_about(data_dir, tmp_path, capsys):
    arguments = _flags(
        data_dir, tmp_path / "run", attention_bias=-9, log_steps=2,
        attention_warmup=0.5, phase1_kimg=0.02, phase2_kimg=0,
    )  # fmt: skip
    assert _run_here(*arguments) == 0
    error = capsys.readouterr().err
    assert error.count("warning: attention/face is 0.000 at step 5") == 1
    assert error.count("warning: attention") == 1


def test_a_stop_before_the_first_step_is_no_error(data_dir, tmp_path):
    config = _config(_flags(data_dir, tmp_path / "run"))
    faces = [load_parts(config.data, 64, s) for s in ("train", "test")]
    recorder = Recorder(config, RunDirectory(tmp_path / "run"), *faces)
    strategy = make_strategy(1)
    with StopRequest() as stop:
        signal.raise_signal(signal.SIGTERM)
        outcome = loop.Trainer(
            config, strategy, faces[0], stop, Workers(strategy), recorder
        ).run(initial_state(config))
    assert not outcome.finished and outcome.position.step == 0
    assert outcome.checkpoint.endswith("phase1_00000000")


def test_an_unreadable_batch_is_shared_in_the_exchange_of_a_step(
    data_dir, tmp_path
):
    # On one of several workers it would leave the others waiting in the next
    # step, and end them for another reason.
    config = _config(_flags(data_dir, tmp_path / "prepared"))
    data = tmp_path / "data"
    load_parts(config.data, 64, "train")  # prepared
    shutil.copytree(data_dir, data)
    arguments = _flags(data, tmp_path / "run", phase1_kimg=1)
    config = _config([*arguments, "--data_memory=0"])
    faces = [load_parts(config.data, 64, s) for s in ("train", "test")]
    exchanged = []

    class Exchange(Workers):
        def any_stop_requested(self, requested, problem=None):
            exchanged.append(problem)
            if len(exchanged) == 2:  # after the first step
                for shard in data.rglob("*.tfrecord*"):
                    os.truncate(shard, 0)
            return super().any_stop_requested(requested, problem)

    recorder = Recorder(config, RunDirectory(tmp_path / "run"), *faces)
    strategy = make_strategy(1)
    error = pytest.raises(
        UserError, match="^cannot read the prepared data: OSE"
    )
    with StopRequest() as stop, error as caught:
        loop.Trainer(
            config, strategy, faces[0], stop, Exchange(strategy), recorder
        ).run(initial_state(config))
    assert exchanged[-1] is caught.value and len(exchanged) > 2


def test_dry_run_tells_and_touches_nothing(tmp_path, capsys):
    run_dir = tmp_path / "run"
    assert _run_here(*_flags(tmp_path, run_dir), "--dry_run") == 0
    out = capsys.readouterr().out
    assert "--lambda_gp=10.0" in out and "phase 1: 20 steps, 40 images" in out
    assert "GiB" in out and "cascade" in out
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "path", sorted(CONFIGS.glob("*.flags")), ids=lambda path: path.stem
)
def test_every_flag_file_parses_builds_and_runs_a_step(path, monkeypatch):
    monkeypatch.chdir(CONFIGS.parent)
    values = flag_files.FlagValues()
    config_lib.define_flags(values)
    if "\n--variants=" in path.read_text("utf-8"):
        config_lib.define_flags(values, AblationConfig)
    if path.stem == "preview":
        config_lib.define_flags(values, DistillConfig)
    values(["train", f"--flagfile={path.relative_to(CONFIGS.parent)}"])
    config = config_lib.from_flags(values)
    changes = dict(SHRUNK)
    if config.data.mix:  # whose shares a batch of two cannot hold
        changes |= {"dataset": "synthetic", "mix": ()}
    config = config_lib.replace(config, changes)
    _, _, step = make_step(config)
    monkeypatch.setattr(step, "_run", step._run.python_function)
    metrics = step(random_batches(config), 0, SCHEDULE)
    assert all(np.isfinite(float(value)) for value in metrics.values())
    assert {"critic/total", "generator/total"} <= metrics.keys()


def test_a_critic_learns_to_tell_the_generators_pictures_from_real_ones():
    # Real pictures are bright, edits of them cannot be as bright at first: the
    # Wasserstein gap opens in the right direction, critic(real) higher.
    config = tiny_config(
        **GLOBAL_ONLY, attention_bias=2.0, learning_rate=2e-3, n_critic=1,
        lambda_au_critic=0.0, lambda_gp=1.0,
    )  # fmt: skip
    strategy, networks, step = make_step(config)
    batches = random_batches(config)
    bright = tf.ones_like(batches["image"]) * 0.9
    batches = {**batches, "image": bright, "ground_truth": bright}
    variables = networks.critic_variables

    @tf.function
    def update(number):
        def gradients_of(batch):
            outputs = objectives.generate_edit(networks.generator, batch)
            return step.critic_gradients(batch, outputs, number)

        gradients, metrics = strategy.run(gradients_of, args=(last(batches),))
        strategy.run(
            lambda g: networks.critic_optimizer.apply(g, variables),
            args=(gradients,),
        )
        return metrics["critic/wasserstein"]

    losses = [float(update(tf.constant(n, tf.int64))) for n in range(40)]
    assert np.mean(losses[-5:]) < losses[0] - 0.05
    real = networks.critics["face"](bright[0])["patch"]
    outputs = networks.generator(
        {
            "image": bright[0],
            "source_action_units": batches["action_units"][0],
            "target_action_units": batches["target_action_units"][0],
        }
    )
    fake = networks.critics["face"](outputs["image"])["patch"]
    assert np.mean(real) > np.mean(fake)
