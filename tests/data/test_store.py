"""Prepared data on disk: made once, whole or not at all, and read back."""

import dataclasses
import errno
import io
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from efgan_tf import commands, data
from efgan_tf.common.errors import UserError
from efgan_tf.config import DataConfig
from efgan_tf.data import (
    aligning,
    datasets,
    pictures_on_disk,
    splits,
    store,
    tables,
)
from efgan_tf.trained.run_directory import data_digest

pytestmark = pytest.mark.usefixtures("shared_detector")


def _write_source(rendered, folder):
    """Two people, four photos each, with their table."""
    (folder / "photos").mkdir(parents=True)
    header, *rows = (rendered / "aus.csv").read_text().splitlines()
    chosen = rows[:4] + rows[8:12]
    for row in chosen:
        name = row.split(",")[0]
        shutil.copy(rendered / "photos" / name, folder / "photos" / name)
    (folder / "aus.csv").write_text("\n".join([header, *chosen]))
    return folder


def _config(source, data_dir):
    return DataConfig(
        dataset="folder",
        source_dir=str(source / "photos"),
        aus=str(source / "aus.csv"),
        data_dir=str(data_dir),
        beam_runner="none",
    )


@pytest.fixture
def source(rendered, tmp_path):
    """Photos and a table that a test may change."""
    return _write_source(rendered, tmp_path / "source")


@pytest.fixture
def config(source, tmp_path):
    return _config(source, tmp_path / "data")


@pytest.fixture(scope="module")
def ready(rendered, shared_detector, tmp_path_factory):
    """The config of a prepared set whose source is gone."""
    folder = tmp_path_factory.mktemp("ready")
    written = _write_source(rendered, folder / "source")
    config = _config(written, folder / "data")
    assert data.prepare(config, 64).is_new
    written.rename(folder / "gone")
    return config


def empty(path):
    """Writes a picture in which there is nobody."""
    Image.new("RGB", (64, 64), "gray").save(path)


def files_below(folder):
    return sorted(p for p in folder.rglob("*") if p.is_file())


def test_prepared_faces_are_read_back(ready, rendered):
    train = data.load_faces(ready, 64, "train")
    test = data.load_faces(ready, 64, "test")
    rows = tables.read_table(rendered / "aus.csv").rows
    assert (len(train), len(test)) == (4, 4)
    assert not set(train.subjects) & set(test.subjects)
    for faces in (train, test):
        assert faces.size == 64
        assert faces.action_units.dtype == np.float32
        for index, name in enumerate(faces.filenames):
            row = rows[name]
            np.testing.assert_array_equal(
                faces.action_units[index], row.action_units
            )
            assert faces.subjects[index] == row.subject
            assert faces.expressions[index] == row.expression
            assert faces.views[index] == row.view
            image = Image.open(io.BytesIO(faces.encoded[index]))
            assert (image.format, image.size) == ("PNG", (64, 64))
    with pytest.raises(ValueError):
        data.load_faces(ready, 64, "validation")


def test_faces_of_a_large_set_stay_on_disk(ready):
    on_disk = dataclasses.replace(ready, data_memory=0)
    for split in ("train", "test"):
        wanted = data.load_faces(ready, 64, split)
        found = data.load_faces(on_disk, 64, split)
        assert isinstance(wanted.encoded, list)
        assert isinstance(found.encoded, pictures_on_disk.StoredPictures)
        # Pictures, names, units and mask.
        assert data_digest(found) == data_digest(wanted)
    assert 2**28 < pictures_on_disk.memory_bytes() < 2**50


def test_all_sets_of_a_run_share_the_memory(ready):
    # Two sets or splits, of four faces each: there is room for one of them.
    held = pictures_on_disk.held_bytes(
        data.load_faces(ready, 64, "test").encoded
    )
    config = dataclasses.replace(
        ready, data_memory=1.5 * held / pictures_on_disk.memory_bytes()
    )
    train = data.load_parts(config, 64, "train")
    mix = tuple(f"{name}=1/2 --dataset=folder" for name in "ab")
    mixed = dataclasses.replace(config, dataset="mixed", mix=mix)
    found = [
        isinstance(part.faces.encoded, list)
        for parts in (
            train,
            data.load_parts(config, 64, "test"),
            data.load_parts(config, 64, "test", beside=train),
            data.load_parts(mixed, 64, "test"),
        )
        for part in parts
    ]
    assert found == [True, True, False, True, False]


