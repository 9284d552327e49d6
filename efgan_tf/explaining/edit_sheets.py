"""Sheets of an edit: where and how each stage changes the face."""

from collections.abc import Mapping, Sequence

import numpy as np

from efgan_tf import geometry
from efgan_tf.common.images import (
    LEVELS_PER_UNIT,
    eight_bits,
    to_float,
    to_uint8,
)
from efgan_tf.editing.aligned_photos import AlignedPhoto
from efgan_tf.editing.edit_drawing import INTENSITIES
from efgan_tf.editing.results import EditedFace, EditedPhoto
from efgan_tf.explaining import plots
from efgan_tf.explaining.plots import BOX_COLORS, Sheet

_CELL = 1.7, 1.95
_WHOLE = {"face": "global branch", "refiner": "refiner"}


def draw_regions(
    aligned_photo: AlignedPhoto, boxes: Mapping[str, geometry.Box]
) -> Sheet:
    """The photo with the face's square, and the boxes in the aligned face.

    Args:
      aligned_photo: a photo with one face.
      boxes: of the regions, in the aligned face's pixels.
    """
    (face,) = aligned_photo.faces
    size = len(face.aligned)
    to_photo = geometry.invert(geometry.alignment(face.face.landmarks, size))
    figure, grid = plots.panels(1, 2, (3.6, 3.6), "How the face is aligned")
    photo, aligned = grid[0]
    plots.show_picture(photo, eight_bits(aligned_photo.photo), "photo")
    corners = np.array([(0, 0), (size, 0), (size, size), (0, size), (0, 0)])
    # Matplotlib puts pixel centers at whole numbers, we at halves.
    photo.plot(*(geometry.apply(to_photo, corners) - 0.5).T, color="#e8c520")
    points = face.face.landmarks - 0.5
    photo.plot(*points.T, "o", color="#e8c520", markersize=3)
    plots.show_picture(aligned, face.aligned, f"aligned, {size}×{size}")
    for name, box in boxes.items():
        plots.outline(aligned, box, BOX_COLORS[name], name)
    aligned.plot(
        *(geometry.TEMPLATE * size - 0.5).T, "+", color="white", markersize=8
    )
    return Sheet(
        "regions",
        "Left the photo with the square that is cut out of it and the "
        "points that it is aligned by; right what the networks see, with the "
        "boxes of the local branches and, as crosses, the places that eyes "
        "and nose are brought to.",
        figure,
        "The photo with a square around the face, and the aligned face with "
        "a box around the eyes, the nose and the mouth.",
    )


def draw_attention(
    edited: EditedFace, boxes: Mapping[str, geometry.Box]
) -> Sheet:
    """The attention of every branch in every stage, over the stage's result.

    Args:
      edited: a face and what the cascade made of it.
      boxes: of the regions, in the aligned face's pixels.
    """
    edits = edited.edits
    columns = {**edits.branches, "all": edits.attention}
    count = edits.images.shape[1]
    figure, grid = plots.panels(
        count, 1 + len(columns), _CELL, "Attention: 1 is new, 0 is kept"
    )
    for stage in range(count):
        result = to_uint8(edits.images[0, stage])
        plots.show_picture(grid[stage, 0], result, f"stage {stage + 1}")
        for column, (name, attention) in enumerate(columns.items(), 1):
            axes, values = grid[stage, column], attention[0, stage, ..., 0]
            title = _WHOLE.get(name, name)
            if name == "all":
                title = "all, up to here"
            seen = values
            if name in boxes:
                plots.outline(axes, boxes[name], BOX_COLORS[name])
                seen = geometry.crop(values[None], boxes[name])
            mean = f"mean {seen.mean():.2f}"
            shown = plots.show_heat(
                axes, result, values, 1.0, f"{title}\n{mean}"
            )
    plots.color_bar(figure, shown, grid, "attention")
    return Sheet(
        "attention",
        "What each branch renews in each stage. A local branch sees its box "
        "alone, and its mean is over that; the last column is the share of "
        "the source that all stages so far have replaced.",
        figure,
        f"Heat maps of attention: {count} rows for the stages, columns for "
        f"{plots.listed(list(columns))}.",
    )


def residuals(edited: EditedFace) -> np.ndarray:
    """What each stage changed: float32 `[K, size, size, 3]`, 8-bit levels.

    Their sum is the whole change.
    """
    before = to_float(edited.aligned)[None]
    steps = np.concatenate([before, edited.edits.images[0]])
    return np.diff(steps, axis=0) * LEVELS_PER_UNIT


def draw_residuals(edited: EditedFace) -> Sheet:
    """Source and stages above, the change of brightness of each below."""
    changes = residuals(edited)
    count = len(changes)
    signed = plots.gray(np.concatenate([changes, changes.sum(0)[None]]))
    reach = max(1.0, float(np.abs(signed).max()))
    figure, grid = plots.panels(2, count + 1, _CELL, "What each stage changes")
    plots.show_picture(grid[0, 0], edited.aligned, "source")
    plots.show_signed(grid[1, 0], signed[-1], reach, "whole change")
    for stage, image in enumerate(edited.edits.images[0], 1):
        plots.show_picture(grid[0, stage], to_uint8(image), f"stage {stage}")
        shown = plots.show_signed(
            grid[1, stage], signed[stage - 1], reach, f"change by stage {stage}"
        )
    plots.color_bar(figure, shown, grid, "change of brightness in 8-bit levels")
    return Sheet(
        "residuals",
        "Above the face after each stage, below what the stage made brighter "
        "(red) or darker (blue); white is as it was. All have one scale.",
        figure,
        f"The source and {count} stages, and below a signed map of each "
        "stage's change and of the whole.",
    )


def draw_strip(
    units: Sequence[str],
    swept: Mapping[str, Sequence[EditedPhoto]],
    readings: Mapping[str, np.ndarray],
    region: str,
) -> Sheet:
    """The face at every position of a slider, and what is read of it.

    Args:
      units: names of the units, a row for each.
      swept: unit → the edits at `INTENSITIES`.
      readings: unit → `[m]`, the estimator's reading of each.
      region: where the units show, for the name.
    """
    title = f"Response to each slider: {region}"
    count = len(INTENSITIES)
    figure, grid = plots.panels(len(units), count + 1, (1.25, 1.3), title)
    for row, name in enumerate(units):
        plots.label_row(grid[row, 0], plots.unit_label(name))
        for column, edit in enumerate(swept[name]):
            position = f"{INTENSITIES[column]:.1f}"
            plots.show_picture(
                grid[row, column], edit.image, "" if row else position
            )
        _draw_curve(grid[row, -1], readings[name], "" if row else "read")
    return Sheet(
        f"strip_{region}",
        f"{title}. One unit goes from 0 to 5, the others stay; right what the "
        "estimator reads of the results (dotted: as asked).",
        figure,
        f"For {plots.listed(list(units))} the face at seven positions of "
        "the slider and a curve of the estimator's readings.",
    )


def _draw_curve(axes, readings: np.ndarray, title: str) -> None:
    axes.set_frame_on(True)
    axes.plot([0, 5], [0, 5], color="gray", linestyle=":", linewidth=1)
    axes.plot(INTENSITIES, readings, marker="o", markersize=2.5, linewidth=1)
    axes.set_title(title, fontsize=8)
    axes.set_xlim(-0.3, 5.3)
    axes.set_ylim(-0.3, 5.3)
    axes.set_box_aspect(1)
    axes.set_xticks([0, 5])
    axes.set_yticks([0, 5])
    axes.tick_params(labelsize=6, pad=1, length=2)
