"""Pictures with axes: faces, heat over them, signed changes, color bars."""

import dataclasses
import functools
import io
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from efgan_tf import action_units, geometry
from efgan_tf.common.figures import new_figure

HEAT, SIGNED = "inferno", "RdBu_r"

BOX_COLORS = {"eyes": "#1f9e89", "nose": "#d9730d", "mouth": "#7a4bd0"}

_OVER = 0.65  # opacity of heat over a face
_BAR = 4.0  # inches, the longest color bar
_DPI = 100
_TEXT = 8


@dataclasses.dataclass(frozen=True, eq=False)
class Sheet:
    """A drawn picture.

    Attributes:
      name: of its file, without suffix.
      caption: what it shows, in a sentence.
      figure: of Matplotlib.
      alt: its content for who cannot see it.
    """

    name: str
    caption: str
    figure: Any
    alt: str

    @functools.cached_property
    def png(self) -> bytes:
        """The picture as a file."""
        drawn, packed = io.BytesIO(), io.BytesIO()
        self.figure.savefig(drawn, dpi=_DPI)
        Image.open(drawn).convert("RGB").save(packed, "png", optimize=True)
        return packed.getvalue()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture in pixels."""
        with Image.open(io.BytesIO(self.png)) as image:
            return image.size


def panels(rows: int, columns: int, cell: tuple[float, float], title: str):
    """A figure with rows and columns of axes without ticks.

    Args:
      rows: of panels.
      columns: likewise.
      cell: width and height of each in inches.
      title: above all.

    Returns:
      The figure, and its axes `[rows, columns]`.
    """
    size = columns * cell[0] + 1.0, rows * cell[1] + 0.8
    figure, grid = new_figure(rows, columns, size, squeeze=False)
    figure.suptitle(title, fontsize=_TEXT + 3)
    for axes in grid.flat:
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_frame_on(False)
    return figure, grid


def show_picture(axes, picture: np.ndarray, title: str = ""):
    """uint8 `[height, width, 3]`."""
    axes.set_title(title, fontsize=_TEXT)
    shown = axes.imshow(picture, interpolation="nearest")
    axes.autoscale(False)  # what is drawn upon it does not widen it
    return shown


def show_heat(
    axes, face: np.ndarray, values: np.ndarray, top: float, title: str = ""
):
    """Values 0 … `top` as heat over a gray face; 0 is the darkest.

    Args:
      axes: where.
      face: uint8 `[height, width, 3]`.
      values: `[height, width]`.
      top: of the color scale.
      title: above.
    """
    show_picture(axes, np.repeat(gray(face)[..., None], 3, axis=-1), title)
    return axes.imshow(
        values, cmap=HEAT, vmin=0.0, vmax=top, alpha=_OVER,
        interpolation="nearest",
    )  # fmt: skip


def show_signed(axes, values: np.ndarray, reach: float, title: str = ""):
    """Values -`reach` … `reach`, white at 0, red above and blue below."""
    axes.set_title(title, fontsize=_TEXT)
    return axes.imshow(
        values, cmap=SIGNED, vmin=-reach, vmax=reach, interpolation="nearest"
    )


def color_bar(figure, shown, axes, label: str) -> None:
    """The scale of a heat map or a signed one."""
    width = figure.get_size_inches()[0]
    bar = figure.colorbar(
        shown, ax=axes, location="bottom", aspect=40, pad=0.02,
        shrink=min(1.0, _BAR / width),
    )  # fmt: skip
    bar.set_label(label, fontsize=_TEXT)
    bar.ax.tick_params(labelsize=_TEXT - 1)


def label_row(axes, text: str) -> None:
    """A text left of a row's first panel."""
    axes.set_ylabel(text, fontsize=_TEXT, rotation=0, ha="right", va="center")


def unit_label(name: str) -> str:
    """`"AU12"` and below it what it is, in short lines."""
    words = textwrap.wrap(action_units.DESCRIPTIONS[name], 12)
    return "\n".join([name, *words])


def outline(axes, box: geometry.Box, color: str, label: str = "") -> None:
    """A region's box, with its name inside its upper left corner."""
    from matplotlib.patches import Rectangle

    axes.add_patch(
        Rectangle(
            (box.left - 0.5, box.top - 0.5),
            box.width,
            box.height,
            fill=False,
            edgecolor=color,
            linewidth=1.5,
        )  # fmt: skip
    )
    axes.text(
        box.left + 1, box.top + 1, label, color="white", fontsize=_TEXT,
        va="top", bbox={"facecolor": color, "edgecolor": "none", "pad": 1.5},
    )  # fmt: skip


def gray(picture: np.ndarray) -> np.ndarray:
    """Brightness (Rec. 601) of `[…, 3]`, in the picture's dtype and scale."""
    weights = np.array([0.299, 0.587, 0.114], np.float32)
    return (picture @ weights).astype(picture.dtype)


def listed(names: Sequence[str]) -> str:
    """`"AU01, AU02 and AU04"`."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
