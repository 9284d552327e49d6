"""An ablation from nothing to its table, and the reports that it is made of.

Nothing here can be any good after a few steps; what is checked is that the
numbers are there, are what they are called, and survive interruption.
"""

import fcntl
import json
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from efgan_tf import ablate, commands, config, evaluate
from efgan_tf.evaluation.ablation import AblationConfig
from efgan_tf.evaluation.evaluation_settings import EvaluateConfig
from efgan_tf.trained.checkpoints import Checkpoints
from efgan_tf.trained.run_directory import RunDirectory
from efgan_tf.training.networks import build_networks

_JUDGING = "--pairs=24 --judge_kimg=0.2 --judge_width=4"


def _arguments(data_dir, run_dir, rows="global", **changes):
    """A tiny ablation; six people show each expression often enough."""
    settings = {
        "image_size": 64, "base_width": 4, "local_width": 4,
        "global_blocks": 0, "local_blocks": 0, "refiner_blocks": 0,
        "critic_width": 4, "estimator_width": 4, "batch_size": 2,
        "n_critic": 1, "phase1_kimg": 0.012, "phase2_kimg": 0.006,
        "pairing": "paired", "lambda_paired": 10, "lambda_zero": 0,
        "checkpoint_minutes": 0, "log_steps": 1, "subjects": 7,
        "images_per_subject": 8, "photo_size": 128, "beam_runner": "none",
        "data_dir": data_dir,
        "run_dir": run_dir, "rows": rows, "evaluate_flags": _JUDGING,
    }  # fmt: skip
    settings.update(changes)
    return [f"--{name}={value}" for name, value in settings.items()]


def _start(arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "efgan_tf.ablate", *arguments], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def _run_here(*arguments):
    return commands.run(
        ablate.main, config.Config, AblationConfig,
        argv=["ablate", *arguments],
    )  # fmt: skip


def _evaluate_here(*arguments):
    return commands.run(
        evaluate.main, EvaluateConfig, argv=["evaluate", *arguments]
    )


@pytest.fixture(scope="session")
def ablated(data_dir, tmp_path_factory):
    """An ablation of one row that was stopped while it trained."""
    folder = tmp_path_factory.mktemp("ablation") / "ablation"
    arguments = _arguments(data_dir, folder)
    process = _start(arguments)
    deadline = time.monotonic() + 300
    while not (folder / "global" / "config.json").exists():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert "stopped; the same command goes on" in output
    assert not (folder / "ablation.md").exists()
    process = _start(arguments)
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 0 and "finished" in output, output
    return folder, arguments


@pytest.fixture(scope="session")
def report(ablated):
    folder, _ = ablated
    return json.loads(
        (folder / "global" / "evaluation" / "report.json").read_text()
    )


def test_a_stopped_ablation_goes_on_to_its_table(ablated):
    folder, arguments = ablated
    content = json.loads((folder / "ablation.json").read_text())
    assert list(content["results"]["rows"]) == ["no edit", "global"]
    cost = content["compute"]["global"]
    assert (cost["images"], cost["generator_updates"]) == (18, 9)
    text = (folder / "ablation.md").read_text()
    assert "| no edit |" in text and "| global | 1 | 18 | 9 |" in text
    # Once more changes nothing.
    kept = {
        path: path.stat().st_mtime_ns
        for path in (folder / "global").rglob("*")
        if path.is_file()
    }
    assert _run_here(*arguments) == 0
    assert (folder / "ablation.md").read_text() == text
    assert kept == {path: path.stat().st_mtime_ns for path in kept}


def test_the_report_says_what_was_measured_on_what(report, ablated):
    folder, _ = ablated
    assert report["run"] == str(folder / "global")
    assert report["training"]["images"] == 18
    data = report["data"]
    assert data["train"]["people"] + data["test"]["people"] == 7
    assert data["pairs"] == 24
    assert 0 < data["pairs_with_true_picture"] <= data["pairs"]
    for part in (data["digest"], report["judges"]["digest"]):
        assert len(part) == 64
    assert set(report["definitions"]) >= set(report["rows"]["edit"]["all"])
    assert report["judges"]["verdicts"]  # nobody learns in ten steps


def test_no_edit_and_the_true_picture_frame_the_edit(report):
    rows = report["rows"]
    assert set(rows) == {"no edit", "edit", "ground truth"}
    for subset in ("all", "large changes"):
        no_edit, true = rows["no edit"][subset], rows["ground truth"][subset]
        assert no_edit["identity"]["mean"] == pytest.approx(1, abs=1e-5)
        assert no_edit["ghosting"]["mean"] == pytest.approx(1)
        # Beside itself the ground truth is perfect, which is no news.
        assert set(true) == {"au_error", "expression_accuracy", "identity"}
        assert no_edit["psnr"]["mean"] < 45
        edit = rows["edit"][subset]
        assert no_edit["fid"]["pictures"] < edit["fid"]["pictures"]
    gain = report["edit_minus_no_edit"]["all"]["psnr"]["mean"]
    means = [rows[name]["all"]["psnr"]["mean"] for name in ("edit", "no edit")]
    assert gain == pytest.approx(means[0] - means[1], abs=1e-6)
    large = [
        rows["no edit"][s]["psnr"]["mean"] for s in ("all", "large changes")
    ]
    assert large[1] < large[0]  # large changes are the harder ones