@pytest.mark.parametrize(
    ("groups", "limits", "wanted"),
    [
        ("0::/job/step",
         {"job/step/memory.max": "max", "job/memory.max": "4096",
          "memory.max": "9999"}, 4096),
        ("4:cpu,memory:/job\n1:pids:/other\n0::/",
         {"memory/job/memory.limit_in_bytes": "2048",
          "memory/other/memory.limit_in_bytes": "1",
          "memory/memory.limit_in_bytes": str(2**63 - 4096)}, 2048),
        # A container that sees its own group at the top.
        ("4:memory:/docker/0ab",
         {"memory/memory.limit_in_bytes": "1024"}, 1024),
        # Another process's group.
        ("0::/job", {"other/memory.max": "1"}, None),
    ],
)  # fmt: skip
def test_memory_is_what_the_process_itself_may_have(
    groups, limits, wanted, tmp_path
):
    files = {f"sys/fs/cgroup/{name}": text for name, text in limits.items()}
    for name, text in {**files, "proc/self/cgroup": groups}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    whole = pictures_on_disk.memory_bytes(tmp_path / "nothing")
    assert whole > 2**28
    assert pictures_on_disk.memory_bytes(tmp_path) == (wanted or whole)


def test_layout_and_metadata(ready):
    found = data.prepare(ready, 64)
    folder = found.folder
    assert not found.is_new and "8 faces kept" in found.summary
    report = (folder / "report.txt").read_text("utf-8")
    assert report == f"{found.summary}\n" and "AU45 " in report
    assert min(Image.open(folder / "contact_sheet.png").size) > 128
    assert folder.name == str(datasets.Folder.VERSION)
    assert folder.parent.name.startswith("64px-")
    assert folder.parent.parent.name == "folder"
    metadata = json.loads((folder / "metadata.json").read_text())
    assert len(metadata["mask"]) == 17
    assert set(metadata["subjects"]) == {"train", "test"}
    report = json.loads((folder / "report.json").read_text())
    assert report["splits"] == {
        "train": {"photos": 4, "subjects": 1},
        "test": {"photos": 4, "subjects": 1},
    }
    # Nothing else is left behind.
    assert all(
        folder in path.parents for path in files_below(folder.parents[2])
    )
    assert [p.name for p in folder.parents[2].iterdir()] == ["folder"]
    # Other settings lie elsewhere.
    described = data.describe(ready, 64)
    assert "is prepared" in described
    other = dataclasses.replace(ready, held_out=0.5)
    assert (
        len({described, data.describe(ready, 128), data.describe(other, 64)})
        == 3
    )


def test_what_has_changed_is_prepared_anew(config, source):
    first = data.prepare(config, 64)
    assert first.is_new and "8 faces kept" in first.summary
    before = {p: p.stat().st_mtime_ns for p in files_below(first.folder)}
    again = data.prepare(config, 64)
    assert not again.is_new and again.summary == first.summary
    assert before == {
        p: p.stat().st_mtime_ns for p in files_below(first.folder)
    }
    lines = (source / "aus.csv").read_text().splitlines()
    (source / "aus.csv").write_text("\n".join(lines[:-1]))
    changed = data.prepare(config, 64)
    assert changed.is_new and "7 faces kept" in changed.summary
    # As if it were of a version that knows other units.
    path = changed.folder / "metadata.json"
    metadata = json.loads(path.read_text())
    metadata["units"].remove("AU45")
    path.write_text(json.dumps(metadata))
    assert data.prepare(config, 64).is_new
    assert not data.prepare(config, 64).is_new


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (KeyboardInterrupt(), 130),
        (tf.errors.ResourceExhaustedError(None, None, "No space left"), 2),
    ],
)
def test_what_stops_the_writing_leaves_nothing(
    config, monkeypatch, capsys, error, status
):
    def stop(self, *arguments):
        yield from ()
        raise error

    monkeypatch.setattr(datasets.Folder, "_generate_examples", stop)
    code = commands.run(lambda values: data.prepare(config, 64), argv=["p"])
    assert code == status
    if code == 2:
        line = capsys.readouterr().err.splitlines()[-1]
        assert f"cannot write {config.data_dir}: No space left" in line
    assert not list(Path(config.data_dir).iterdir())


