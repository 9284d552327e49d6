"""The command: pictures that say what the networks say, and one whole page."""

import html.parser
import re

import numpy as np
import pytest
from PIL import Image

from efgan_tf import commands, visualize
from efgan_tf.common.images import to_float
from efgan_tf.explaining.visualize_settings import METHODS, VisualizeConfig
from efgan_tf.trained.loading import load_network
from tests.editing.scenes import (
    files,
    group_photo,
    portraits,
    tiny_editor,
    tiny_run,
)
from tests.trained.conftest import MASKED, make_exported

VOID = {"meta", "link", "img"}


def run(*arguments):
    return commands.run(
        visualize.main, VisualizeConfig, argv=["visualize", *arguments]
    )


@pytest.fixture(scope="module")
def folder(rendered, tmp_path_factory):
    """With `photo.png`, `none.png` without a face, and `text.png`."""
    path = tmp_path_factory.mktemp("photos")
    photo = portraits(rendered)[0]
    Image.fromarray(photo).save(path / "photo.png")
    Image.fromarray(photo[:40, :40]).save(path / "none.png")
    Image.fromarray(group_photo(rendered)).save(path / "group.png")
    (path / "text.png").write_text("no picture")
    return path


@pytest.fixture(scope="module")
def explained(folder, tmp_path_factory):
    """Everything of two units of a run with critics."""
    out = tmp_path_factory.mktemp("explained") / "out"
    status = run(
        f"--model={tiny_run()}", f"--image={folder}/photo.png",
        f"--out={out}", "--units=au12,AU04", "--samples=2", "--steps=2",
        "--expression=happy",
    )  # fmt: skip
    assert status == 0
    return out


def test_everything_is_drawn(explained):
    names = files(explained)
    assert {
        "report.html", "maps.npz", "regions.png", "attention.png",
        "residuals.png", "strip_eyes.png", "strip_mouth.png",
        "estimator_eyes.png", "estimator_mouth.png",
        "estimator_maximization.png", "critic_face_eyes.png",
        "critic_face_mouth.png", "critic_eyes_eyes.png",
        "critic_mouth_mouth.png", "critic_mouth_maximization.png",
        "critic_face_maximization.png", "critic_eyes_maximization.png",
    } == set(names)  # fmt: skip
    for name in names:
        if name.endswith(".png"):
            with Image.open(explained / name) as image:
                image.load()
                assert min(image.size) > 100
                assert len(np.unique(np.asarray(image))) > 50


def test_numbers_are_those_of_the_networks(explained, folder):
    # The same edit, made directly.
    photo = np.asarray(Image.open(folder / "photo.png"))
    face = tiny_editor().edit(photo, "happy").faces[0]
    cascade = load_network(tiny_run()).cascade
    outputs = cascade(
        {
            "image": to_float(face.aligned)[None],
            "source_action_units": face.source_action_units[None] / 5,
            "target_action_units": face.target_action_units[None] / 5,
        },
        training=False,
    )
    box = {"eyes": (10, 12, 24, 40), "mouth": (32, 16, 32, 32)}
    with np.load(explained / "maps.npz") as arrays:
        for stage, result in enumerate(outputs["stages"]):
            for name in ("face", "eyes", "mouth", "refiner"):
                expected = result["branches"][name]["attention"][0, ..., 0]
                found = arrays[f"attention/{name}"][stage]
                if name in box:
                    top, left, height, width = box[name]
                    inside = found[top : top + height, left : left + width]
                    assert np.count_nonzero(found) == np.count_nonzero(inside)
                    found = inside
                np.testing.assert_allclose(found, expected, atol=2e-5)
        np.testing.assert_allclose(
            arrays["attention"][-1], outputs["attention"][0, ..., 0], atol=2e-5
        )
        result = outputs["stages"][-1]["image"][0]
        np.testing.assert_allclose(
            arrays["residuals"].sum(axis=0),
            (result - to_float(face.aligned)) * 127.5,
            atol=0.01,
        )
        assert arrays["estimator/units"].tolist() == ["AU04", "AU12"]
        assert arrays["estimator/smoothgrad"].shape == (2, 64, 64)
        assert arrays["critic_mouth/smoothgrad"].shape == (1, 32, 32)
        assert arrays["strip/AU12"].shape == (7,)


