"""Prepared data on disk: made once, whole or not at all, and read back."""

import dataclasses
import errno
import importlib.util
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from efgan_tf import commands, data
from efgan_tf.common import outputs
from efgan_tf.common.errors import UserError
from efgan_tf.config import DataConfig
from efgan_tf.data import (
    builders,
    datasets,
    photo_source,
    splits,
    store,
    stored,
    tables,
)
from efgan_tf.trained.run_directory import data_digest


@pytest.fixture(autouse=True)
def shared_detector(detector, monkeypatch):
    """Loading a detector for each test would take long."""
    monkeypatch.setattr(builders.detection, "Detector", lambda: detector)


@pytest.fixture(scope="module")
def source(rendered, tmp_path_factory):
    """Two people, four photos each, in a folder of their own."""
    folder = tmp_path_factory.mktemp("source")
    (folder / "photos").mkdir()
    header, *rows = (rendered / "aus.csv").read_text().splitlines()
    chosen = rows[:4] + rows[8:12]
    for row in chosen:
        name = row.split(",")[0]
        shutil.copy(rendered / "photos" / name, folder / "photos" / name)
    (folder / "aus.csv").write_text("\n".join([header, *chosen]))
    return folder


@pytest.fixture
def config(source, tmp_path):
    return DataConfig(
        dataset="folder",
        source_dir=str(source / "photos"),
        aus=str(source / "aus.csv"),
        data_dir=str(tmp_path / "data"),
        beam_runner="none",
    )


def files_below(folder):
    return sorted(p for p in folder.rglob("*") if p.is_file())


def test_prepared_faces_are_read_back(config, source):
    train = data.load_faces(config, 64, "train")
    test = data.load_faces(config, 64, "test")
    rows = tables.read_table(source / "aus.csv").rows
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


def test_faces_of_a_large_set_stay_on_disk(config):
    on_disk = dataclasses.replace(config, data_memory=0)
    for split in ("train", "test"):
        wanted = data.load_faces(config, 64, split)
        found = data.load_faces(on_disk, 64, split)
        assert isinstance(wanted.encoded, list)
        assert isinstance(found.encoded, stored.StoredPictures)
        assert found.filenames.tolist() == wanted.filenames.tolist()
        # Pictures, names, units and mask.
        assert data_digest(found) == data_digest(wanted)
    assert 2**28 < stored.memory_bytes() < 2**50


def test_layout_and_metadata(config):
    prepared = data.prepare(config, 64)
    folder = prepared.folder
    assert prepared.is_new and "8 faces kept" in prepared.summary
    report = (folder / "report.txt").read_text("utf-8")
    assert report == f"{prepared.summary}\n" and "AU45 " in report
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


def test_prepared_data_is_found_again(config):
    first = data.prepare(config, 64)
    before = {p: p.stat().st_mtime_ns for p in files_below(first.folder)}
    again = data.prepare(config, 64)
    assert not again.is_new
    assert again.summary == first.summary
    assert before == {
        p: p.stat().st_mtime_ns for p in files_below(first.folder)
    }


def test_other_settings_lie_elsewhere(config):
    assert "would be" in data.describe(config, 64)
    other = dataclasses.replace(config, held_out=0.5)
    described = {
        data.describe(config, 64),
        data.describe(config, 128),
        data.describe(other, 64),
    }
    assert len(described) == 3


def test_a_changed_table_is_prepared_anew(config, source, tmp_path):
    table = tmp_path / "aus.csv"
    lines = (source / "aus.csv").read_text().splitlines()
    table.write_text("\n".join(lines))
    config = dataclasses.replace(config, aus=str(table))
    assert "8 faces kept" in data.prepare(config, 64).summary
    table.write_text("\n".join(lines[:-1]))
    changed = data.prepare(config, 64)
    assert changed.is_new and "7 faces kept" in changed.summary


