"""The run's folder tells which units its data could teach."""

import numpy as np
import pytest

from efgan_tf import action_units, config
from efgan_tf.data.samples import Faces
from efgan_tf.errors import UserError
from efgan_tf.training.run_directory import RunDirectory


def faces_of(mask):
    texts = np.zeros(0, str)
    return Faces(
        [], np.zeros((0, 17), np.float32), texts, texts, texts, texts, mask, 64
    )


def test_learned_units_are_those_of_the_training_split(tmp_path):
    mask = np.zeros(17, np.float32)
    mask[[0, 16]] = 1
    run = RunDirectory(tmp_path)
    run.write_config(config.Config(), [faces_of(mask)], [faces_of(1 - mask)])
    assert run.learned_units() == ("AU01", "AU45")
    run.config.unlink()
    run.check(config.Config())  # what a run leaves that died: no stranger


def test_an_older_run_learned_all_units(tmp_path):
    assert RunDirectory(tmp_path).learned_units() == action_units.NAMES


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"learned": [3]}', '{"learned": ["AU99"]}']
)
def test_units_that_cannot_be_read_are_told(tmp_path, text):
    run = RunDirectory(tmp_path)
    run.units.write_text(text)
    with pytest.raises(UserError, match="units.json"):
        run.learned_units()
