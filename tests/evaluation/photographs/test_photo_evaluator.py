"""Means over people by hand, and the command on two AI-generated faces."""

import csv
import hashlib
import json

import numpy as np
import pytest
from PIL import Image

from efgan_tf import action_units, commands, evaluate_photos
from efgan_tf.common.errors import UserError
from efgan_tf.evaluation.evaluation_settings import EvaluatePhotosConfig
from efgan_tf.evaluation.photographs import (
    photo_evaluator,
    photo_report,
    sources,
)
from efgan_tf.evaluation.photographs import scores as photo_scores
from efgan_tf.evaluation.photographs.scores import Score
from efgan_tf.evaluation.photographs.sources import (
    FaceReading,
    ListedPhoto,
    Source,
    read_photos,
)
from tests.evaluation.photographs.conftest import ROOT

HELD_OUT = ROOT / "configs/photos_held_out.csv"


def make_score(
    subject, name, happy=0.5, kind=sources.NEUTRAL, shown=True, **values
):
    aligned = np.full((256, 256, 3), happy, np.float32)
    probabilities = np.array([1 - happy, happy, 0, 0, 0, 0, 0])
    seen = FaceReading(
        aligned, np.zeros((68, 2)), np.zeros(6), probabilities, np.ones(2)
    )
    photo = ListedPhoto(
        f"{subject}.jpg", subject, "", "", shown, np.zeros((2, 2, 3))
    )
    target = photo_scores.PhotoEdit(
        name, action_units.preset("neutral"), np.zeros(6)
    )
    return Score(Source(photo, None, seen, kind), target, seen, values)


def test_means_over_people_by_hand():
    scores = [
        make_score("a", "happy", seen=1.0, sharp_mouth=0.25),
        make_score("b", "happy", seen=0.0, sharp_mouth=1.0, share=0.7),
    ]
    found = photo_evaluator.summary(scores)
    assert found["seen"]["mean"] == 0.5
    assert (found["seen"]["low"], found["seen"]["high"]) == (0, 1)
    assert found["sharp_mouth"]["mean"] == pytest.approx(0.5)  # geometric
    ends = found["sharp_mouth"]["low"], found["sharp_mouth"]["high"]
    assert ends == pytest.approx((0.25, 1))
    assert found["share"] == {
        "mean": 0.7,
        "low": None,
        "high": None,
        "people": 1,
    }


def test_goals_pool_their_edits():
    scores = [
        make_score("a", "happy", seen=1.0, identity=0.2),
        make_score("a", "surprised", seen=0.0, identity=0.4),
        make_score("a", "fearful", seen=0.0, identity=0.6),
        make_score("a", "neutral", seen=1.0, identity=9.0, kind=sources.SMILE),
    ]
    found = {g["name"]: g["found"] for g in photo_evaluator.goals(scores)}
    assert found["expression seen, from neutral, mean of five"]["mean"] == 0.5
    assert found["expression seen, from a broad smile"]["mean"] == 1
    identity = found["identity distance, expressions from neutral"]
    assert identity["mean"] == pytest.approx(0.4)
    assert found["zero edit, dB"] is None


def test_only_those_who_may_be_shown_are_on_sheets_worst_first():
    scores = [
        make_score(subject, name, happy, shown=subject != "c")
        for subject, happy in (("a", 0.9), ("b", 0.1), ("c", 0.5))
        for name in photo_scores.EXPRESSION_EDITS[sources.NEUTRAL]
    ]
    found = photo_report.sheets_of(scores)
    assert list(found) == ["neutral_worst", "neutral_best"]
    first, last = (found["neutral_worst"][20 + n * 258, 20, 0] for n in (0, 1))
    assert (first, last) == (140, 242)  # 0.1 and 0.9 of [-1, 1], rounded
    assert len(found["neutral_best"]) < 3 * 258


def test_a_photograph_that_is_not_the_listed_one_is_refused(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    listed = tmp_path / "people.csv"
    digest = hashlib.sha256((tmp_path / "a.png").read_bytes()).hexdigest()
    listed.write_text(f"file,subject,sha256\na.png,a,{digest}\n")
    assert read_photos(tmp_path, listed)[0].pixels.shape == (4, 4, 3)
    listed.write_text("file,subject,sha256\na.png,a,0\n")
    with pytest.raises(UserError, match="SHA-256 differs"):
        read_photos(tmp_path, listed)


def test_the_references_are_other_people():
    people = {}
    for name in ("held_out", "references"):
        with open(ROOT / f"configs/photos_{name}.csv", newline="") as file:
            people[name] = {row["subject"] for row in csv.DictReader(file)}
    assert not people["held_out"] & people["references"]


def test_the_command_on_two_faces(photos, readers_folder, tmp_path, capsys):
    people = tmp_path / "people.csv"
    people.write_text(
        "file,subject,set,shown\n"
        "faker/female_49.jpg,one,faker,1\nfaker/male_69.jpg,two,faker,0\n"
    )
    status = commands.run(
        evaluate_photos.main,
        EvaluatePhotosConfig,
        argv=[
            "evaluate_photos", f"--photos={photos}", f"--people={people}",
            f"--readers={readers_folder}", f"--out={tmp_path / 'out'}",
        ],
    )  # fmt: skip
    assert status == 0
    found = json.loads((tmp_path / "out/report.json").read_text("utf-8"))
    kinds = {each["file"]: each["kind"] for each in found["sources"]}
    assert kinds["faker/male_69.jpg"] == "smile"  # teeth show
    closed = found["edits"]["smile"]
    assert closed[photo_scores.ZERO_EDIT]["zero_psnr"]["mean"] > 35
    assert closed[photo_scores.ZERO_EDIT]["identity"]["mean"] < 0.2
    assert closed["neutral"]["seen_before"]["mean"] == 0
    assert closed["neutral"]["share"]["mean"] > 0
    text = (tmp_path / "out/report.md").read_text("utf-8")
    assert text in capsys.readouterr().out
    assert "| zero edit | 1 |" in text
    with open(tmp_path / "out/scores.csv", newline="") as file:
        lines = list(csv.reader(file))
    assert len({len(line) for line in lines}) == 1
    assert len(lines) == 1 + sum(len(rows) for rows in found["edits"].values())
    assert not (tmp_path / "out/smile_best.jpg").exists()  # may not be shown


@pytest.mark.parametrize(
    "argument, message",
    [("--photos=", "--photos=DIR"), ("--readers=nowhere", "npm install")],
)
def test_what_is_missing_is_one_line(
    argument, message, photos, tmp_path, capsys
):
    status = commands.run(
        evaluate_photos.main,
        EvaluatePhotosConfig,
        argv=[
            "evaluate_photos", f"--photos={photos}", f"--people={HELD_OUT}",
            f"--out={tmp_path / 'out'}", argument,
        ],
    )  # fmt: skip
    assert status == 2
    error = capsys.readouterr().err
    assert message in error.splitlines()[-1]
    assert not (tmp_path / "out").exists()
