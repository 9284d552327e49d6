"""The signature check: a SavedModel against Keras, before it gets its name."""

import re

import keras
import pytest

from efgan_tf import commands, export
from efgan_tf.common.errors import UserError
from efgan_tf.serving.check import BOUNDS, check_signatures
from efgan_tf.serving.model_card import FILE_NAME as CARD
from efgan_tf.serving.saved_model import write_saved_model
from efgan_tf.serving.warmup import FILE as WARMUP
from efgan_tf.trained.network import first_stages
from efgan_tf.trained.runs import read_run


def test_the_command_checks_and_shows_what_it_checked(
    exported, tmp_path, capsys
):
    flags = [
        f"--model={exported.run}", f"--out={tmp_path}", "--signature_check",
        "--warmup_batches=",
    ]  # fmt: skip
    argv = ["export", *flags]
    assert commands.run(export.main, export.ExportConfig, argv=argv) == 0
    printed = capsys.readouterr().out
    assert "with the Keras model, 1, 3, 32 faces\n" in printed
    rows = re.findall(
        r"^(\w+) +(\w+)((?: +\d\.\de[+-]\d\d){2})$", printed, re.M
    )
    all_of_it = ("image", "stages", "attention")
    assert [row[:2] for row in rows] == [
        ("serving_default", "image"),
        ("edit_from", "image"),
        ("edit_bytes", "image_bytes"),
        *(("stages", name) for name in all_of_it),
        *(("stages_from", name) for name in all_of_it),
        ("estimate", "action_units"),
    ]
    for _, output, numbers in rows:
        largest, allowed = map(float, numbers.split())
        assert largest <= allowed == float(f"{BOUNDS[output]:.1e}")
    folder = tmp_path / "efgan" / "1"
    assert (folder / CARD).is_file() and not (folder / WARMUP).exists()


def test_a_version_with_an_altered_weight_never_appears(exported, tmp_path):
    trained = first_stages(read_run(exported.run), 1)
    shown = []

    def alter_and_check(folder):
        kernel = trained.cascade.trainable_variables[0]
        kernel.assign(keras.ops.flip(kernel, axis=0))
        check_signatures(folder, trained, report=shown.append)

    with pytest.raises(UserError, match="edit_from image"):
        write_saved_model(
            trained, tmp_path / "efgan", "", check=alter_and_check
        )
    table = shown[-1]
    failed = re.findall(r"^(\w+) .*FAILED$", table, re.M)
    assert {"serving_default", "edit_from", "stages"} <= set(failed)
    assert "estimate" in table and "estimate" not in failed
    assert not list((tmp_path / "efgan").iterdir())
