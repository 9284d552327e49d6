"""Changed photographs: they show what they are said to, and nothing else."""

import csv

import cv2
import numpy as np
import pytest
from PIL import Image

from efgan_tf import commands, label
from efgan_tf.labeling import measures
from efgan_tf.labeling.landmarker import FaceLandmarker
from tests.labeling.conftest import album, networks  # noqa: F401
from tools.photo_pairs import make as command
from tools.photo_pairs import mesh
from tools.photo_pairs.change import Changes
from tools.photo_pairs.closing import Closing
from tools.photo_pairs.donors import Donors
from tools.photo_pairs.face import Face
from tools.photo_pairs.lids import close_eyes
from tools.photo_pairs.shading import color_lips, polygon
from tools.photo_pairs.teeth import add_upper_teeth

data = pytest.importorskip("skimage.data", reason="needs scikit-image")


@pytest.fixture(scope="module")
def read_points(networks, detector):  # noqa: F811
    """A picture → the points that the networks see in it."""
    landmarker = FaceLandmarker()

    def read(picture: np.ndarray) -> np.ndarray:
        (found,) = detector.detect([picture])[0]
        return landmarker.points(picture, found)

    return read


@pytest.fixture(scope="module")
def face(read_points):
    """NASA's portrait of a smiling astronaut, the face alone, enlarged."""
    photo = cv2.resize(
        data.astronaut()[:224, 112:336], (448, 448),
        interpolation=cv2.INTER_CUBIC,
    )  # fmt: skip
    points = np.float64(read_points(photo)[: mesh.FACE_POINTS, :2])
    return Face(photo, mesh.with_ring(points))


@pytest.fixture(scope="module")
def changes(face):
    return Changes(mesh.mean_shape(face.points[None]))


def changed(before: Face, after: Face) -> np.ndarray:
    """Where pictures differ visibly: (x, y) as shares of the face's mesh."""
    difference = np.abs(np.int16(before.picture) - after.picture).max(axis=-1)
    y, x = np.nonzero(difference > 12)
    low, high = before.points.min(axis=0), before.points.max(axis=0)
    return (np.stack([x, y], axis=1) - low) / (high - low)


def test_the_own_mouth_changes_nothing(face, changes):
    blend = changes.mouth(face, face)
    difference = np.abs(np.int16(blend.face.picture) - face.picture)
    assert np.quantile(difference, 0.999) <= 1
    assert blend.mismatch < 1e-2


def test_another_mouth_has_the_tone_of_the_face(face, changes):
    darker = np.uint8(np.round(face.picture * [0.8, 0.7, 0.6]))
    blend = changes.mouth(face, Face(darker, face.points))
    difference = np.abs(np.int16(blend.face.picture) - face.picture)
    # Not exact: where it is dark, a little gray counts as color too.
    assert difference.mean() < 0.5 and np.quantile(difference, 0.999) < 20
    assert blend.mismatch > 0.5


# Change, what it moves and by how much at least and at most, and the part of
# the face, from 0 (top) to 1, that may change.
MOVES = [
    ("brows", (-0.06, 0.0), "inner_brow", 0.005, 0.07, (0, 0.5)),
    ("brows", (0.0, -0.06), "outer_brow", 0.005, 0.07, (0, 0.5)),
    ("brows", (0.06, 0.0), "inner_brow", -0.07, -0.005, (0, 0.5)),
    ("lips", (0.06, 0.0), "lip_corner_drop", 0.015, 0.09, (0.4, 1)),
    ("sneer", (0.06, 0.0), "nostril_to_eye", -0.09, -0.01, (0.2, 1)),
]


@pytest.mark.parametrize("move", MOVES)
def test_a_change_moves_its_part_of_the_face(face, changes, read_points, move):
    change, by, measured, least, most, (top, bottom) = move
    moved = getattr(changes, change)(face, *by)
    before = measures.measure(read_points(face.picture))
    after = measures.measure(read_points(moved.picture))
    # The networks move their points less than the picture moved.
    assert least < after[measured] - before[measured] < most
    y = changed(face, moved)[:, 1]
    assert np.mean((y > top) & (y < bottom)) > 0.98


