"""Parts of the report on edits: the face, the stages, every slider."""

from collections.abc import Mapping, Sequence

import numpy as np

from efgan_tf import action_units, geometry
from efgan_tf.editing.aligned_photos import AlignedPhoto, close_up, reduced
from efgan_tf.editing.edit_drawing import sweep
from efgan_tf.editing.editor import Editor
from efgan_tf.editing.results import EditedFace, EditedPhoto
from efgan_tf.explaining import edit_sheets
from efgan_tf.explaining.report_page import ReportTable, Section

_STRIP_SIDE = 128
_PHOTO_SIDE = 720


def face_section(
    aligned_photo: AlignedPhoto, boxes: Mapping[str, geometry.Box]
) -> Section:
    """Where the face is in its photo, and the regions in it.

    Args:
      aligned_photo: a photo with one face.
      boxes: of the local branches, in the aligned face's pixels.
    """
    small = reduced(aligned_photo, _PHOTO_SIDE)
    return Section(
        "The face",
        "The face is found, turned upright and brought to a fixed frame. "
        "Everything below happens in that frame.",
        [edit_sheets.draw_regions(small, boxes)],
    )


def edit_section(
    face: EditedFace,
    boxes: Mapping[str, geometry.Box],
    methods: Sequence[str],
) -> Section:
    """What the stages of an edit did: attention, residuals or both.

    Args:
      face: an edited face.
      boxes: of the local branches.
      methods: "attention", "residuals"; others do not matter.
    """
    sheets, arrays = [], {}
    if "attention" in methods:
        sheets.append(edit_sheets.draw_attention(face, boxes))
        arrays["attention"] = face.edits.attention[0, ..., 0]
        for name, attention in face.edits.branches.items():
            arrays[f"attention/{name}"] = attention[0, ..., 0]
    if "residuals" in methods:
        sheets.append(edit_sheets.draw_residuals(face))
        arrays["residuals"] = edit_sheets.residuals(face)
    return Section(
        "An edit, stage by stage",
        "The edit goes from what the face shows to what was asked for, in "
        "stages. Attention says where a branch puts new pixels, the residuals "
        "say what changed.",
        sheets,
        _units_table(face),
        arrays,
    )


def strip_section(
    editor: Editor, aligned_photo: AlignedPhoto, units: Sequence[str]
) -> Section:
    """The face at every position of each slider, and what is read of it.

    Args:
      editor: edits, with an estimator.
      aligned_photo: a photo with one face.
      units: names of the sliders.
    """
    near = close_up(aligned_photo, 0, _STRIP_SIDE)
    swept = {name: sweep(editor, near, name) for name in units}
    readings = {
        name: _readings(editor, name, edits) for name, edits in swept.items()
    }
    return Section(
        "Every slider",
        "A row for each slider. A slider does its work if the picture changes "
        "where the unit shows and nowhere else, and if the curve rises.",
        [
            edit_sheets.draw_strip(names, swept, readings, region)
            for region, names in action_units.by_region(units).items()
        ],
        arrays={f"strip/{name}": read for name, read in readings.items()},
    )


def _readings(
    editor: Editor, name: str, edits: Sequence[EditedPhoto]
) -> np.ndarray:
    """What the estimator reads of one unit in edited faces: `[n]`."""
    results = np.stack([each.faces[0].edits.images[0, -1] for each in edits])
    return editor.model.estimate(results)[:, action_units.NAMES.index(name)]


def _units_table(face: EditedFace) -> ReportTable:
    rows = zip(
        action_units.NAMES,
        face.source_action_units,
        face.target_action_units,
        strict=True,
    )
    return ReportTable(
        "The action units of the face before and after, 0–5",
        ["unit", "meaning", "source", "target"],
        [
            [
                name,
                action_units.DESCRIPTIONS[name],
                f"{source:.2f}",
                f"{target:.2f}",
            ]
            for name, source, target in rows
        ],
    )