def test_broken_weights_are_refused(ablated, tmp_path, capsys):
    """A run whose weights are not numbers: one line, nothing written."""
    folder, _ = ablated
    broken = tmp_path / "broken"
    shutil.copytree(folder / "global", broken)
    shutil.rmtree(broken / "evaluation")
    networks = build_networks(RunDirectory(broken).read_config(), phase=2)
    networks.average.set_weights(
        [np.full_like(w, np.nan) for w in networks.average.get_weights()]
    )
    checkpoints = Checkpoints(broken / "checkpoints", keep=1)
    path, position, _ = checkpoints.latest()
    shutil.rmtree(path)
    checkpoints.save(position, networks.trackables())
    assert _evaluate_here(f"--run_dir={broken}", *_JUDGING.split()) == 2
    error = capsys.readouterr().err
    assert "are not finite numbers" in error.splitlines()[-1]
    assert not (broken / "evaluation").exists()


def test_pictures_are_whole(ablated):
    folder, _ = ablated
    for name in (
        "edits.png", "edits_large.png", "training.png", "control.png",
    ):  # fmt: skip
        with Image.open(folder / "global" / "evaluation" / name) as image:
            image.load()
            assert min(image.size) > 100


def test_a_report_is_not_replaced_unless_asked(ablated, capsys):
    folder, _ = ablated
    assert _evaluate_here(f"--run_dir={folder / 'global'}") == 2
    assert "--overwrite" in capsys.readouterr().err


def test_a_model_is_judged_like_the_run_that_it_is_of(
    ablated, report, tmp_path
):
    folder, _ = ablated
    run, out = folder / "global", tmp_path / "report"
    # In a process of its own, as the run was judged: with oneDNN.
    subprocess.run(
        [
            sys.executable, "-m", "efgan_tf.evaluate", f"--model={run}",
            f"--data_of={run / 'flags.txt'}", f"--out={out}",
            *_JUDGING.split(),
        ],
        check=True,
    )  # fmt: skip
    again = json.loads((out / "report.json").read_text())
    same = set(report) - {"training", "settings", "evaluation"}
    assert {name: again[name] for name in same} == {
        name: report[name] for name in same
    }
    assert again["training"] is None
    assert "Checkpoint" not in (out / "report.md").read_text()


def test_the_benefit_of_edits_is_measured(ablated, tmp_path, capsys):
    folder, _ = ablated
    status = _evaluate_here(
        f"--run_dir={folder / 'global'}", f"--out={tmp_path / 'report'}",
        "--augmentation", *_JUDGING.split(),
    )  # fmt: skip
    assert status == 0
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert {"real", "real and edited"} < set(report["augmentation"])
    assert (
        "Edited pictures as training data"
        in (tmp_path / "report" / "report.md").read_text()
    )
    assert "| no edit |" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "give either --run_dir=RUN or --compare"),
        (["--run_dir=absent"], "absent is no run: it has no config.json"),
        (["--compare=a,b"], "--compare and --model need --out"),
        (["--run_dir={run}", "--lpips_network=a.keras"], "needs both"),
        (["--model={run}", "--out=x"], "--model and --data_of go together"),
        (
            ["--model={run}", "--data_of=absent", "--out=x"],
            "--data_of=absent does not exist",
        ),
        (
            ["--model=preset:none", "--data_of={run}", "--out=x"],
            "there is no preset:none",
        ),
        (["--run_dir={run}", "--groups=absent.csv"], "absent.csv cannot be"),
        (["--compare=absent", "--out=x"], "evaluate that run first"),
        (
            ["--run_dir={run}", "--inception_weights=absent.h5"],
            "absent.h5 does not exist",
        ),
        (
            ["--run_dir={run}", "--feature_network=absent.keras"],
            "absent.keras does not exist",
        ),
    ],
)
def test_bad_requests_get_one_line(
    ablated, tmp_path, monkeypatch, refusal, flags, message
):
    folder, _ = ablated
    monkeypatch.chdir(tmp_path)
    run = str(folder / "global")
    arguments = [flag.format(run=run) for flag in flags]
    if "--out=x" not in arguments and any("run_dir" in a for a in arguments):
        arguments.append("--out=x")
    error = refusal(evaluate.main, EvaluateConfig, flags=arguments)
    assert message in error
    assert not (tmp_path / "x").exists() and not (tmp_path / "absent").exists()


def test_two_ablations_in_one_folder_are_refused(ablated, capsys):
    folder, arguments = ablated
    with open(folder / ".lock", "a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert _run_here(*arguments) == 2
    assert "is at work in" in capsys.readouterr().err


def test_dry_run_lists_the_rows(data_dir, tmp_path, capsys):
    arguments = _arguments(data_dir, tmp_path / "a", rows="global,refiner,k2")
    assert _run_here(*arguments, "--dry_run") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[0].endswith("phase 1 of 12 images and phase 2 of 6 images")
    assert lines[2].endswith("6 images, from the end of refiner's phase 1")
    assert not (tmp_path / "a").exists()


@pytest.mark.slow
def test_all_rows_and_a_second_seed(data_dir, tmp_path):
    """Every row trains, is evaluated, and stands in one table."""
    folder = tmp_path / "ablation"
    arguments = _arguments(
        data_dir, folder, "global,local,refiner,k2,k3",
        rows_second_seed="refiner",
    )  # fmt: skip
    process = _start(arguments)
    output, _ = process.communicate(timeout=1800)
    assert process.returncode == 0, output
    content = json.loads((folder / "ablation.json").read_text())
    names = ["global", "local", "refiner", "k2", "k3", "refiner_seed1"]
    results = content["results"]
    assert list(results["rows"]) == ["no edit", *names]
    assert list(results["minus_before"])[:2] == [
        "local − global",
        "refiner − local",
    ]
    costs = content["compute"]
    assert {costs[name]["images"] for name in names} == {18}
    assert costs["k3"]["parameters"] == 3 * costs["refiner"]["parameters"]
