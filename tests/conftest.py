"""What several folders of tests share: rendered photos and a detector."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import pytest
import tensorflow as tf

from efgan_tf import commands
from tests.browser import chromium, visit  # noqa: F401 - fixtures

LOGICAL_CPUS = 4
_ONEDNN = "TF_ENABLE_ONEDNN_OPTS"
_GIVEN = os.environ.get(_ONEDNN)


def pytest_configure(config):
    """Four logical CPUs stand for four devices: before TensorFlow starts."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * LOGICAL_CPUS
    )


@pytest.fixture(autouse=True)
def each_process_chooses_onednn():
    """What a command sets in this process must not reach those it starts."""
    yield
    os.environ.pop(_ONEDNN, None)
    if _GIVEN is not None:
        os.environ[_ONEDNN] = _GIVEN


@pytest.fixture
def refusal(capsys):
    """Runs a command that must refuse; returns the one line that says why.

    `refusal(main, *classes, flags=[...])`, as `commands.run` takes them.
    """

    def run(main, *classes, flags):
        argv = ["command", *map(str, flags)]
        capsys.readouterr()  # what was printed before
        assert commands.run(main, *classes, argv=argv) == 2
        error = capsys.readouterr().err
        assert error.startswith("error: ") and error.count("\n") == 1, error
        return error

    return run


@pytest.fixture(scope="session")
def rendered(tmp_path_factory):
    """A folder with `photos/` and `aus.csv`: 3 people, 8 expressions each."""
    from efgan_tf.synthetic import synthesis

    folder = tmp_path_factory.mktemp("rendered") / "set"
    config = synthesis.SynthesizeConfig(
        subjects=3, images_per_subject=8, size=192, workers=1
    )
    return synthesis.write_photos(folder, config, show_progress=False)


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory):
    """Where tiny runs keep the faces that they share."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def detector():
    """The face detector, which takes seconds to load."""
    from efgan_tf.faces.detection import Detector

    return Detector()


@pytest.fixture(scope="module")
def shared_detector(detector):
    """Preparations take that detector, as loading one for each takes long."""
    from efgan_tf.data import builders

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(builders.detection, "Detector", lambda: detector)
        yield


@pytest.fixture(scope="session")
def exported():
    """A tiny run and its exported forms (`tests.trained.conftest`)."""
    from tests.trained.conftest import make_exported

    return make_exported()


@pytest.fixture(scope="session")
def forms():
    """Form → the loaded model."""
    from tests.trained.conftest import make_forms

    return make_forms()
