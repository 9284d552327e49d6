"""Loading: whatever the form, the same model edits the same way."""

import json
import shutil
import zipfile

import keras
import numpy as np
import pytest

from efgan_tf import action_units
from efgan_tf.common.errors import UserError
from efgan_tf.config import ModelConfig
from efgan_tf.models import stage_models
from efgan_tf.trained.info import FILE_NAME, ModelInfo
from efgan_tf.trained.loading import load_model
from efgan_tf.trained.model import EditingModel
from efgan_tf.trained.runs import read_run
from efgan_tf.trained.saved_models import newest_version
from tests.trained.conftest import MASKED, random_faces, write_run

FORMS = ("run", "keras", "saved_model")
# Measured: at most 4e-6, eager calls against optimized graphs.
CLOSE = {"rtol": 0, "atol": 2e-5}


def _by_hand(exported, images, source, target):
    """The trained networks called as training calls them."""
    known = np.array([name != MASKED for name in action_units.NAMES])
    return exported.cascade(
        {
            "image": images,
            "source_action_units": source / 5,
            "target_action_units": np.where(known, target, source) / 5,
        }
    )


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("count", [1, 3, 33])
def test_every_form_edits_as_the_averaged_networks_do(
    exported, forms, form, count
):
    images, source, target = random_faces(count)
    expected = _by_hand(exported, images, source, target)
    edits = forms[form].edit(images, source, target)
    assert edits.images.shape == (count, 2, 64, 64, 3)
    for k, stage in enumerate(expected["stages"]):
        np.testing.assert_allclose(edits.images[:, k], stage["image"], **CLOSE)
    first = expected["stages"][0]["attention"]
    np.testing.assert_allclose(edits.attention[:, 0], first, **CLOSE)
    np.testing.assert_allclose(
        edits.attention[:, 1], expected["attention"], **CLOSE
    )
    assert np.abs(edits.images[:, -1] - images).mean() > 0.05  # edits it does
    np.testing.assert_allclose(
        forms[form].estimate(images), 5 * exported.estimator(images), **CLOSE
    )


@pytest.mark.parametrize("form", ["run", "keras"])
def test_attention_of_branches_lies_in_the_aligned_frame(exported, forms, form):
    images, source, target = random_faces(3)
    expected = _by_hand(exported, images, source, target)["stages"]
    branches = forms[form].edit(images, source, target).branches
    assert set(branches) == {"face", "eyes", "nose", "mouth", "refiner"}
    box = ModelConfig(image_size=64).boxes["mouth"]
    inside = np.zeros((64, 64, 1), bool)
    inside[box.top : box.top + box.height, box.left :][:, : box.width] = True
    for k, stage in enumerate(expected):
        mouth = np.asarray(stage["branches"]["mouth"]["attention"])
        framed = branches["mouth"][:, k]
        assert not framed[:, ~inside].any()
        np.testing.assert_allclose(
            framed[:, inside], mouth.reshape(3, -1), **CLOSE
        )
        np.testing.assert_allclose(
            branches["refiner"][:, k],
            stage["branches"]["refiner"]["attention"],
            **CLOSE,
        )


def test_a_saved_model_has_no_branches(forms):
    assert forms["saved_model"].edit(*random_faces(1)).branches == {}


@pytest.mark.parametrize("form", FORMS)
def test_fewer_stages_make_larger_steps(exported, forms, form):
    images, source, target = random_faces(3)
    target[:, action_units.NAMES.index(MASKED)] = 0
    source[:, action_units.NAMES.index(MASKED)] = 0
    # The first of two stages alone goes all the way.
    expected = stage_models(exported.cascade)[0](
        {"image": images, "action_units": (target - source) / 5}
    )
    edits = forms[form].edit(images, source, target, stages=1)
    assert edits.images.shape[1] == edits.attention.shape[1] == 1
    np.testing.assert_allclose(edits.images[:, 0], expected["image"], **CLOSE)


@pytest.mark.parametrize("form", FORMS)
def test_a_unit_that_could_not_be_learned_stays_at_the_source(forms, form):
    model = forms[form]
    assert [
        name
        for name, known in zip(action_units.NAMES, model.au_mask, strict=True)
        if not known
    ] == [MASKED]
    images, source, target = random_faces(1)
    changed = target.copy()
    changed[:, action_units.NAMES.index(MASKED)] = 0
    assert np.abs(changed - target).max() > 0.5
    np.testing.assert_array_equal(
        model.edit(images, source, changed).images,
        model.edit(images, source, target).images,
    )


@pytest.mark.parametrize("form", ["run", "keras"])
def test_batches_of_all_sizes_share_one_trace(forms, form):
    for count in (1, 2, 33):
        forms[form].edit(*random_faces(count))
    traces = forms[form]._run_cascade.experimental_get_tracing_count()
    assert traces == 1


