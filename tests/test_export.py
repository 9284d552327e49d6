"""The export command."""

import shutil

import numpy as np
import pytest

from efgan_tf import commands, export
from efgan_tf.trained.loading import load_model
from tests.trained.conftest import random_faces


def _export(*arguments):
    return commands.run(
        export.main, export.ExportConfig, argv=["export", *arguments]
    )


def test_it_says_what_it_wrote_and_what_to_type_next(exported):
    lines = exported.printed.splitlines()
    assert lines[0].startswith(f"{exported.saved_model}  ")
    size = exported.keras_file.stat().st_size / 1e6
    assert lines[1] == f"{exported.keras_file}  {size:.1f} MB"
    assert f"efgan_tf.edit --model={exported.keras_file} " in lines[2]
    assert sorted(path.name for path in exported.out.iterdir()) == [
        "efgan", "efgan.keras",
    ]  # fmt: skip


def test_a_further_export_with_fewer_stages(exported, forms, tmp_path, capsys):
    # Copied, since other tests load the highest version.
    out = shutil.copytree(exported.out, tmp_path / "models")
    assert _export(
        f"--model={exported.run}", f"--out={out}", "--stages=1",
        "--formats=keras,saved_model", "--overwrite",
    ) == 0  # fmt: skip
    assert f"--model={out / 'efgan' / '2'} " in capsys.readouterr().out
    faces = random_faces(2)
    expected = forms["run"].edit(*faces, stages=1).images
    model = load_model(out / "efgan")  # the second version
    assert model.stages == 1 and (out / "efgan" / "1").is_dir()
    # Measured: at most 3e-6.
    np.testing.assert_allclose(
        model.edit(*faces).images, expected, rtol=0, atol=2e-5
    )
    file = out / "efgan.keras"
    assert file.stat().st_size < 0.7 * exported.keras_file.stat().st_size


def test_what_was_exported_can_be_exported_again(exported, tmp_path):
    flags = [f"--model={exported.keras_file}", f"--out={tmp_path}"]
    assert _export(*flags, "--formats=keras") == 0
    again = load_model(tmp_path / "efgan.keras")
    faces = random_faces(2)
    np.testing.assert_array_equal(
        again.edit(*faces).images,
        load_model(exported.keras_file).edit(*faces).images,
    )


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--model=", "--out={tmp}/o"], "--model"),
        (["--model={out}/efgan", "--out={tmp}/o"], "efgan is a SavedModel"),
        (["--model={run}"], "--out"),
        (["--model={run}", "--out={tmp}/o", "--formats=keras,onnx"], "onnx"),
        (["--model={run}", "--out={tmp}/o", "--name=a/b"], "--name=a/b"),
        (["--model={run}", "--out={tmp}/o", "--warmup_batches=0"],
         "--warmup_batches=0"),
        (["--model={run}", "--out={tmp}/o", "--warmup_batches=4,4"], "4,4"),
        (["--model={run}", "--out={tmp}/o", "--formats=keras",
          "--signature_check"], "--signature_check"),
        (["--model={tmp}/absent", "--out={tmp}/o"], "absent does not exist"),
        (["--model={tmp}", "--out={tmp}/o"], "is no model"),
        (["--model={run}", "--out={run}/config.json"], "is a file"),
        (["--model={run}", "--out={tmp}/o", "--stages=3"], "--stages=3"),
        (["--model={run}", "--out={out}", "--formats=keras"], "overwrite"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(exported, tmp_path, refusal, flags, message):
    places = {"run": exported.run, "out": exported.out, "tmp": tmp_path}
    flags = [flag.format(**places) for flag in flags]
    assert message in refusal(export.main, export.ExportConfig, flags=flags)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
