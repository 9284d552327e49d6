"""The page in a real browser: what people do, and what they see then.

`visit` sees to it that no page complains on its console or asks another
machine for anything.
"""

import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from efgan_tf import action_units
from efgan_tf.interface.sample_photos import sample_path
from efgan_tf.interface.session import STEP
from tests.browser import DESKTOP, PHONE

ONE, OTHER = map(sample_path, ("One person", "A third"))

EDIT, PHOTO = "#viewer img.edit", "#viewer img.photo"


@pytest.fixture
def start(visit, site):
    """`start(size)` opens the page with its samples."""

    def open_page(size=DESKTOP, **options):
        page = visit(site, size, **options)
        page.wait_for_selector("#samples button")
        return page

    return open_page


def _upload(page, path):
    page.set_input_files("#photo input[type=file]", path)


def _open(page, path=ONE):
    """Uploads a photo and waits for it."""
    _upload(page, path)
    page.wait_for_selector(f"{EDIT}[src^=data]")
    return page


def _says(page, text, line="#status"):
    """Waits until the line below the picture has a text."""
    page.locator(f"{line} p", has_text=text).wait_for()


def _shown(page, image=EDIT):
    return page.get_attribute(image, "src")


def _slider(page, unit):
    name = f"{action_units.DESCRIPTIONS[unit].capitalize()} ({unit})"
    return page.get_by_label(f"range slider for {name}")


