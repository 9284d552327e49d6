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


def write_openface_folder(
    folder: Path,
    tree: Tree,
    *,
    landmarks: bool = False,
    presence_only: bool = False,
    shuffled: bool = False,
) -> Path:
    """What OpenFace's FaceLandmarkImg writes: a CSV file for each picture.

    Of several faces the one whom the photo is of comes last and is the most
    certain. A picture without any has a header only. (Given a folder, the
    program passes over suffixes in upper case; these are tables of pictures
    that were given to it one by one.)

    Args:
      folder: is made.
      tree: whose pictures were looked at.
      landmarks: add the columns x_0 … y_67.
      presence_only: leave out the intensities.
      shuffled: with the columns in another order.
    """
    header = ["face", "confidence"]
    header += _POINT_COLUMNS if landmarks else []
    header += _openface_units(presence_only)
    folder.mkdir(parents=True, exist_ok=True)
    for file, faces in tree.faces.items():
        rows = []
        for face in reversed(faces):
            number = len(rows)
            sure = 0.98 if face is faces[0] else 0.85
            row = {"face": number, "confidence": sure} | _points(face)
            rows.append(row | _openface_values(face))
        path = folder / f"{PurePosixPath(file).stem}.csv"
        _save(path, header, rows, shuffled, ", ")
    return folder


def write_feature_extraction(
    path: Path,
    tree: Tree,
    *,
    presence_only: bool = False,
    shuffled: bool = False,
) -> Path:
    """What OpenFace's FeatureExtraction writes of a folder: one CSV file.

    Frame n is the nth of `tree.files`, counted from 1. Where no face was found
    `success` is 0, and so are the units.
    """
    header = ["frame", "face_id", "timestamp", "confidence", "success"]
    header += ["gaze_0_x", "pose_Rx", *_openface_units(presence_only)]
    nobody = Face(np.zeros(17, np.float32), np.zeros((5, 2), np.float32))
    rows = []
    for frame, file in enumerate(tree.files, 1):
        found = tree.faces.get(file)
        row = {"frame": frame, "face_id": 0, "timestamp": (frame - 1) / 30}
        row |= {"confidence": 0.98 if found else 0, "success": int(bool(found))}
        row |= {"gaze_0_x": -0.1, "pose_Rx": 6.5}
        rows.append(row | _openface_values(found[0] if found else nobody))
    return _save(path, header, rows, shuffled, ", ")


def write_pyfeat(
    path: Path,
    tree: Tree,
    *,
    presence_only: bool = False,
    shuffled: bool = False,
) -> Path:
    """What py-feat writes: one CSV file, units from 0 to 1, absolute paths.

    `presence_only` gives zeros and ones, as its `svm` does.
    """
    units = [*_renamed(action_units.NAMES), "AU11", "AU24", "AU28"]
    header = ["", *_RECTANGLE, "FaceScore", *_POINT_COLUMNS]
    header += ["Pitch", "Roll", "Yaw", *sorted(units), "anger", "happiness"]
    header += ["input", "frame"]
    rows = []
    for frame, (file, faces) in enumerate(sorted(tree.faces.items())):
        for face in faces:
            values = face.action_units / action_units.MAX_INTENSITY
            if presence_only:
                values = _present(face)
            row = dict.fromkeys(header, 0.1) | _points(face) | _rectangle(face)
            row |= dict.fromkeys(units, 0.0)
            row |= zip(
                _renamed(action_units.NAMES), _plain(values), strict=True
            )
            row |= {"": len(rows), "frame": frame, "FaceScore": 0.99}
            row["input"] = str((tree.folder / file).absolute())
            rows.append(row)
    return _save(path, header, rows, shuffled, ",", "\n")