def test_a_renewal_that_cannot_be_put_in_place_keeps_the_old(
    config, monkeypatch
):
    folder = data.prepare(config, 64).folder
    before = [path.read_bytes() for path in files_below(folder)]
    monkeypatch.setattr(datasets.Folder, "fingerprint", lambda self: "new")
    rename = os.rename

    def refuse(source, destination):
        if Path(destination) == folder and not str(source).endswith(".old"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        rename(source, destination)

    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(UserError, match="1.0.0"):
        data.prepare(config, 64)
    assert before == [path.read_bytes() for path in files_below(folder)]
    assert [p.name for p in Path(config.data_dir).iterdir()] == ["folder"]


def test_a_set_without_training_faces_is_refused(config, monkeypatch):
    monkeypatch.setattr(
        splits, "split_subjects",
        lambda subjects, share: {"train": [], "test": sorted(set(subjects))},
    )  # fmt: skip
    assert len(data.load_faces(config, 64, "test")) == 8
    with pytest.raises(UserError, match="no faces to train on"):
        data.load_faces(config, 64, "train")


def test_synthetic_photos_are_rendered_and_registered(
    rendered, tmp_path, monkeypatch
):
    from efgan_tf.synthetic import synthesis

    wanted = synthesis.SynthesizeConfig(
        subjects=3, images_per_subject=8, size=192
    )

    def copy(out_dir, settings):
        assert settings == wanted
        shutil.copytree(rendered, out_dir)

    monkeypatch.setattr(synthesis, "write_photos", copy)
    config = DataConfig(
        subjects=3, images_per_subject=8, photo_size=192,
        data_dir=str(tmp_path / "data"), beam_runner="none",
    )  # fmt: skip
    train = data.load_faces(config, 64, "train")
    test = data.load_faces(config, 64, "test")
    assert (len(train), len(test)) == (16, 8)
    rows = tables.read_table(rendered / "aus.csv").rows
    for name, units in zip(train.filenames, train.action_units, strict=True):
        np.testing.assert_array_equal(units, rows[name].action_units)
    # Rendered photos are needed no longer.
    assert [p.name for p in (tmp_path / "data").iterdir()] == ["synthetic"]


def test_photos_that_change_meanwhile_stop_it(config, source, monkeypatch):
    read = aligning.FolderPhotos.read

    def replaced(self, row):
        photo = read(self, row)
        (source / "photos" / row.file).write_bytes(b"another photo now")
        return photo

    with monkeypatch.context() as patch:
        patch.setattr(aligning.FolderPhotos, "read", replaced)
        with pytest.raises(UserError, match="changed while they were read"):
            data.prepare(config, 64)
    assert not list(Path(config.data_dir).iterdir())
    # Gone since they were listed.
    monkeypatch.setattr(datasets, "files_below", lambda *given: ["gone.jpg"])
    with pytest.raises(UserError, match="changed while they were read"):
        data.prepare(config, 64)


def test_nothing_kept_says_why(config, source):
    for path in (source / "photos").iterdir():
        empty(path)
    with pytest.raises(UserError, match="8 × no face found"):
        data.prepare(config, 64)


@pytest.mark.parametrize("emptied", ["train", "test"])
def test_without_a_face_in_one_split_nothing_is_held_out(
    config, source, capsys, emptied
):
    rows = tables.read_table(source / "aus.csv").rows
    subjects = {row.subject for row in rows.values()}
    (lost,) = splits.split_subjects(subjects, config.held_out)[emptied]
    for name, row in rows.items():
        if row.subject == lost:
            empty(source / "photos" / name)
    prepared = data.prepare(config, 64)
    assert f"{emptied} split: 4 × no face found; prepar" in (
        capsys.readouterr().err
    )
    assert "nothing is held out for testing" in prepared.summary
    assert "4 faces kept, 4 dropped" in prepared.summary
    assert len(data.load_faces(config, 64, "train")) == 4
    assert not len(data.load_faces(config, 64, "test"))
    assert [p.name for p in Path(config.data_dir).iterdir()] == ["folder"]


def test_names_in_other_alphabets_and_very_long_ones(config, source, tmp_path):
    header, *lines = (source / "aus.csv").read_text().splitlines()
    folder, table = tmp_path / "Ordner für Fotos", tmp_path / "Tabelle – é.csv"
    folder.mkdir()
    names = ["Zoë 微笑 😀.jpg", "x" * 236 + ".jpg", "é" * 120 + ".JPG"]
    rows = [header]
    for name, row in zip(names, lines[:3], strict=True):
        file, cells = row.split(",", 1)
        shutil.copy(source / "photos" / file, folder / name)
        rows.append(f"{name},{cells}")
    table.write_text("\n".join(rows), "utf-8")
    config = dataclasses.replace(config, source_dir=str(folder), aus=str(table))
    found = data.load_faces(config, 64, "train").filenames.tolist()
    assert sorted(found) == sorted(names)
    report = (data.prepare(config, 64).folder / "report.txt").read_text("utf-8")
    assert "3 faces kept, 0 dropped" in report


def test_the_data_may_not_lie_among_the_photos(config, monkeypatch):
    monkeypatch.chdir(config.source_dir)
    for source, target in ((".", "data"), (".", "."), (os.getcwd(), "a/b")):
        inside = dataclasses.replace(config, source_dir=source, data_dir=target)
        for refuse in (data.prepare, data.describe):
            with pytest.raises(UserError, match=f"--data_dir={target} lies in"):
                refuse(inside, 64)
    assert not Path("data").exists() and not Path("a").exists()


def test_only_photos_and_table_count_as_changes(config, source, tmp_path):
    photos, elsewhere = tmp_path / "photos", tmp_path / "elsewhere"
    shutil.copytree(source / "photos", photos)
    shutil.copy(source / "aus.csv", photos / "aus.csv")
    elsewhere.mkdir()
    (photos / "link").symlink_to(elsewhere)
    config = dataclasses.replace(
        config, source_dir=str(photos), aus=str(photos)
    )

    def fingerprint():
        return datasets.make_builder(config, 64).fingerprint()

    before = fingerprint()
    for name in (".DS_Store", "notes.txt", "link/.hidden.jpg"):
        (photos / name).write_text("new")
    assert fingerprint() == before
    (elsewhere / "new.jpg").write_text("a photo")
    linked = fingerprint()
    assert linked != before
    (photos / "sub.csv").write_text("file,AU12\n")
    assert fingerprint() not in (before, linked)
    config = dataclasses.replace(config, aus="auto")
    before = fingerprint()
    (photos / "manifest.csv").write_text("file,subject\n")
    assert fingerprint() != before
    config = dataclasses.replace(config, source_dir="", aus="")
    assert fingerprint() == ""


def test_a_missing_or_another_table_is_refused(config, source):
    nothing = dataclasses.replace(config, aus="")
    with pytest.raises(UserError, match="--aus=auto"):
        data.prepare(nothing, 64)
    table = source / "aus.csv"
    table.write_text(table.read_text().replace("\ns", "\nother_s"))
    with pytest.raises(UserError, match="table of another data set"):
        data.prepare(config, 64)


@pytest.mark.parametrize("column", ["subject", "view"])
def test_missing_subjects_or_views_are_warned_about(config, source, column):
    table = source / "aus.csv"
    table.write_text(table.read_text().replace(column, "x", 1))
    assert f"no column '{column}'" in data.prepare(config, 64).summary


def test_data_by_hand_is_found_where_tfds_keeps_it(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    config = DataConfig(dataset="cfee", data_dir=str(tmp_path / "data"))
    assert store.located(config) == config
    for base in ("home/tensorflow_datasets", "data"):
        folder = tmp_path / base / "downloads/manual/cfee"
        folder.mkdir(parents=True)
        found = store.located(config)
        assert (found.source_dir, found.aus) == (str(folder), "")
    said = dataclasses.replace(config, source_dir="there", aus="this.csv")
    assert store.located(said) == said


def test_data_by_hand_is_found_by_its_photos(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    config = DataConfig(dataset="cfee", data_dir=str(tmp_path / "data"))
    manual = tmp_path / "tfds" / "downloads" / "manual"
    folder = manual / "CFEE_Database_230"
    photos = folder / "01-04" / "Images1"
    photos.mkdir(parents=True)
    (manual / "holiday.jpg").touch()
    assert store.located(config) == config
    (photos / "02_339_3470.jpg").touch()
    assert store.located(config).source_dir == str(folder)
    (manual / "02_340_3471.jpg").touch()
    assert store.located(config).source_dir == str(manual)
    rafd = dataclasses.replace(config, dataset="rafd")
    assert store.located(rafd) == rafd


def test_people_on_a_list_are_never_trained_on(config, source, tmp_path):
    rows = tables.read_table(source / "aus.csv").rows
    name = min(row.subject for row in rows.values())
    listed = tmp_path / "held_out.csv"
    listed.write_text(f"subject\n{name}\n")
    config = dataclasses.replace(config, held_out_list=str(listed))
    assert set(data.load_faces(config, 64, "test").subjects) == {name}
    assert name not in data.load_faces(config, 64, "train").subjects

    for file, row in rows.items():
        if row.subject == name:
            empty(source / "photos" / file)
    with pytest.raises(UserError, match="no face was kept .* test split"):
        data.prepare(config, 64)
