"""Through Apache Beam the same examples come out in the same order."""

import dataclasses

import pytest
import tensorflow as tf

from efgan_tf import data
from efgan_tf.common.errors import UserError
from efgan_tf.config import DataConfig
from efgan_tf.data import rendered as rendering

pytest.importorskip("apache_beam", reason="Apache Beam is an extra")

TWO_WORKERS = "direct_num_workers=2,direct_running_mode=multi_processing"


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    return DataConfig(
        subjects=3,
        images_per_subject=4,
        photo_size=128,
        data_dir=str(tmp_path_factory.mktemp("plain")),
        beam_runner="none",
    )


@pytest.fixture(scope="module")
def plain(config):
    """The folder that is prepared without Beam."""
    return data.prepare(config, 64).folder


def contents(folder):
    """Of every file; of records what they say, since fields have no order."""
    return {
        path.name: _examples(path)
        if ".tfrecord" in path.name
        else path.read_bytes()
        for path in folder.iterdir()
    }


def _examples(path):
    records = tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
    return [tf.train.Example.FromString(record) for record in records]


@pytest.mark.parametrize("options", ["", TWO_WORKERS])
def test_the_same_data_comes_out(config, plain, tmp_path, options):
    config = dataclasses.replace(
        config,
        data_dir=str(tmp_path),
        beam_runner="DirectRunner",
        beam_options=options,
    )
    prepared = data.prepare(config, 64)
    assert contents(prepared.folder) == contents(plain)


def test_workers_that_render_for_themselves_see_the_same_photos(
    config, tmp_path
):
    settings = rendering.settings(config)
    written = rendering.write(settings, tmp_path / "rendered")
    made = rendering.RenderedPhotos(settings)
    assert made.fixed_pose == written.fixed_pose
    rows = rendering.table(settings).rows
    assert len(rows) == 12
    for row in rows.values():
        assert (made.read(row) == written.read(row)).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"beam_runner": "NoRunner"}, "--beam_runner=NoRunner"),
        ({"beam_options": "no_such_option=3"}, "--beam_options.*no_such"),
        ({"beam_options": "direct_num_workers=x"}, "--beam_options.*'x'$"),
        ({"beam_options": "direct_num_workers"}, "--beam_options.*one arg"),
        ({"beam_options": "direct_num_workers=-1"}, "--beam_options.*least 0"),
        ({"beam_options": "=3"}, "--beam_options: =3"),
    ],
)
def test_mistakes_are_found_before_the_work(
    config, tmp_path, change, message, monkeypatch, capfd
):
    monkeypatch.setattr(rendering, "write", None)  # would fail
    config = dataclasses.replace(
        config,
        data_dir=str(tmp_path / "data"),
        **{"beam_runner": "DirectRunner", **change},
    )
    with pytest.raises(UserError, match=message):
        data.prepare(config, 64)
    assert not list((tmp_path / "data").iterdir())
    assert "usage" not in capfd.readouterr().err


def test_a_full_disk_is_one_line():
    from efgan_tf.data.beam import as_user_error

    with pytest.raises(UserError, match="--data_dir: No space left"):
        with as_user_error():
            raise RuntimeError(
                "OSError: [Errno 28] No space left on device [while running "
                "'train/WriteFinalShards']"
            )
    with pytest.raises(RuntimeError, match="a bug"):
        with as_user_error():
            raise RuntimeError("a bug")
    with pytest.raises(UserError, match="^x/sub cannot be read"):
        with as_user_error():
            raise UserError("x/sub cannot be read: Permission denied")