class Page(html.parser.HTMLParser):
    """Checks that tags nest, and collects what a page holds."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.errors = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.errors.append((tag, self.getpos()))

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def test_the_page_is_whole_and_needs_nothing_else(explained):
    text = (explained / "report.html").read_text("utf-8")
    assert text.startswith("<!DOCTYPE html>")
    page = Page(text)
    assert not page.errors and not page.open
    assert page.all("html") == [{"lang": "en"}] and len(page.all("h1")) == 1
    assert not page.all("script") and not page.all("iframe")
    for tag, attributes in page.tags:
        for name in ("src", "href"):
            assert re.match(r"data:|#", attributes.get(name) or "#"), tag
    assert "http://" not in text and "https://" not in text
    assert "default-src 'none'" in text and "prefers-color-scheme" in text
    pictures = page.all("img")
    assert len(pictures) == len(list(explained.glob("*.png")))
    assert all(len(picture["alt"]) > 20 for picture in pictures)
    identities = [a["id"] for _, a in page.tags if "id" in a]
    assert len(identities) == len(set(identities))
    links = [a["href"].removeprefix("#") for a in page.all("a")]
    labeled = [a["aria-labelledby"] for a in page.all("section")]
    assert links == labeled == identities


def test_names_cannot_break_the_page():
    from efgan_tf.explaining.report_page import Section, render

    text = render('<run> & "x"', ["<b>"], [Section("<script>", "a < b")])
    page = Page(text)
    assert not page.errors and not page.all("b") and not page.all("script")


def test_a_preset_has_no_critics_and_says_so(folder, tmp_path, capsys):
    out = tmp_path / "out"
    status = run(
        f"--image={folder}/group.png", f"--out={out}", "--units=AU12",
        "--face=left", "--methods=smoothgrad,regions", "--samples=1",
    )  # fmt: skip
    assert status == 0
    assert files(out) == [
        "estimator_mouth.png", "maps.npz", "regions.png", "report.html",
    ]  # fmt: skip
    told = capsys.readouterr().out
    assert "there are no critics in preset:photos128" in told
    assert "3 faces" not in told  # one was named
    assert "There are no critics in" in (out / "report.html").read_text()


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ("--image=", "give --image=PHOTO"),
        ("--out=", "give --out=FOLDER"),
        ("--image={photos}/absent.png", "absent.png"),
        ("--image={photos}", "one photo is explained"),
        (
            "--image={photos}/none.png",
            "none.png: no face was found; frame one with --face",
        ),
        ("--face=all", "name which"),
        ("--units=AU99", "unknown action unit 'AU99'; known are AU01"),
        (f"--units={MASKED}", f"has not learned {MASKED}"),
        ("--methods=lime", f"'lime' is none of {', '.join(METHODS)}"),
        ("--networks=judge", "'judge' is none of estimator, critics"),
        ("--samples=0", "--samples=0 must be"),
        ("--out={photos}", "is not empty"),
        ("--model=absent", "absent does not exist; name a trained model"),
        ("--model={saved}", "is a SavedModel, which holds no Keras networks"),
        (
            "--model={keras} --networks=critics",
            "has no critics; only the folder of a run keeps them",
        ),
    ],
)
def test_bad_requests_get_one_line(
    flags, told, folder, tmp_path, monkeypatch, refusal
):
    monkeypatch.chdir(tmp_path)
    exported = make_exported()
    places = {
        "photos": folder, "saved": exported.saved_model,
        "keras": exported.keras_file,
    }  # fmt: skip
    given = [f"--model={tiny_run()}", f"--image={folder}/photo.png", "--out=x"]
    flags = given + flags.format(**places).split()
    assert told in refusal(visualize.main, VisualizeConfig, flags=flags)
    assert not list(tmp_path.iterdir())
