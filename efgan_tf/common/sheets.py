"""Sheets of pictures for people to look at: grids with titles or captions."""

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Font = ImageFont.ImageFont | ImageFont.FreeTypeFont

_GAP = 2
_LINE = 14  # height of a line of text


def grid(columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """Pictures in columns, each below its title.

    Args:
      columns: title → uint8 `[rows, side, side, 3]`, all of one shape.

    Returns:
      uint8 `[height, width, 3]`.
    """
    rows, side = next(iter(columns.values())).shape[:2]
    cell = side + _GAP
    sheet = Image.new(
        "RGB", (cell * len(columns) + _GAP, cell * rows + _LINE), "white"
    )
    draw = ImageDraw.Draw(sheet)
    font = _font(side)
    for column, (title, images) in enumerate(columns.items()):
        left = _GAP + column * cell
        draw.text((left, 1), title, fill="black", font=font)
        for row, image in enumerate(images):
            sheet.paste(Image.fromarray(image), (left, _LINE + row * cell))
    return np.asarray(sheet)


def gallery(
    images: np.ndarray,
    captions: Sequence[str],
    across: int = 8,
    legend: Mapping[str, str] | None = None,
) -> np.ndarray:
    """Pictures in rows, each above its caption.

    Args:
      images: uint8 `[n, side, side, 3]`, n ≥ 1.
      captions: n texts of as many lines each; a line that is wider than the
        picture is cut.
      across: how many pictures stand in a row.
      legend: words for the head of the sheet → their colors, as Pillow names
        them.

    Returns:
      uint8 `[height, width, 3]`.
    """
    count, side = images.shape[:2]
    across = min(across, count)
    font, legend = _font(side), legend or {}
    lines = 1 + captions[0].count("\n")
    head = _LINE if legend else 0
    cell = side + _GAP, side + lines * _LINE + _GAP
    words = sum(font.getlength(f"{word}  ") for word in legend)
    width = max(across * cell[0], round(words)) + _GAP
    height = head + -(-count // across) * cell[1] + _GAP
    sheet = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(sheet)
    start: float = _GAP
    for word, color in legend.items():
        draw.text((start, 1), word, fill=color, font=font)
        start += font.getlength(f"{word}  ")
    for index, image in enumerate(images):
        row, column = divmod(index, across)
        left, top = _GAP + column * cell[0], head + _GAP + row * cell[1]
        sheet.paste(Image.fromarray(image), (left, top))
        for number, line in enumerate(captions[index].split("\n")):
            place = left, top + side + number * _LINE
            text = cut_to_fit(line, font, side)
            draw.text(place, text, fill="black", font=font)
    return np.asarray(sheet)


def cut_to_fit(text: str, font: Font, width: int) -> str:
    """The text, or as much of it as fits with "…" behind it."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}…") > width:
        text = text[:-1]
    return f"{text}…"


def _font(side: int) -> Font:
    return ImageFont.load_default(size=9 if side < 100 else 12)
