"""Grids of pictures: everything in its place, no text beyond it."""

import numpy as np
from PIL import ImageFont

from efgan_tf.common import sheets

GAP, LINE = 2, 14


def pictures(count, side=20):
    """All different, none with white in it."""
    generator = np.random.default_rng(0)
    return generator.integers(0, 200, (count, side, side, 3), np.uint8)


def test_grid_has_titled_columns():
    columns = {"a": pictures(2), "b": pictures(4)[2:]}
    sheet = sheets.grid(columns)
    assert sheet.shape == (LINE + 2 * 22, GAP + 2 * 22, 3)
    for column, images in enumerate(columns.values()):
        left = GAP + column * 22
        assert sheet[:LINE, left : left + 20].min() < 128  # the title
        for row, image in enumerate(images):
            top = LINE + row * 22
            np.testing.assert_array_equal(
                sheet[top : top + 20, left : left + 20], image
            )
            assert sheet[top + 20 : top + 22].min() == 255
    assert sheet[LINE:, 22:24].min() == 255


def test_gallery_has_captions_below_its_pictures():
    images = pictures(5, side=40)
    captions = ["one\nline", "W" * 99 + "\n" + "|" * 99, "a\n", "b\n", "\nc"]
    sheet = sheets.gallery(images, captions, across=3)
    cell = 40 + 2 * LINE + GAP
    assert sheet.shape == (2 * cell + GAP, 3 * 42 + GAP, 3)
    places = [divmod(index, 3) for index in range(5)]
    for image, caption, (row, column) in zip(
        images, captions, places, strict=True
    ):
        top, left = GAP + row * cell, GAP + column * 42
        across = slice(left, left + 40)
        np.testing.assert_array_equal(sheet[top : top + 40, across], image)
        for number, line in enumerate(caption.split("\n")):
            start = top + 40 + number * LINE
            written = sheet[start : start + LINE, across].min() < 128
            assert written == bool(line)
    # No caption runs into its neighbor's place, and the last place is free.
    for column in range(4):
        assert sheet[:, column * 42 : column * 42 + GAP].min() == 255
    assert sheet[cell + GAP :, 2 * 42 :].min() == 255


def test_a_legend_in_its_colors_fits_on_a_narrow_sheet():
    legend = {"first": "red", "the second word": "blue"}
    plain = sheets.gallery(pictures(1), [""])
    sheet = sheets.gallery(pictures(1), [""], legend=legend)
    head, rest = sheet[:LINE].astype(int), sheet[LINE:]
    np.testing.assert_array_equal(rest[:, : plain.shape[1]], plain)
    red = np.argwhere(head[:, :, 0] - head[:, :, 2] > 200)[:, 1]
    blue = np.argwhere(head[:, :, 2] - head[:, :, 0] > 200)[:, 1]
    assert len(red) and len(blue) and red.max() < blue.min()
    assert head[:, -1].min() == 255


def test_text_is_cut_no_more_than_it_must():
    font = ImageFont.load_default(size=12)
    text = "subject_with_a_long_name.jpg"
    width = int(font.getlength(text))
    assert sheets.cut_to_fit(text, font, width + 1) == text
    cut = sheets.cut_to_fit(text, font, width // 2)
    assert cut.endswith("…") and text.startswith(cut[:-1])
    longer = text[: len(cut)] + "…"
    assert font.getlength(cut) <= width // 2 < font.getlength(longer)