def _click(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def _download(page, name):
    """Name and content of what a button gives."""
    with page.expect_download() as waiting:
        _click(page, name)
    return waiting.value.suggested_filename, waiting.value.path().read_bytes()


def test_a_slider_moves_the_face_and_a_reset_restores_the_photo(start):
    page = _open(start())
    _says(page, "As in the photo")
    photo = _shown(page, PHOTO)
    assert _shown(page) == photo
    slider = _slider(page, "AU26")
    before = float(slider.input_value())
    slider.focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    _says(page, "AU26 +2")
    assert float(slider.input_value()) == pytest.approx(before + 2)
    page.wait_for_function(
        "([image, photo]) => document.querySelector(image).src != photo",
        arg=[EDIT, photo],
    )
    _click(page, "Reset to the photo")
    _says(page, "As in the photo")
    assert _shown(page) == photo
    assert float(slider.input_value()) == before


def test_a_preset_moves_the_sliders_and_the_second_tab_shows_the_stages(start):
    page = _open(start())
    page.get_by_role("tab", name="Stages and attention").click()
    page.get_by_text("Change the expression to see").wait_for()
    _click(page, "Happy")
    _says(page, "AU12 +3")
    for unit, value in zip(
        action_units.NAMES, action_units.preset("happy"), strict=True
    ):
        shown = float(_slider(page, unit).input_value())
        assert shown == pytest.approx(value, abs=STEP / 2 + 1e-6)
    captions = page.locator("#figures figcaption").all_inner_texts()
    assert captions == [
        "photo", "as the model sees it", "stage 1", "stage 2",
        "attention: face", "attention: eyes", "attention: nose",
        "attention: mouth", "attention: refiner", "attention: all", "result",
    ]  # fmt: skip
    assert page.locator("#figures img").evaluate_all(
        "images => images.every(image => image.naturalWidth > 0)"
    )
    intensity = page.get_by_label("range slider for Intensity")
    intensity.fill("0")
    _says(page, "As in the photo")
    page.get_by_role("tab", name="Result").click()
    assert _shown(page) == _shown(page, PHOTO)


def test_bad_files_are_refused_and_the_page_goes_on(start, tmp_path):
    page = start()
    texts = {
        "text.jpg": "text.jpg: not a picture of a known format",
        "wall.png": "wall.png: no face was found; try a photo",
        "vast.png": "vast.png: over 4 megapixels; shrink it first",
    }
    (tmp_path / "text.jpg").write_text("no picture")
    Image.new("RGB", (200, 200), "gray").save(tmp_path / "wall.png")
    Image.new("L", (3000, 2000)).save(tmp_path / "vast.png")
    for name, text in texts.items():
        _upload(page, tmp_path / name)
        _says(page, text, "#trouble")
        page.get_by_text(text).nth(1).wait_for()  # where one looks, too
    (tmp_path / "heavy.jpg").write_bytes(ONE.read_bytes() + bytes(2**20))
    _upload(page, tmp_path / "heavy.jpg")
    page.get_by_text("exceed the maximum allowed size").wait_for()
    _open(page)
    _says(page, "As in the photo")


def test_expressions_come_from_photos_and_files_and_go_to_files(
    start, tmp_path
):
    page = _open(start())
    photo, expression = page.locator("#controls input[type=file]").all()
    photo.set_input_files(OTHER)
    _says(page, "Changed: ")
    moved = page.inner_text("#status p")
    name, content = _download(page, "Save expression")
    assert name == "one_expression.json"
    saved = json.loads(content)["action_units"]
    for unit in action_units.NAMES:
        shown = float(_slider(page, unit).input_value())
        assert shown == pytest.approx(saved[unit], abs=0.051)
    _click(page, "Reset to the photo")
    _says(page, "As in the photo")
    (tmp_path / "mine.json").write_bytes(content)
    expression.set_input_files(tmp_path / "mine.json")
    # The largest change; rounding in the file may swap others.
    _says(page, moved.split(",")[0])
    (tmp_path / "wild.json").write_text('{"action_units": {"AU12": 9}}')
    expression.set_input_files(tmp_path / "wild.json")
    _says(page, "wild.json: AU12=9 is out of range; intensities are 0 to 5")
    # Markup in a file is shown as text.
    odd = "<b id='odd'>AU12</b>"
    (tmp_path / "odd.json").write_text(json.dumps({"action_units": {odd: 1}}))
    expression.set_input_files(tmp_path / "odd.json")
    page.locator(".toast-body", has_text=odd).wait_for()
    assert not page.locator("#odd").count()
    _click(page, "Sad")
    _says(page, "Changed: ")


def test_picture_and_animation_can_be_downloaded(start):
    page = _open(start())
    _click(page, "Download GIF")
    page.get_by_text("nothing moves yet").wait_for()
    _click(page, "Surprised")
    _says(page, "AU26")
    name, content = _download(page, "Download picture")
    assert name == "one_edited.jpg"
    with Image.open(io.BytesIO(content)) as edited, Image.open(ONE) as photo:
        assert edited.size == photo.size
        change = np.asarray(edited, int) - np.asarray(photo, int)
        assert np.abs(change).max() > 60
    name, content = _download(page, "Download GIF")
    assert name == "one_animated.gif"
    with Image.open(io.BytesIO(content)) as animation:
        assert animation.n_frames > 10


def test_each_of_several_faces_is_chosen_and_changed(start):
    page = start()
    page.get_by_role("button", name="All three").click()
    faces = page.locator("#faces button")
    faces.nth(2).wait_for()
    faces.nth(0).click()
    _says(page, "Face 1: as in the photo")
    _click(page, "Happy")
    _says(page, "Face 1: changed: AU12")
    faces.nth(2).click()
    _says(page, "Face 3: as in the photo")
    pressed = [face.get_attribute("aria-pressed") for face in faces.all()]
    assert pressed == ["false", "false", "true"]
    _click(page, "Angry")
    _says(page, "Face 3: changed: AU04")
    _click(page, "Give to all faces")
    faces.nth(0).click()
    _says(page, "Face 1: changed: AU04")
    _click(page, "Another photo")
    page.locator("#samples button").nth(3).wait_for()


def test_photo_and_edit_are_compared_with_the_keyboard(start):
    page = _open(start())
    wipe = page.get_by_label("Wipe: how much of the photo is shown")
    wipe.focus()
    page.keyboard.press("End")
    frames = page.locator(".frames")
    assert frames.evaluate(
        "frames => getComputedStyle(frames).getPropertyValue('--wipe')"
    ) == "100"  # fmt: skip
    _click(page, "Happy")
    _says(page, "AU12")
    assert wipe.input_value() == "100"  # a new edit leaves it where it is
    page.get_by_role("radio", name="Wipe").focus()
    page.keyboard.press("ArrowRight")
    left, right = (page.locator(each).bounding_box() for each in (PHOTO, EDIT))
    assert left["x"] + left["width"] <= right["x"]
    page.keyboard.press("ArrowRight")
    assert not page.locator(PHOTO).is_visible()
    assert page.locator(EDIT).is_visible()


def test_all_of_it_fits_a_phone_and_the_picture_stays_in_view(start):
    page = _open(start(PHONE, has_touch=True))
    _click(page, "Happy")
    _says(page, "AU12")
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE[0]
    last = _slider(page, "AU26")
    last.scroll_into_view_if_needed()
    last.fill("3")
    _says(page, "AU26 +")
    picture, slider = page.locator(EDIT).bounding_box(), last.bounding_box()
    assert 0 <= picture["y"]
    assert picture["y"] + picture["height"] < slider["y"] < PHONE[1]
    page.evaluate("scrollTo(0, 0)")
    page.get_by_role("tab", name="Stages and attention").click()
    figures = page.locator(".figures").bounding_box()
    status = page.locator("#status").bounding_box()
    assert figures["y"] + figures["height"] <= status["y"]


_NAMES = """() => [...document.querySelectorAll(
    "button, input, select, textarea, [role=slider], [tabindex='0']")]
  .filter(each => each.checkVisibility() && !each.disabled)
  .filter(each => !(each.innerText || each.ariaLabel || each.title ||
                    [...each.labels ?? []].some(label => label.innerText)))
  .map(each => each.outerHTML)"""


def test_every_control_has_a_name_and_is_reached_with_the_tab_key(start):
    page = start()
    assert page.evaluate(_NAMES) == []
    page.keyboard.press("Tab")
    for _ in range(20):
        if page.evaluate("document.activeElement.closest('#samples')"):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector(f"{EDIT}[src^=data]")
    assert page.evaluate(_NAMES) == []
    wanted = {f"range slider for {action_units.DESCRIPTIONS[unit].capitalize()}"
              f" ({unit})" for unit in action_units.NAMES}  # fmt: skip
    page.evaluate("document.body.focus()")
    for _ in range(120):
        page.keyboard.press("Tab")
        wanted.discard(page.evaluate("document.activeElement.ariaLabel"))
    assert not wanted


def test_a_camera_is_a_photo_like_another(start):
    page = start(permissions=["camera"])
    page.get_by_label("Capture from camera").click()
    page.get_by_text("Click to Access Webcam").click()
    page.wait_for_function(  # the camera begins to see
        "document.querySelector('#photo video')?.videoWidth > 0"
    )
    page.get_by_label("capture photo").click()
    # The test's camera shows a pattern.
    _says(page, "no face was found", "#trouble")
    page.get_by_label("Upload file").click()
    _open(page)


def test_light_and_dark_can_be_read(start):
    texts = "#header p", "#status p", "#footer footer", ".units label"
    for scheme in ("light", "dark"):
        page = _open(start(color_scheme=scheme))
        for text in texts:
            assert _contrast(page, text) >= 4.5, (scheme, text)


def _contrast(page, selector):
    """Of a text with what is behind it, as WCAG defines it."""
    colors = page.locator(selector).first.evaluate(
        """element => {
          const color = getComputedStyle(element).color;
          const clear = "rgba(0, 0, 0, 0)";
          while (getComputedStyle(element).backgroundColor === clear)
            element = element.parentElement;
          return [color, getComputedStyle(element).backgroundColor];
        }"""
    )
    one, other = sorted(map(_luminance, colors))
    return (other + 0.05) / (one + 0.05)


def _luminance(color):
    rgb = np.array(re.findall(r"[\d.]+", color)[:3], float) / 255
    linear = np.where(
        rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4
    )
    return linear @ [0.2126, 0.7152, 0.0722]