def test_pixels_lie_in_their_triangles_where_lids_meet(face, changes):
    met = changes.narrow_eyes(face, 0.8, 0.2)
    raster = mesh.Raster(face.points, met.points, face.picture.shape[:2])
    y, x = np.mgrid[: face.picture.shape[0], : face.picture.shape[1]] + 0.5
    apart = raster.interpolate(met.points) - np.stack([x, y], axis=-1)
    # 0.13 in order of their areas; 9 as they come, in 25 pixels over 1.5.
    assert np.abs(apart[raster.inside]).max() < 0.3


def test_closed_eyes_are_skin_with_a_dark_line(face, read_points):
    closed = close_eyes(face, 0.1)
    before, after = (
        measures.measure(read_points(each.picture))["eye_opening"]
        for each in (face, closed)
    )
    assert after < 0.5 * before
    assert np.mean(changed(face, closed)[:, 1] < 0.5) > 0.98
    unit = mesh.eye_distance(face.points)
    gray = np.float32(cv2.cvtColor(closed.picture, cv2.COLOR_RGB2GRAY))
    for upper, lower in zip(mesh.UPPER_LIDS, mesh.LOWER_LIDS, strict=True):
        line = closed.points[lower][2:-2]
        # Where the lids meet, the lid above and the skin below.
        dark, lid, skin = (
            mesh.at(gray, line + [0, way * unit]) for way in (0, -0.05, 0.06)
        )
        assert (dark < 0.7 * np.minimum(lid, skin)).all()
        assert np.ptp(lid) < 0.35 * lid.mean()  # no iris, no white
        assert line[2, 1] > (closed.points[[lower[0], lower[-1]], 1]).mean()
        np.testing.assert_array_equal(
            closed.points[upper], closed.points[lower]
        )


def test_a_frown_leaves_skin_between_the_brows(face, changes):
    room = changes.room_below_brows(face)
    frown = changes.frown(face, 0.8 * room, 0.2 * room, 0.2, (0.4, 0.2))
    assert changes.room_below_brows(frown) == pytest.approx(
        0.2 * room, abs=0.02
    )
    apart, before = (
        np.linalg.norm(np.subtract(*each.points[mesh.INNER_ENDS]))
        for each in (frown, face)
    )
    assert apart == pytest.approx(0.8 * before, rel=0.02)
    # The middle is not darker than it was, its two sides are.
    light, was = (
        cv2.GaussianBlur(
            cv2.cvtColor(each.picture, cv2.COLOR_RGB2GRAY), (0, 0), 1
        )
        for each in (frown, face)
    )
    middle = frown.points[[9, 8]].mean(axis=0)
    across = np.linspace(-0.4, 0.4, 41)[:, None] * np.subtract(
        *frown.points[mesh.INNER_ENDS[::-1]]
    )
    row = mesh.at(light, middle + across) / mesh.at(
        was, face.points[[9, 8]].mean(axis=0)
    )
    assert row[18:23].min() > 0.9
    assert row[5:18].min() < 0.8 and row[5:18].min() < row[23:36].min() < 0.95


def test_a_mouth_opens_and_moves_the_chin(face, changes, read_points):
    # She smiles with her teeth apart by little: they count as a donor's, too.
    parted = changes.open_mouth(face, face, 0.02, 0.08, 0.0, 0.0)
    dropped = changes.open_mouth(face, face, 0.0, 0.0, 0.12, 0.02)
    before, apart, jaw = (
        measures.measure(read_points(each.picture))
        for each in (face, parted, dropped)
    )
    assert apart["lip_gap"] > before["lip_gap"] + 0.04
    assert jaw["lip_gap"] > before["lip_gap"] + 0.04
    assert jaw["nose_to_chin"] > apart["nose_to_chin"] + 0.03
    assert np.mean(changed(face, dropped)[:, 1] > 0.45) > 0.98