def test_prepared_data_does_not_need_its_source(config, source, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(source, moved)
    config = dataclasses.replace(
        config, source_dir=str(moved / "photos"), aus=str(moved / "aus.csv")
    )
    data.prepare(config, 64)
    shutil.rmtree(moved)
    assert len(data.load_faces(config, 64, "train")) == 4


@pytest.mark.parametrize("error", [KeyboardInterrupt, UserError("no")])
def test_interrupted_preparation_leaves_nothing(config, monkeypatch, error):
    def interrupted(self, *arguments):
        yield from ()
        raise error

    monkeypatch.setattr(datasets.Folder, "_generate_examples", interrupted)
    with pytest.raises((KeyboardInterrupt, UserError)):
        data.prepare(config, 64)
    folder = datasets.make_builder(config, 64).data_path
    assert not list(folder.parents[2].iterdir())


@pytest.mark.parametrize(
    "error", [tf.errors.ResourceExhaustedError, tf.errors.PermissionDeniedError]
)
def test_what_tensorflow_cannot_write_is_one_line(
    config, monkeypatch, capsys, error
):
    def refused(self, *arguments):
        yield from ()
        raise error(None, None, "x.tfrecord; No space left on device")

    monkeypatch.setattr(datasets.Folder, "_generate_examples", refused)
    assert (
        commands.run(lambda values: data.prepare(config, 64), argv=["p"]) == 2
    )
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith(f"error: cannot write {config.data_dir}: ")
    assert "No space left on device" in told
    assert not list(Path(config.data_dir).iterdir())


def test_photos_that_no_table_can_name_are_dropped(config, tmp_path):
    folder = tmp_path / "photos"
    shutil.copytree(config.source_dir, folder)
    first = min(folder.iterdir())
    for name in (b"caf\xe9.png", b"\xff.JPG"):
        try:
            shutil.copy(first, os.fsencode(folder) + b"/" + name)
        except OSError:
            pytest.skip("the file system takes no such name")
    config = dataclasses.replace(config, source_dir=str(folder))
    report = data.prepare(config, 64).folder / "report.json"
    told = json.loads(report.read_text("utf-8"))
    assert told["kept"] == 8
    assert {each["file"] for each in told["dropped"]} == {
        r"'caf\udce9.png'", r"'\udcff.JPG'",
    }  # fmt: skip
    assert all("Unicode" in each["reason"] for each in told["dropped"])
    assert not data.prepare(config, 64).is_new


def test_what_a_killed_preparation_left_is_swept(config):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    prefix = outputs._temporary_prefix(Path(config.data_dir) / "preparing")
    name = f"{prefix}{gone.pid}.abc"
    (Path(config.data_dir) / name / "work").mkdir(parents=True)
    data.prepare(config, 64)
    assert [p.name for p in Path(config.data_dir).iterdir()] == ["folder"]


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
    with pytest.raises(UserError, match="cannot write .*1.0.0"):
        data.prepare(config, 64)
    assert before == [path.read_bytes() for path in files_below(folder)]
    assert [p.name for p in Path(config.data_dir).iterdir()] == ["folder"]


def test_interrupting_a_renewal_keeps_the_old(config, source, monkeypatch):
    folder = data.prepare(config, 64).folder
    before = [path.read_bytes() for path in files_below(folder)]
    monkeypatch.setattr(datasets.Folder, "fingerprint", lambda self: "new")

    def interrupted(self, *arguments):
        yield from ()
        raise KeyboardInterrupt

    monkeypatch.setattr(datasets.Folder, "_generate_examples", interrupted)
    with pytest.raises(KeyboardInterrupt):
        data.prepare(config, 64)
    assert before == [path.read_bytes() for path in files_below(folder)]


def test_a_single_subject_leaves_the_test_split_empty(config, source, tmp_path):
    lines = (source / "aus.csv").read_text().splitlines()
    (tmp_path / "aus.csv").write_text("\n".join(lines[:4]))
    config = dataclasses.replace(config, aus=str(tmp_path / "aus.csv"))
    assert "nothing is held out" in data.prepare(config, 64).summary
    assert len(data.load_faces(config, 64, "train")) == 3
    test = data.load_faces(config, 64, "test")
    assert len(test) == 0 and test.action_units.shape == (0, 17)


def test_nobody_to_train_on_is_told(config, monkeypatch):
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
    from efgan_tf.synthetic import photos

    calls = []

    def copy(out_dir, settings):
        calls.append(settings)
        shutil.copytree(rendered, out_dir)

    monkeypatch.setattr(photos, "write_photos", copy)
    config = DataConfig(
        subjects=3, images_per_subject=8, photo_size=192,
        data_dir=str(tmp_path / "data"), beam_runner="none",
    )  # fmt: skip
    train = data.load_faces(config, 64, "train")
    test = data.load_faces(config, 64, "test")
    assert (len(train), len(test)) == (16, 8)
    assert calls == [
        photos.SynthesizeConfig(subjects=3, images_per_subject=8, size=192)
    ]
    rows = tables.read_table(rendered / "aus.csv").rows
    for name, units in zip(train.filenames, train.action_units, strict=True):
        np.testing.assert_array_equal(units, rows[name].action_units)
    # Rendered photos are needed no longer.
    assert [p.name for p in (tmp_path / "data").iterdir()] == ["synthetic"]


def test_unknown_splits_are_refused(config):
    with pytest.raises(ValueError, match="validation"):
        data.load_faces(config, 64, "validation")


@pytest.mark.parametrize(
    "dataset, said",
    [("folder", "--source_dir"), ("rafd", "rafd.socsci"), ("cfee", "cbcsl")],
)
def test_what_is_missing_and_where_to_get_it_is_told(
    dataset, said, tmp_path, monkeypatch
):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    config = DataConfig(dataset=dataset, data_dir=str(tmp_path / "data"))
    with pytest.raises(UserError, match=f"--source_dir.*--aus.*{said}|{said}"):
        data.prepare(config, 64)


def test_a_file_is_no_data_dir(config, tmp_path):
    (tmp_path / "file").touch()
    config = dataclasses.replace(config, data_dir=str(tmp_path / "file"))
    with pytest.raises(UserError, match="--data_dir"):
        data.prepare(config, 64)


def test_photos_that_change_while_they_are_read_stop_it(
    config, source, tmp_path, monkeypatch
):
    photos = tmp_path / "photos"
    shutil.copytree(source / "photos", photos)
    config = dataclasses.replace(config, source_dir=str(photos))
    read = photo_source.FolderPhotos.read

    def replaced(self, row):
        photo = read(self, row)
        (photos / row.file).write_bytes(b"another photo now")
        return photo

    monkeypatch.setattr(photo_source.FolderPhotos, "read", replaced)
    with pytest.raises(UserError, match="changed while they were read"):
        data.prepare(config, 64)
    assert not list(Path(config.data_dir).iterdir())


def test_nothing_kept_says_why(config, source, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for path in (source / "photos").iterdir():
        Image.new("RGB", (64, 64), "gray").save(photos / path.name)
    config = dataclasses.replace(config, source_dir=str(photos))
    with pytest.raises(UserError, match="train split: 8 × no face found"):
        data.prepare(config, 64)


@pytest.mark.parametrize("emptied", ["train", "test"])
def test_a_split_without_a_face_leaves_nobody_held_out(
    config, source, tmp_path, capsys, emptied
):
    rows = tables.read_table(source / "aus.csv").rows
    subjects = {row.subject for row in rows.values()}
    (lost,) = splits.split_subjects(subjects, config.held_out)[emptied]
    photos = tmp_path / "photos"
    shutil.copytree(source / "photos", photos)
    for name, row in rows.items():
        if row.subject == lost:
            Image.new("RGB", (64, 64), "gray").save(photos / name)
    config = dataclasses.replace(config, source_dir=str(photos))
    prepared = data.prepare(config, 64)
    assert f"{emptied} split: 4 × no face found; prepar" in (
        capsys.readouterr().err
    )
    assert "nothing is held out for testing" in prepared.summary
    assert "4 faces kept, 4 dropped" in prepared.summary
    assert len(data.load_faces(config, 64, "train")) == 4
    assert not len(data.load_faces(config, 64, "test"))
    assert [p.name for p in Path(config.data_dir).iterdir()] == ["folder"]


@pytest.mark.parametrize("good", ["a.jpg", "b.jpg"])
def test_one_face_is_enough(config, source, tmp_path, good):
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in ("a.jpg", "b.jpg"):
        Image.new("RGB", (64, 64), "gray").save(photos / name)
    shutil.copy(next((source / "photos").iterdir()), photos / good)
    table = tmp_path / "aus.csv"
    table.write_text("file,AU12\na.jpg,2\nb.jpg,3\n")
    config = dataclasses.replace(config, source_dir=str(photos), aus=str(table))
    summary = data.prepare(config, 64).summary
    assert "1 faces kept, 1 dropped" in summary
    assert "only one subject: nothing is held out" in summary


def test_foreign_and_very_long_names(config, source, tmp_path):
    lines = (source / "aus.csv").read_text().splitlines()
    names = ["Zoë 微笑 😀.jpg", "x" * 236 + ".jpg", "é" * 120 + ".JPG"]
    (tmp_path / "photos" / "Ordner für Fotos").mkdir(parents=True)
    rows = []
    for name, row in zip(names, lines[1:4], strict=True):
        file, *cells = row.split(",")
        shutil.copy(
            source / "photos" / file,
            tmp_path / "photos" / "Ordner für Fotos" / name,
        )
        rows.append(",".join([name, *cells]))
    table = tmp_path / "Tabelle – é.csv"
    table.write_text("\n".join([lines[0], *rows]), "utf-8")
    config = dataclasses.replace(
        config, source_dir=str(tmp_path / "photos"), aus=str(table)
    )
    found = data.load_faces(config, 64, "train").filenames.tolist()
    assert sorted(found) == sorted(f"Ordner für Fotos/{n}" for n in names)
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
    config = dataclasses.replace(config, source_dir="", aus="")
    assert fingerprint() == ""


def test_photos_that_go_while_they_are_listed_are_told(config, monkeypatch):
    monkeypatch.setattr(datasets, "files_below", lambda *given: ["gone.jpg"])
    with pytest.raises(UserError, match="changed while they were read"):
        data.prepare(config, 64)


def test_options_of_beam_without_beam_are_refused(config, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    config = dataclasses.replace(
        config, beam_runner="auto", beam_options="direct_num_workers=2"
    )
    with pytest.raises(UserError, match="--beam_options needs Apache Beam"):
        data.prepare(config, 64)


@pytest.mark.parametrize("dataset", ["folder", "cfee"])
def test_a_missing_table_is_what_is_asked_for(config, dataset):
    config = dataclasses.replace(config, dataset=dataset, aus="")
    with pytest.raises(UserError, match="photos needs a table.*--aus=auto"):
        data.prepare(config, 64)


def test_a_table_of_other_photos(config, source, tmp_path):
    table = tmp_path / "aus.csv"
    table.write_text(
        (source / "aus.csv").read_text().replace("\ns", "\nother_s")
    )
    config = dataclasses.replace(config, aus=str(table))
    with pytest.raises(UserError, match="table of another data set"):
        data.prepare(config, 64)


@pytest.mark.parametrize("column", ["subject", "view"])
def test_missing_subjects_or_views_are_warned_about(
    config, source, tmp_path, column
):
    table = tmp_path / "aus.csv"
    table.write_text((source / "aus.csv").read_text().replace(column, "x", 1))
    config = dataclasses.replace(config, aus=str(table))
    assert f"no column '{column}'" in data.prepare(config, 64).summary


def test_the_contact_sheet_is_a_picture(config):
    folder = data.prepare(config, 64).folder
    width, height = Image.open(folder / "contact_sheet.png").size
    assert width > 128 and height > 128


def test_data_by_hand_is_found_where_tfds_keeps_it(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    config = DataConfig(dataset="cfee", data_dir=str(tmp_path / "data"))
    assert store.located(config) == config
    home = tmp_path / "home/tensorflow_datasets/downloads/manual/cfee"
    home.mkdir(parents=True)
    assert store.located(config).source_dir == str(home)
    own = tmp_path / "data/downloads/manual/cfee"
    own.mkdir(parents=True)
    found = store.located(config)
    assert (found.source_dir, found.aus) == (str(own), "")
    said = dataclasses.replace(config, source_dir="there", aus="this.csv")
    assert store.located(said) == said


def test_data_by_hand_is_found_by_its_photos(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    config = DataConfig(dataset="cfee", data_dir=str(tmp_path / "data"))
    manual = tmp_path / "tfds" / "downloads" / "manual"
    folder = manual / "CFEE_Database_230"
    (folder / "01-04" / "Images1").mkdir(parents=True)
    (manual / "holiday.jpg").touch()
    assert store.located(config) == config
    (folder / "01-04" / "Images1" / "02_339_3470.jpg").touch()
    assert store.located(config).source_dir == str(folder)
    (manual / "02_340_3471.jpg").touch()
    assert store.located(config).source_dir == str(manual)
    rafd = dataclasses.replace(config, dataset="rafd")
    assert store.located(rafd) == rafd


def test_those_on_a_list_are_never_trained_on(config, source, tmp_path):
    rows = tables.read_table(source / "aus.csv").rows
    name = min(row.subject for row in rows.values())
    listed = tmp_path / "held_out.csv"
    listed.write_text(f"subject\n{name}\n")
    config = dataclasses.replace(config, held_out_list=str(listed))
    assert set(data.load_faces(config, 64, "test").subjects) == {name}
    assert name not in data.load_faces(config, 64, "train").subjects

    photos = tmp_path / "photos"
    shutil.copytree(source / "photos", photos)
    for file, row in rows.items():
        if row.subject == name:
            Image.new("RGB", (64, 64), "gray").save(photos / file)
    config = dataclasses.replace(config, source_dir=str(photos))
    with pytest.raises(UserError, match="no face was kept .* test split"):
        data.prepare(config, 64)
