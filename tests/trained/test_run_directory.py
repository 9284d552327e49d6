"""The run's folder tells which units its data could teach."""

import json

import numpy as np
import pytest

from efgan_tf import action_units, config
from efgan_tf.common.errors import UserError
from efgan_tf.trained.run_directory import RunDirectory
from tests.trained.conftest import faces_of


def test_learned_units_are_those_of_the_training_split(tmp_path):
    mask = np.zeros(17, np.float32)
    mask[[0, 16]] = 1
    run = RunDirectory(tmp_path)
    run.write_config(config.Config(), [faces_of(mask)], [faces_of(1 - mask)])
    assert run.learned_units() == ("AU01", "AU45")
    run.config.unlink()
    run.check(config.Config())  # what a run that died leaves is accepted


def test_a_mix_learns_what_any_of_its_sets_teaches(tmp_path):
    masks = np.eye(17, dtype=np.float32)
    run = RunDirectory(tmp_path)
    run.write_config(config.Config(), [faces_of(masks[0]), faces_of(masks[3])])
    assert run.learned_units() == ("AU01", "AU05")
    run.check_data(faces_of(masks[0]), faces_of(masks[3]))
    with pytest.raises(UserError, match="data has changed"):
        run.check_data(faces_of(masks[3]), faces_of(masks[0]))


def mixed_config(source_dir="photos", **changes):
    texts = (
        "1/2 --dataset=synthetic",
        f"1/2 --dataset=folder --aus=a.csv --source_dir={source_dir}",
    )
    settings = {"dataset": "mixed", "mix": texts, **changes}
    return config.replace(config.Config(), settings)


def test_the_photos_of_a_mix_may_move(tmp_path):
    run = RunDirectory(tmp_path)
    run.write_config(mixed_config(), [faces_of(np.ones(17, np.float32))])
    (run.checkpoints / "phase1_00000000").mkdir(parents=True)
    run.check(mixed_config("elsewhere"))
    with pytest.raises(UserError, match="subjects: 60 → 9"):
        run.check(mixed_config(subjects=9))
    others = ("1/4 --dataset=synthetic", "3/4 --dataset=folder --aus=a.csv")
    with pytest.raises(UserError, match="mix: "):
        run.check(mixed_config(mix=others))


def test_a_run_with_unknown_settings_is_refused(tmp_path):
    run = RunDirectory(tmp_path)
    run.write_config(config.Config(), [faces_of(np.ones(17, np.float32))])
    written = json.loads(run.config.read_text())
    written["train"]["gamma"] = 1
    run.config.write_text(json.dumps(written))
    with pytest.raises(UserError, match="gamma"):
        run.read_config()


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"learned": [3]}', '{"learned": ["AU99"]}']
)
def test_units_that_cannot_be_read_are_refused(tmp_path, text):
    run = RunDirectory(tmp_path)
    assert run.learned_units() == action_units.NAMES  # as in older runs
    run.units.write_text(text)
    with pytest.raises(UserError, match="units.json"):
        run.learned_units()