def test_a_half_precision_run_in_phase_1_loads_as_one_float32_stage(tmp_path):
    networks = write_run(
        tmp_path, phase=1, precision="mixed_bfloat16", local_branches=False,
        refiner=False,
    )  # fmt: skip
    assert networks.generator.get_layer("stage_1").get_layer(
        "face"
    ).get_layer("in_conv").compute_dtype == "bfloat16"  # fmt: skip
    trained = read_run(tmp_path)
    assert trained.info.model.stages == 1
    layers = trained.keras_model._flatten_layers(include_self=False)
    assert {layer.compute_dtype for layer in layers} == {"float32"}
    for mine, theirs in zip(
        trained.cascade.get_weights(),
        networks.average.get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(mine, theirs)
    edits = load_model(tmp_path).edit(*random_faces(2))
    assert edits.images.shape == (2, 1, 64, 64, 3)
    assert list(edits.branches) == ["face"]


def test_keras_opens_the_file_by_itself(exported, forms):
    model = keras.saving.load_model(exported.keras_file)
    images, source, target = random_faces(2)
    target[:, action_units.NAMES.index(MASKED)] = source[
        :, action_units.NAMES.index(MASKED)
    ]
    outputs = model(
        {
            "image": images,
            "source_action_units": source / 5,
            "target_action_units": target / 5,
        }
    )
    edits = forms["run"].edit(images, source, target)
    np.testing.assert_allclose(outputs["stages"], edits.images, **CLOSE)
    np.testing.assert_allclose(outputs["image"], edits.images[:, -1], **CLOSE)
    np.testing.assert_allclose(
        outputs["action_units"], forms["run"].estimate(images) / 5, **CLOSE
    )
    assert model.get_layer("estimator").count_params() > 0


def _truncate(path):
    path.write_bytes(path.read_bytes()[:-1000])


def _absent(path, exported):
    return "does not exist"


def _empty_folder(path, exported):
    path.mkdir()
    return "neither config.json"


def _run_without_checkpoint(path, exported):
    path.mkdir()
    shutil.copy(exported.run / "config.json", path)
    return "holds no checkpoint"


def _run_of_other_networks(path, exported):
    shutil.copytree(exported.run, path)
    config = (path / "config.json").read_text()
    (path / "config.json").write_text(
        config.replace('"local_width": 2', '"local_width": 4')
    )
    return "does not fit"


def _picture(path, exported):
    path.write_bytes(b"\x89PNG")
    return "does not end in .keras"


def _cut_file(path, exported):
    shutil.copy(exported.keras_file, path)
    _truncate(path)
    return "is damaged"


def _flipped_bit(path, exported):
    content = bytearray(exported.keras_file.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    return "cannot be loaded"


def _foreign_file(path, exported):
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)]).save(path)
    return "not written by"


def _other_template(path, exported):
    with (
        zipfile.ZipFile(exported.keras_file) as old,
        zipfile.ZipFile(path, "w") as new,
    ):
        info = json.loads(old.read(FILE_NAME))
        info["template"]["nose"][1] += 0.01
        new.writestr(FILE_NAME, json.dumps(info))
    return "another template"


def _as_of_another_size(text):
    info = json.loads(text)
    info["size"] = info["model"]["image_size"] = 96
    return json.dumps(info)


def _file_of_another_size(path, exported):
    with (
        zipfile.ZipFile(exported.keras_file) as old,
        zipfile.ZipFile(path, "w") as new,
    ):
        for name in old.namelist():
            content = old.read(name)
            if name == FILE_NAME:
                content = _as_of_another_size(content)
            new.writestr(name, content)
    return "describes other networks"


def _saved_model_of_another_size(path, exported):
    shutil.copytree(exported.saved_model, path)
    card = path / "assets" / FILE_NAME
    card.write_text(_as_of_another_size(card.read_text()))
    return "describes other networks"


def _foreign_saved_model(path, exported):
    shutil.copytree(exported.saved_model, path)
    (path / "assets" / FILE_NAME).unlink()
    return "not written by"


def _saved_model_with_cut_variables(path, exported):
    shutil.copytree(exported.saved_model, path)
    (variables,) = (path / "variables").glob("*.data*")
    _truncate(variables)
    return "cannot be loaded"


@pytest.mark.parametrize(
    "prepare",
    [
        _absent, _picture, _empty_folder, _run_without_checkpoint,
        _run_of_other_networks, _cut_file, _flipped_bit, _foreign_file,
        _other_template, _file_of_another_size, _foreign_saved_model,
        _saved_model_with_cut_variables, _saved_model_of_another_size,
    ],
)  # fmt: skip
def test_other_files_are_refused_in_one_line(exported, tmp_path, prepare):
    of_files = (
        _cut_file, _flipped_bit, _foreign_file, _other_template,
        _file_of_another_size,
    )  # fmt: skip
    path = tmp_path / ("it.keras" if prepare in of_files else "it")
    message = prepare(path, exported)
    with pytest.raises(UserError, match=message) as error:
        load_model(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_the_highest_version_is_the_newest(tmp_path):
    for name in ("2", "10", "v11"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "saved_model.pb").touch()
    (tmp_path / "12").mkdir()  # no model
    assert newest_version(tmp_path) == tmp_path / "10"
    assert newest_version(tmp_path / "2") == tmp_path / "2"


def test_what_cannot_be_edited_is_refused():
    model = EditingModel(
        "it", ModelInfo(ModelConfig(image_size=64)), None, None
    )
    images, source, target = random_faces(2)
    with pytest.raises(UserError, match="no estimator"):
        model.estimate(images)
    with pytest.raises(UserError, match="AU01=6"):
        model.edit(images, source, source * 0 + 6)
    for stages in (0, 4):
        with pytest.raises(UserError, match="3 stages"):
            model.edit(images, source, target, stages=stages)
    with pytest.raises(ValueError):
        model.edit(images, source, target[:1])
    with pytest.raises(ValueError):
        model.edit(images[:, :32], source, target)
    with pytest.raises(ValueError):
        model.edit(images[:0], source[:0], target[:0])
