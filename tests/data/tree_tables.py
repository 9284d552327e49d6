"""Tables of action units for the trees of `tests.data.trees`.

In the dialects of OpenFace, they hold the very units that were rendered.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from efgan_tf import action_units
from tests.data.trees import Face, Tree

_POINT_COLUMNS = [f"{axis}_{i}" for axis in "xy" for i in range(68)]
_OPENFACE_UNITS = [f"{name}_r" for name in action_units.NAMES] + sorted(
    f"{name}_c" for name in (*action_units.NAMES, "AU28")
)


def write_openface_folder(folder: Path, tree: Tree, *, landmarks=False) -> Path:
    """What OpenFace's FaceLandmarkImg writes: a CSV file for each picture.

    Of several faces the one whom the photo is of comes last and is the most
    certain. A picture without any has a header only.

    Args:
      folder: is made.
      tree: whose pictures were looked at.
      landmarks: add the columns x_0 … y_67.
    """
    header = ["face", "confidence"]
    header += [*(_POINT_COLUMNS if landmarks else []), *_OPENFACE_UNITS]
    folder.mkdir(parents=True, exist_ok=True)
    for file, faces in tree.faces.items():
        rows = []
        for number, face in enumerate(reversed(faces)):
            sure = 0.98 if face is faces[0] else 0.85
            row = {"face": number, "confidence": sure} | _points(face)
            rows.append(row | _openface_values(face))
        _save(folder / f"{PurePosixPath(file).stem}.csv", header, rows)
    return folder


def write_feature_extraction(path: Path, tree: Tree) -> Path:
    """What OpenFace's FeatureExtraction writes of a folder: one CSV file.

    Frame n is the nth of `tree.files`, counted from 1. Where no face was found
    `success` is 0, and so are the units. The columns come in another order.
    """
    header = ["frame", "face_id", "timestamp", "confidence", "success"]
    header += ["gaze_0_x", "pose_Rx", *_OPENFACE_UNITS]
    nobody = Face(np.zeros(17, np.float32), np.zeros((5, 2), np.float32))
    rows = []
    for frame, file in enumerate(tree.files, 1):
        found = tree.faces.get(file)
        row = {"frame": frame, "face_id": 0, "timestamp": (frame - 1) / 30}
        row |= {"confidence": 0.98 if found else 0, "success": int(bool(found))}
        row |= {"gaze_0_x": -0.1, "pose_Rx": 6.5}
        rows.append(row | _openface_values(found[0] if found else nobody))
    header = sorted(header, key=lambda name: name[::-1])
    return _save(path, header, rows)


def _save(path: Path, header: Sequence[str], rows: Iterable[dict]) -> Path:
    lines = [header, *([row[name] for name in header] for row in rows)]
    text = "".join(", ".join(map(str, line)) + "\r\n" for line in lines)
    path.write_text(text, "utf-8", newline="")
    return path


def _openface_values(face: Face) -> dict[str, float]:
    values = {"AU28_c": 0}
    for name, value in zip(
        action_units.NAMES, face.action_units.tolist(), strict=True
    ):
        values[f"{name}_r"] = round(value, 2)
        values[f"{name}_c"] = int(value >= 1)
    return values


def _points(face: Face) -> dict[str, float]:
    """The usual 68 points, all of them on the five landmarks."""
    values = np.resize(face.landmarks, (68, 2)).T.ravel().round(4).tolist()
    return dict(zip(_POINT_COLUMNS, values, strict=True))
