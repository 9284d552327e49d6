"""`serving/config`: what TensorFlow Serving reads and would refuse."""

import pytest

from efgan_tf.export import ExportConfig
from tests.serving.operators import SERVING, read_config

CONFIG = SERVING / "config"


@pytest.fixture(scope="module")
def batching():
    return read_config(CONFIG / "batching.config", "BatchingParameters")


def test_the_model_is_where_an_export_puts_it():
    config = read_config(CONFIG / "models.config", "ModelServerConfig")
    (model,) = config.model_config_list.config
    assert model.name == ExportConfig(model="m", out="models").name
    # The server wants the folder of the versions, and absolute.
    assert model.base_path == f"/models/{model.name}"
    assert model.model_platform == "tensorflow"


def test_every_label_names_a_version_that_is_loaded():
    config = read_config(CONFIG / "models.config", "ModelServerConfig")
    (model,) = config.model_config_list.config
    versions = set(model.model_version_policy.specific.versions)
    assert versions == {1}  # what a first export writes
    assert dict(model.version_labels) == {"stable": 1}


def test_batches_are_what_the_scheduler_takes(batching):
    sizes = list(batching.allowed_batch_sizes)
    assert sizes == sorted(set(sizes)) and sizes[0] >= 1
    assert sizes[-1] == batching.max_batch_size.value
    assert batching.max_enqueued_batches.value >= 1
    assert batching.num_batch_threads.value >= 1


def test_exported_warm_up_requests_fit_into_a_batch(batching):
    warmup = ExportConfig(model="m", out="models").warmup_batches
    # A size of its own for each, or what is warm would never be asked.
    assert set(warmup) <= set(batching.allowed_batch_sizes)