def write_general(
    path: Path,
    tree: Tree,
    *,
    presence_only: bool = False,
    shuffled: bool = False,
) -> Path:
    """Our own table: a row for each chosen photo that can be read."""
    columns = [f"{n}_c" if presence_only else n for n in action_units.NAMES]
    rows = []
    for file, label in sorted(tree.labels.items()):
        for face in tree.faces.get(file, ())[:1]:
            values = _present(face) if presence_only else face.action_units
            row = {"file": file, **dataclasses.asdict(label)}
            rows.append(row | dict(zip(columns, _plain(values), strict=True)))
    header = ["file", "subject", "expression", "view", *columns]
    return _save(path, header, rows, shuffled, ",", "\n")


_POINT_COLUMNS = [f"{axis}_{i}" for axis in "xy" for i in range(68)]
_RECTANGLE = ["FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight"]


def _save(
    path: Path,
    header: Sequence[str],
    rows: Iterable[dict],
    shuffled: bool,
    separator: str,
    end: str = "\r\n",
) -> Path:
    if shuffled:
        header = sorted(header, key=lambda name: name[::-1])
    lines = [header, *([row[name] for name in header] for row in rows)]
    text = "".join(separator.join(map(str, line)) + end for line in lines)
    path.write_text(text, "utf-8", newline="")
    return path


def _openface_units(presence_only: bool) -> list[str]:
    present = sorted(f"{name}_c" for name in (*action_units.NAMES, "AU28"))
    intensities = [f"{name}_r" for name in action_units.NAMES]
    return present if presence_only else intensities + present


def _openface_values(face: Face) -> dict[str, float]:
    values = {"AU28_c": 0}
    for name, value in zip(
        action_units.NAMES, face.action_units.tolist(), strict=True
    ):
        values[f"{name}_r"] = round(value, 2)
        values[f"{name}_c"] = int(value >= 1)
    return values


def _present(face: Face) -> np.ndarray:
    return (face.action_units >= 1).astype(np.float32)


def _plain(values: np.ndarray) -> list[float]:
    return [round(value, 4) for value in values.tolist()]


def _renamed(names: Iterable[str]) -> list[str]:
    """py-feat's 43 is eyes closed, where OpenFace's 45 is a blink."""
    return ["AU43" if name == "AU45" else name for name in names]


def _rectangle(face: Face) -> dict[str, float]:
    points = _outline(face.landmarks)
    corner, extent = points.min(0), np.ptp(points, axis=0)
    return dict(zip(_RECTANGLE, _plain(np.r_[corner, extent]), strict=True))


def _points(face: Face) -> dict[str, float]:
    values = _plain(_outline(face.landmarks).T.ravel())
    return dict(zip(_POINT_COLUMNS, values, strict=True))


def _outline(landmarks: np.ndarray) -> np.ndarray:
    """About where the usual 68 points lie, `[68, 2]`, from five landmarks."""
    five = np.array([[-0.5, 0], [0.5, 0], [0, 0.6], [-0.4, 1], [0.4, 1]])
    jaw = np.linspace(np.pi, 0, 17)
    brow = np.linspace(0.2, 0.8, 5)
    points = np.concatenate(
        [
            np.stack([0.95 * np.cos(jaw), 1.6 * np.sin(jaw)], 1),
            np.stack([np.r_[-brow[::-1], brow], np.full(10, -0.35)], 1),
            np.stack([np.zeros(4), np.linspace(0, 0.6, 4)], 1),
            np.stack([np.linspace(-0.2, 0.2, 5), np.full(5, 0.7)], 1),
            _ring(-0.5, 0, 0.15, 0.06, 6),
            _ring(0.5, 0, 0.15, 0.06, 6),
            _ring(0, 1, 0.4, 0.15, 12),
            _ring(0, 1, 0.3, 0.08, 8),
        ]
    )
    one = np.ones((5, 1))
    to_picture = np.linalg.lstsq(np.hstack([five, one]), landmarks, rcond=None)
    return np.hstack([points, np.ones((68, 1))]) @ to_picture[0]


def _ring(
    x: float, y: float, wide: float, high: float, count: int
) -> np.ndarray:
    """Points around (x, y), clockwise from the left."""
    angle = np.pi + np.arange(count) * 2 * np.pi / count
    return np.stack([x + wide * np.cos(angle), y + high * np.sin(angle)], 1)
