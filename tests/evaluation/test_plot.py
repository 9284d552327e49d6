"""What runs wrote down, read and drawn by `python -m efgan_tf.plot`."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from efgan_tf import commands, plot
from efgan_tf.evaluation import training_logs, training_plots
from efgan_tf.evaluation.tables import ALL, EDIT, NO_EDIT
from tests.editing.scenes import files


def write_run(path, start=0, reported=True):
    """A run of eight readings and two scores, half of them in phase 2."""
    path.mkdir(parents=True)
    lines = []
    for step in range(8):
        phase = 1 + step // 4
        seen = {"images": start + 16 * (step + 1), "phase": phase}
        lines.append(
            {**seen, "generator/au": 1 / (1 + step), "critic/total": step,
             "attention/mouth": 0.1 * step, "seconds": 1.0}
        )  # fmt: skip
        if step % 4 == 3:
            lines.append({**seen, "held_out/psnr": 30.0 + step})
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (path / "metrics.jsonl").write_text(text)
    if reported:
        (path / "evaluation").mkdir()
        (path / "evaluation" / "report.json").write_text(
            json.dumps(report(start + 128))
        )
    return path


def report(images):
    def row(error):
        interval = {"mean": error, "low": error - 1, "high": error + 1}
        return {ALL: {"au_error": interval, "fid": {"mean": 7.0}}}

    rows = {EDIT: row(3), NO_EDIT: row(5)}
    return {"training": {"images": images}, "rows": rows}


@pytest.fixture
def runs(tmp_path):
    return [
        write_run(tmp_path / "runs" / "a"),
        write_run(tmp_path / "runs" / "b", start=128, reported=False),
    ]


def run(*arguments):
    return commands.run(
        plot.main, plot.PlotConfig, arguments=True, argv=["plot", *arguments]
    )


def test_curves_are_what_was_written(runs):
    first, second = training_logs.read_runs(runs)
    assert (first.name, second.name) == ("a", "b")
    images, values = first.points("held_out/psnr")
    np.testing.assert_array_equal(images, [64, 128])
    np.testing.assert_array_equal(values, [33, 37])
    assert first.names("generator") == ["generator/au"]
    assert first.phase_2 == 80 and first.report["training"]["images"] == 128
    assert first.evaluated("au_error", EDIT)["mean"] == 3
    assert first.evaluated("psnr", EDIT) is None
    assert second.evaluated("au_error", EDIT) is None
    assert len(second.points("absent")[0]) == 0


def test_runs_of_one_name_go_by_their_paths(tmp_path):
    assert training_logs.names_of(["x/a", "y/a", "b/"]) == ["x/a", "y/a", "b"]


def test_pictures_of_several_runs(runs, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(*map(str, runs), f"--out={out}") == 0
    assert files(out) == ["attention.png", "losses.png", "scores.png"]
    for name in files(out):
        with Image.open(out / name) as image:
            image.load()
            colors = np.asarray(image.convert("RGB")).reshape(-1, 3)
        # Lines of both runs, in Matplotlib's first two colors.
        for color in ((31, 119, 180), (255, 127, 14)):
            assert (colors == color).all(axis=1).sum() > 20, name
    assert capsys.readouterr().out.count("wrote") == 3
    assert run(str(runs[0]), f"--out={out}") == 2
    assert "is not empty" in capsys.readouterr().err
    assert run(str(runs[0]), f"--out={out}", "--overwrite") == 0


def test_what_a_run_lacks_is_not_drawn(tmp_path, capsys):
    path = tmp_path / "young"
    path.mkdir()
    (path / "metrics.jsonl").write_text('{"images": 16, "generator/au": 1}\n')
    assert run(str(path), f"--out={tmp_path}/out") == 0
    assert files(tmp_path / "out") == ["losses.png"]
    assert "no scores.png" in capsys.readouterr().out


def test_a_line_that_is_being_written_is_waited_for(runs):
    with open(runs[0] / "metrics.jsonl", "a") as file:
        file.write('{"images": 144, "gener')
    (found,) = training_logs.read_runs(runs[:1])
    assert found.lines[-1]["images"] == 128


def test_means_run_over_neighbors():
    values = np.array([0.0, 3, 6, 3, 0])
    np.testing.assert_allclose(
        training_plots.running_mean(values, 3), [1.5, 3, 4, 3, 1.5]
    )
    np.testing.assert_allclose(training_plots.running_mean(values, 1), values)


@pytest.mark.parametrize(
    "damage",
    ["no JSON", "{}", '{"images": NaN}', '{"images": 1, "generator/au": null}'],
)  # fmt: skip
def test_a_damaged_line_is_named(damage, runs, tmp_path, capsys):
    log = runs[0] / "metrics.jsonl"
    first, *rest = log.read_text().splitlines()
    log.write_text("\n".join([first, damage, *rest]) + "\n")
    assert run(str(runs[0]), f"--out={tmp_path}/out") == 2
    error = capsys.readouterr().err
    assert f"{log}, line 2 is damaged" in error and error.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--out={}/out"], "name a run to draw"),
        (["{}/runs/a"], "give --out=FOLDER"),
        (["{}/absent", "--out={}/out"], "absent is no folder; name a run"),
        (["{}", "--out={}/out"], "has no metrics.jsonl"),
        (["{}/empty", "--out={}/out"], "holds no whole line yet"),
        (["{}/bytes", "--out={}/out"], "is no text"),
        (["{}/judged", "--out={}/out"], "report.json is damaged"),
    ],
)
def test_bad_requests_get_one_line(arguments, told, runs, tmp_path, capsys):
    for name, content in (("empty", b""), ("bytes", b"\xff\xfe\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "metrics.jsonl").write_bytes(content)
    judged = write_run(tmp_path / "judged")
    (judged / "evaluation" / "report.json").write_text('{"training": 3}')
    assert run(*(text.format(tmp_path) for text in arguments)) == 2
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1, error
    assert not (tmp_path / "out").exists()


def test_an_evaluation_does_without_a_log(runs, tmp_path):
    (tmp_path / "copied").mkdir()
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "metrics.jsonl").touch()
    names = [*map(str, runs), f"{tmp_path}/copied", f"{tmp_path}/new"]
    found = training_logs.read_training(names)
    assert [each.name for each in found] == ["a", "b", "new"]
    assert found[0].report is None
    training_plots.plot_training(found, tmp_path / "training.png")
    with Image.open(tmp_path / "training.png") as image:
        image.load()


def test_drawing_does_not_start_tensorflow(runs, tmp_path):
    code = (
        "import sys\n"
        "from efgan_tf import commands, plot\n"
        "status = commands.run(plot.main, plot.PlotConfig, arguments=True)\n"
        "sys.exit(status or 'tensorflow' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(runs[0])]
    subprocess.run([*command, f"--out={tmp_path}/out"], check=True)
