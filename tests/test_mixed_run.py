"""A run on rendered people and photos that know less, from data to report."""

import csv
import json

import pytest

from efgan_tf import commands, evaluate, prepare, train
from efgan_tf.evaluation.evaluation_settings import EvaluateConfig
from tests.training.conftest import GLOBAL_ONLY

_JUDGING = ["--pairs=12", "--judge_kimg=0.2", "--judge_width=4"]


@pytest.fixture(scope="module")
def photos(rendered, tmp_path_factory):
    """Flags of a folder whose table has neither views nor AU20."""
    with open(rendered / "aus.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    kept = [name for name in rows[0] if name not in ("view", "AU20")]
    table = tmp_path_factory.mktemp("photos") / "aus.csv"
    with open(table, "w", newline="") as file:
        writer = csv.DictWriter(file, kept, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return (
        f"--dataset=folder --source_dir={rendered / 'photos'} --aus={table} "
        "--held_out=0.34"
    )


@pytest.fixture(scope="module")
def arguments(photos, data_dir):
    """Command line of a tiny run."""
    settings = {
        "dataset": "mixed", "data_dir": data_dir, "image_size": 64,
        "base_width": 4, "critic_width": 4, "estimator_width": 4,
        "batch_size": 4, "n_critic": 1, "phase1_kimg": 0.016, "phase2_kimg": 0,
        "pairing": "paired", "lambda_paired": 10, "lambda_zero": 0,
        "checkpoint_minutes": 0, "log_steps": 1, "beam_runner": "none",
        **GLOBAL_ONLY,
    }  # fmt: skip
    rendered = (
        "--dataset=synthetic --subjects=4 --images_per_subject=8 "
        "--photo_size=128"
    )
    return [
        *(f"--{name}={value}" for name, value in settings.items()),
        f"--mix=3/4 {rendered}",
        f"--mix=photos=1/4 {photos}",
    ]


def run_train(*arguments):
    return commands.run(train.main, argv=["train", *map(str, arguments)])


def run_evaluate(*arguments):
    return commands.run(
        evaluate.main, EvaluateConfig, argv=["evaluate", *arguments]
    )


@pytest.fixture(scope="module")
def finished(arguments, tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("mixed") / "run"
    assert run_train(*arguments, f"--run_dir={run_dir}") == 0
    return run_dir


def test_a_dry_run_and_a_preparation_name_every_set(
    arguments, tmp_path, capsys
):
    assert run_train(*arguments, f"--run_dir={tmp_path}/r", "--dry_run") == 0
    out = capsys.readouterr().out
    assert "3/4 synthetic: synthetic at 64 pixels" in out
    assert "1/4 photos: folder at 64 pixels" in out
    argv = ["prepare", *arguments]
    assert commands.run(prepare.main, argv=argv) == 0
    out = capsys.readouterr().out
    assert "3/4 of every batch: synthetic" in out
    assert "1/4 of every batch: photos" in out
    assert out.count("look at:") == 2
    assert "ground truth: none" in out and "photos in 4 views" in out


def test_scores_and_sheets_are_of_each_set_apart(finished, arguments, capsys):
    lines = [
        json.loads(line)
        for line in (finished / "metrics.jsonl").read_text().splitlines()
    ]
    scores = {name for line in lines for name in line if "held_out" in name}
    # Photos without views have no ground truth to score against.
    assert scores == {
        f"held_out/synthetic/{name}"
        for name in ("psnr", "psnr_no_edit", "psnr_gain")
    }
    sheets = sorted(path.name for path in (finished / "samples").iterdir())
    assert sheets == [
        "phase1_00000016_photos.png", "phase1_00000016_synthetic.png",
    ]  # fmt: skip
    assert any(line.get("generator/paired", 0) > 0 for line in lines)
    capsys.readouterr()
    assert run_train(*arguments, f"--run_dir={finished}") == 0
    captured = capsys.readouterr()
    assert "synthetic: held-out PSNR" in captured.out
    assert captured.out.count("sample sheet: ") == 2
    assert "photos does not know AU20" in captured.err


def test_other_shares_and_changed_data_are_refused(finished, arguments, capsys):
    shares = [
        argument.replace("3/4 ", "1/2 ").replace("=1/4 ", "=1/2 ")
        for argument in arguments
    ]
    assert run_train(*shares, f"--run_dir={finished}") == 2
    assert "mix: " in capsys.readouterr().err
    digest = (finished / "data.txt").read_text()
    (finished / "data.txt").write_text("other\n")
    try:
        assert run_train(*arguments, f"--run_dir={finished}") == 2
    finally:
        (finished / "data.txt").write_text(digest)
    assert "data has changed" in capsys.readouterr().err


def test_each_set_is_judged_apart(finished, tmp_path, capsys):
    assert run_evaluate(f"--run_dir={finished}", *_JUDGING) == 0
    out = capsys.readouterr().out
    assert "# synthetic" in out and "# photos" in out
    reports = {
        name: json.loads(
            (finished / "evaluation" / name / "report.json").read_text()
        )
        for name in ("synthetic", "photos")
    }
    assert reports["synthetic"]["data"]["dataset"] == "synthetic (synthetic)"
    assert reports["photos"]["data"]["dataset"] == "photos (folder)"
    people = [set(r["data"]["test"]["subjects"]) for r in reports.values()]
    assert len(people[0]) == len(people[1]) == 1
    edits = {name: r["rows"]["edit"]["all"] for name, r in reports.items()}
    assert "psnr" in edits["synthetic"] and "psnr" not in edits["photos"]
    assert {"au_error", "identity", "sharpness_mouth"} <= set(edits["photos"])
    assert "AU20" in reports["synthetic"]["unit_errors"]["edit"]
    assert "AU20" not in reports["photos"]["unit_errors"]["edit"]
    assert "AU20" not in reports["photos"]["control"]["units"]

    out = tmp_path / "photos_alone"
    alone = [f"--run_dir={finished}", "--only=photos", *_JUDGING]
    assert run_evaluate(*alone, f"--out={out}") == 0
    report = json.loads((out / "report.json").read_text())
    assert report["rows"] == reports["photos"]["rows"]


def test_a_set_outside_the_mix_is_refused(finished, tmp_path, capsys):
    arguments = [f"--run_dir={finished}", f"--out={tmp_path / 'out'}"]
    assert run_evaluate(*arguments, "--only=others") == 2
    assert "synthetic, photos" in capsys.readouterr().err


def test_a_set_that_cannot_be_prepared_is_named(arguments, tmp_path, capsys):
    broken = [*arguments[:-1], "--mix=photos=1/4 --dataset=folder --aus=a.csv"]
    assert run_train(*broken, f"--run_dir={tmp_path / 'r'}") == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert "--mix, photos: --dataset=folder needs the photos' folder" in last
    assert not list(tmp_path.glob("r/*"))


def test_pairing_without_true_targets_is_refused(photos, arguments, tmp_path,
                                                 capsys):  # fmt: skip
    alone = [a for a in arguments if not a.startswith(("--mix", "--dataset"))]
    run = [f"--run_dir={tmp_path / 'r'}", *photos.split()]
    assert run_train(*alone, *run) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert "--pairing=paired needs ground truth" in last
    assert not list(tmp_path.glob("r/*"))
