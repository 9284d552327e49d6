"""Faces and edits told to people and to programs."""

from collections.abc import Sequence

import numpy as np

from efgan_tf import action_units
from efgan_tf.editing.expression_file import to_json_units
from efgan_tf.editing.results import Edited, EditedFace
from efgan_tf.editing.subjects import Subject
from efgan_tf.faces.detection import Face


def face_to_json(index: int, face: Face | EditedFace) -> dict:
    """Where a face is: index, box, landmarks, confidence; in pixels."""
    return {
        "index": index,
        "box": [round(float(value), 1) for value in face.box],
        "landmarks": [
            [round(float(value), 1) for value in point]
            for point in face.landmarks
        ],
        "confidence": round(face.confidence, 4),
    }


def faces_to_json(faces: Sequence[Face]) -> list[dict]:
    """Every face of a photo, left to right."""
    return [face_to_json(index, face) for index, face in enumerate(faces)]


def edited_to_json(edited: Edited) -> list[dict]:
    """The faces of an edit with their units before and after."""
    return [
        {
            "box": [round(float(value), 1) for value in face.box],
            "confidence": round(face.confidence, 4),
            "source_action_units": to_json_units(face.source_action_units),
            "target_action_units": to_json_units(face.target_action_units),
        }
        for face in edited.faces
    ]


def edit_lines(edited: Edited) -> list[str]:
    """What was done, for the screen: a small table for each face."""
    lines = list(edited.notes)
    for face in edited.faces:
        lines.append(_place(face.box, len(face.aligned)))
        lines += _table(
            source=face.source_action_units, target=face.target_action_units
        )
    return lines


def subject_lines(subject: Subject) -> list[str]:
    """What the faces of a photo show, likewise."""
    lines = list(subject.notes)
    for each in subject.faces:
        lines.append(_place(each.face.box, len(each.aligned)))
        lines += _table(source=each.source)
    return lines


def _place(box: np.ndarray, side: int) -> str:
    left, top, width, height = box
    return (
        f"face of {width:.0f}×{height:.0f} pixels at {left:.0f},{top:.0f}, "
        f"edited at {side}×{side}"
    )


def _table(**columns: np.ndarray) -> list[str]:
    """Titles of six letters → units `[17]`; those that no column has go."""
    rows = [
        f"  {name}"
        + "".join(f"  {value:6.2f}" for value in values)
        + f"  {action_units.DESCRIPTIONS[name]}"
        for name, *values in zip(
            action_units.NAMES, *columns.values(), strict=True
        )
        if max(values) >= 0.05
    ]
    return ["        " + "  ".join(columns), *rows]