def test_upper_teeth_stay_below_the_lip_at_their_size(face, changes):
    def lengths(jaw: float) -> np.ndarray:
        """Of the row of teeth in three places, in pixels."""
        opened = changes.open_mouth(face, face, 0.0, 0.05, jaw, 0.0)
        inside = polygon(opened, opened.points[mesh.MOUTH_OPENING])
        dark = Face(
            np.where(inside[..., None], 0, opened.picture), opened.points
        )
        shown = add_upper_teeth(dark, face)
        outside = cv2.dilate(inside, np.ones((9, 9))) == 0
        assert np.array_equal(shown.picture[outside], dark.picture[outside])
        x = opened.points[[78, 308], 0].mean() + np.array([-8, 0, 8])
        above, below = mesh.opening_edges(opened.points, x)
        bright = [
            shown.picture[int(top) : int(end), int(at)].min(axis=-1) > 60
            for at, top, end in zip(x, above, below, strict=True)
        ]
        assert not any(column[-len(column) // 2 :].any() for column in bright)
        return np.array([column.sum() for column in bright])

    little, much = lengths(0.12), lengths(0.24)
    assert little.min() > 5
    assert np.abs(little - much).max() <= 1


def test_a_smile_closes_as_others_close(rendered, read_points):
    def shown(person: int, expression: str) -> Face:
        folder = rendered / "photos"
        (path,) = folder.glob(f"s0000{person}_v0_*_{expression}.jpg")
        photo = np.asarray(Image.open(path).resize((384, 384)))
        points = np.float64(read_points(photo)[: mesh.FACE_POINTS, :2])
        return Face(photo, mesh.with_ring(points))

    neutral, happy = (
        [shown(person, expression) for person in range(3)]
        for expression in ("neutral", "happy")
    )
    shape = mesh.mean_shape(np.array([face.points for face in neutral]))
    closing = Closing(shape, neutral[:2], happy[:2])

    def apart(face: Face) -> float:
        """From the ground truth, within the cheeks and the chin."""
        place = np.zeros(face.picture.shape[:2], np.uint8)
        cv2.fillConvexPoly(
            place,
            cv2.convexHull(np.int32(face.points[[205, 425, *mesh.LIPS, 200]])),
            1,
        )
        difference = np.abs(np.int16(face.picture) - neutral[2].picture)
        return difference[place > 0].mean()

    closed = closing(happy[2])
    assert apart(closed) < 0.6 * apart(happy[2])
    gap, before, true = (
        measures.measure(read_points(face.picture))["lip_gap"]
        for face in (closed, happy[2], neutral[2])
    )
    # The networks read a gap between closed lips of rendered people, too.
    assert abs(gap - true) < 0.3 * abs(before - true)
    assert np.mean(changed(happy[2], closed)[:, 1] > 0.35) > 0.98
    # Closed mouths stay nearly as they are.
    assert apart(closing(neutral[2])) < 0.3 * apart(happy[2])


def test_lips_get_the_color_of_others(face):
    redder = Face(np.uint8(face.picture * [1, 0.5, 0.5]), face.points)
    colored = color_lips(face, redder)
    where = changed(face, colored)
    low, high = face.points.min(axis=0), face.points.max(axis=0)
    lips = (face.points[mesh.LIPS] - low) / (high - low)
    assert (where > lips.min(axis=0) - 0.02).all()
    assert (where < lips.max(axis=0) + 0.02).all()
    same = np.int16(color_lips(face, face).picture) - face.picture
    assert np.abs(same).max() <= 1
    x, y = np.int64((face.points[17] + face.points[15]) / 2)
    expected, found = (
        np.log(each.picture[y, x] + 8.0) for each in (redder, colored)
    )
    np.testing.assert_allclose(found, expected, atol=0.15)


def test_folds_are_dark(face, changes):
    raised, folded = (changes.sneer(face, 0.06, depth) for depth in (0.0, 0.4))
    darker = np.float32(raised.picture) - folded.picture
    assert 20 < darker.max() and darker.mean() < 2


def test_donors_are_others_who_look_alike():
    donors = Donors(
        subjects=["a", "a", "b", "c", "d"],
        identities=np.eye(5)[[0, 0, 0, 1, 0]],
        looks=np.zeros((5, 9)),
        yaws=np.array([0.0, 0.0, 8.0, 0.0, 0.0]),
        scales=np.array([1.0, 1.0, 1.0, 1.0, 2.1]),
    )
    # b is turned by 8° (1), d is twice as soft (2), c is another type (14).
    order = donors.nearest(0, np.arange(5), 5)
    np.testing.assert_array_equal(order, [2, 4, 3])
    np.testing.assert_array_equal(donors.nearest(0, np.arange(5), 1), [2])


@pytest.fixture(scope="module")
def people(networks, album, tmp_path_factory):  # noqa: F811
    """Three rendered people with their units, one of them held out."""
    pytest.importorskip("dlib", reason="needs the extra photos")
    folder = tmp_path_factory.mktemp("people")
    table = folder / "aus.csv"
    argv = ["label", f"--source_dir={album}", f"--out={table}"]
    assert commands.run(label.main, label.LabelConfig, argv=argv) == 0
    held_out = folder / "held_out.csv"
    held_out.write_text("subject\ns00002\n")
    return album, table, held_out


def test_from_photos_to_a_table_of_true_targets(people, tmp_path):
    album_dir, table, held_out = people
    out = tmp_path / "pairs"
    arguments = (
        f"--source_dir={album_dir}", f"--aus={table}", f"--out={out}",
        f"--held_out_list={held_out}", "--limit=6",
    )  # fmt: skip

    def run(*more: str) -> int:
        return commands.run(
            command.main, command.PairsConfig, argv=["pairs", *arguments, *more]
        )

    assert run() == 0
    with open(out / "aus.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["file"] for row in rows} == {
        path.name for path in out.glob("*.jpg")
    }
    assert "s00002" not in {row["subject"] for row in rows}
    views: dict[str, list] = {}
    added = set()
    for row in rows:
        views.setdefault(row["view"], []).append(row)
    assert len(views) == 6 and len(rows) > 3 * len(views)
    for view in views.values():
        photo, *others = view
        assert not photo["changes"]
        assert len({row["subject"] for row in view}) == 1
        for row in others:
            changes = row["changes"].split("+")
            for units, names in {
                ("AU15",): ("down", "both lips"),
                ("AU23",): ("tight", "both lips"),
                ("AU09", "AU10"): ("sneer",),
            }.items():
                done = not set(changes).isdisjoint(names)
                assert all((float(row[unit]) > 1) == done for unit in units)
            for change, unit in {
                "frown": "AU04", "narrow": "AU07", "shut": "AU45",
            }.items():  # fmt: skip
                if change in changes:
                    raised = float(row[unit]) - float(photo[unit])
                    assert raised > 0.9 or float(row[unit]) == 5
                    added.add(unit)
    assert "AU04" in added
    assert run() == 2  # the folder is there
    assert run("--overwrite", "--same_view=nowhere") == 2
    assert run("--overwrite", "--processes=0") == 2
    held_out.write_text("subject\nnobody\n")
    assert run("--overwrite") == 2
    held_out.write_text("subject\ns00002\n")
    first = {path.name: path.read_bytes() for path in out.iterdir()}
    assert run("--overwrite", "--processes=1") == 0
    assert first == {path.name: path.read_bytes() for path in out.iterdir()}
    assert all(
        Image.open(path).size == (272, 272) for path in out.glob("*.jpg")
    )
