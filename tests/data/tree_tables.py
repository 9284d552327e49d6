"""Tables of action units for the trees of `tests.data.trees`.

In the dialects of the programs that people have, they hold the very units that
were rendered.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from efgan_tf import action_units
from tests.data.trees import Face, Tree

_POINT_COLUMNS = [f"{axis}_{i}" for axis in "xy" for i in range(68)]
_RECTANGLE = ["FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight"]
_OPENFACE_UNITS = [f"{name}_r" for name in action_units.NAMES] + sorted(
    f"{name}_c" for name in (*action_units.NAMES, "AU28")
)


def write_openface_folder(
    folder: Path, tree: Tree, *, landmarks=False, shuffled=False
) -> Path:
    """What OpenFace's FaceLandmarkImg writes: a CSV file for each picture.

    Of several faces the one whom the photo is of comes last and is the most
    certain. A picture without any has a header only.

    Args:
      folder: is made.
      tree: whose pictures were looked at.
      landmarks: add the columns x_0 … y_67.
      shuffled: with the columns in another order.
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
        path = folder / f"{PurePosixPath(file).stem}.csv"
        _save(path, header, rows, ", ", "\r\n", shuffled)
    return folder


def write_feature_extraction(path: Path, tree: Tree, *, shuffled=False) -> Path:
    """What OpenFace's FeatureExtraction writes of a folder: one CSV file.

    Frame n is the nth of `tree.files`, counted from 1. Where no face was found
    `success` is 0, and so are the units.
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
    return _save(path, header, rows, ", ", "\r\n", shuffled)


def write_pyfeat(path: Path, tree: Tree) -> Path:
    """What py-feat writes: one CSV file, units from 0 to 1, absolute paths."""
    # Its 43 is eyes closed, where OpenFace's 45 is a blink.
    ours = [n.replace("AU45", "AU43") for n in action_units.NAMES]
    units = sorted([*ours, "AU11", "AU24", "AU28"])
    header = ["", *_RECTANGLE, "FaceScore", *_POINT_COLUMNS, *units]
    header += ["anger", "input", "frame"]
    rows = []
    for frame, (file, faces) in enumerate(sorted(tree.faces.items())):
        for face in faces:
            corner, extent = face.landmarks.min(0), np.ptp(face.landmarks, 0)
            box = zip(_RECTANGLE, _plain(np.r_[corner, extent]), strict=True)
            values = face.action_units / action_units.MAX_INTENSITY
            row = dict.fromkeys(header, 0.1) | _points(face) | dict(box)
            row |= dict.fromkeys(units, 0.0)
            row |= zip(ours, _plain(values), strict=True)
            row |= {"": len(rows), "frame": frame, "FaceScore": 0.99}
            row["input"] = str((tree.folder / file).absolute())
            rows.append(row)
    return _save(path, header, rows, ",")


def write_general(path: Path, tree: Tree, *, shuffled=False) -> Path:
    """Our own table: a row for each chosen photo that can be read."""
    rows = []
    for file, label in sorted(tree.labels.items()):
        for face in tree.faces.get(file, ())[:1]:
            units = zip(
                action_units.NAMES, _plain(face.action_units), strict=True
            )
            row = {"file": file, **dataclasses.asdict(label)}
            rows.append(row | dict(units))
    header = ["file", "subject", "expression", "view", *action_units.NAMES]
    return _save(path, header, rows, ",", shuffled=shuffled)


def _save(
    path: Path,
    header: Sequence[str],
    rows: Iterable[dict],
    separator: str,
    end: str = "\n",
    shuffled: bool = False,
) -> Path:
    if shuffled:
        header = sorted(header, key=lambda name: name[::-1])
    lines = [header, *([row[name] for name in header] for row in rows)]
    text = "".join(separator.join(map(str, line)) + end for line in lines)
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


def _plain(values: np.ndarray) -> list[float]:
    return [round(value, 4) for value in values.tolist()]


def _points(face: Face) -> dict[str, float]:
    """The usual 68 points, all of them on the five landmarks."""
    values = np.resize(face.landmarks, (68, 2)).T.ravel()
    return dict(zip(_POINT_COLUMNS, _plain(values), strict=True))
