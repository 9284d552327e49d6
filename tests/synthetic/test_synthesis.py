"""The folder of photos and tables, and the command that makes it."""

import csv
import os
import signal

import numpy as np
import pytest
from PIL import Image

from efgan_tf import action_units, commands, synthesize
from efgan_tf.synthetic import identity as identity_lib
from efgan_tf.synthetic import synthesis
from efgan_tf.synthetic.synthesis import SynthesizeConfig

CONFIGS = synthesize.OutputConfig, SynthesizeConfig
SMALL = {"subjects": 2, "images_per_subject": 10, "size": 64, "seed": 5}


def synthesize_command(*arguments: str) -> int:
    argv = ["synthesize", *arguments]
    return commands.run(synthesize.main, *CONFIGS, argv=argv)


def contents(folder) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    config = SynthesizeConfig(workers=1, **SMALL)
    return synthesis.write_photos(
        tmp_path_factory.mktemp("made") / "set", config, show_progress=False
    )


def test_two_processes_make_the_same_files(made, tmp_path):
    config = SynthesizeConfig(workers=2, **SMALL)
    folder = synthesis.write_photos(
        tmp_path / "set", config, show_progress=False
    )
    assert contents(folder) == contents(made)
    assert len(contents(made)) == 22


def test_a_subject_is_the_same_alone(made):
    config = SynthesizeConfig(**{**SMALL, "subjects": 1, "first_subject": 1})
    for photo in synthesis.make_subject(config, 1):
        assert (made / "photos" / photo.label.file).read_bytes() == photo.jpeg


def test_the_table_says_what_was_rendered(made):
    with open(made / "aus.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        "file", "subject", "expression", "view", *action_units.NAMES
    ]  # fmt: skip
    assert len(rows) == 20
    for number, row in enumerate(rows):
        subject, index = divmod(number, 10)
        name, units = identity_lib.sample_action_units(5, subject, 0, index)
        assert row["subject"] == f"s{subject:05}"
        assert row["expression"] == name
        assert row["file"] == f"s{subject:05}_v0_{index:02}_{name}.jpg"
        read = np.array([row[n] for n in action_units.NAMES], np.float32)
        np.testing.assert_array_equal(read, units)
        image = Image.open(made / "photos" / row["file"])
        assert image.size == (64, 64) and image.mode == "RGB"


def test_views_share_the_images_out():
    config = SynthesizeConfig(
        subjects=1, images_per_subject=5, views_per_subject=2, size=64
    )
    made = synthesis.make_subject(config, 0)
    assert [photo.label.view for photo in made] == [0, 0, 0, 1, 1]
    expressions = [photo.label.expression for photo in made]
    assert expressions[3:] == ["neutral", "happy"]


@pytest.mark.parametrize(
    "flag, named",
    [
        ("--nonsense=1", "nonsense"),
        ("--size=100", "size"),
        ("--subjects=0", "subjects"),
        ("--max_yaw=90", "max_yaw"),
        ("--workers=-1", "workers"),
        ("--views_per_subject=40", "views_per_subject"),
        ("--sheet=beside.png", "--out"),
        ("--out=", "--out"),
    ],
)
def test_bad_values_are_refused(flag, named, tmp_path, refusal):
    flags = [f"--out={tmp_path / 'set'}", flag]
    assert named in refusal(synthesize.main, *CONFIGS, flags=flags)
    assert not list(tmp_path.iterdir())


def test_a_sheet_is_no_other_file(refusal):
    flags = ["--sheet=picture.nonsense"]
    assert "--sheet" in refusal(synthesize.main, *CONFIGS, flags=flags)


def test_a_full_folder_needs_overwrite(tmp_path, capsys):
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    small = ["--subjects=1", "--images_per_subject=1", "--size=64"]
    assert synthesize_command(f"--out={folder}", *small) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert (folder / "thesis.txt").exists()
    assert synthesize_command(f"--out={folder}", "--overwrite", *small) == 0
    assert sorted(p.name for p in folder.iterdir()) == [
        "aus.csv", "landmarks.csv", "photos"
    ]  # fmt: skip
    assert [p.name for p in tmp_path.iterdir()] == ["set"]


def test_a_sheet_is_a_picture(tmp_path):
    path = tmp_path / "sheet.png"
    flags = ["--subjects=1", "--size=64"]
    assert synthesize_command(f"--sheet={path}", *flags) == 0
    width, height = Image.open(path).size
    # Gaps of two pixels around each picture, and a line of names above.
    assert width == 8 * 66 + 2 and 66 < height < 66 + 16


def _die(config, subject):
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_that_dies_is_an_error(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(synthesis, "make_subject", _die)
    folder = tmp_path / "set"
    status = synthesize_command(f"--out={folder}", "--workers=2")
    assert status == 2
    assert "lower --workers" in capsys.readouterr().err.splitlines()[-1]
    assert not list(tmp_path.iterdir())
