"""One slider at a time, on neutral faces of different people."""

import dataclasses

import numpy as np

from efgan_tf.evaluation.control import SLIDER, measure_control, responses
from efgan_tf.evaluation.judges import Judges
from efgan_tf.evaluation.protocol import Pairs

AU_MASK = np.zeros(17, np.float32)
AU_MASK[[0, 8]] = 1  # AU01, AU12


@dataclasses.dataclass(frozen=True)
class Made:
    images: np.ndarray


class Painter:
    """Paints the wanted units into the first row of pixels."""

    name, au_mask = "painter", AU_MASK

    def __init__(self):
        self.seen = []

    def edit(self, images, source, target):
        self.seen.append((source, target))
        edited = images.copy()
        edited[:, 0, :17, 0] = target / 5
        return Made(edited[:, None])


class Reader(Judges):
    """Reads them again; AU12 at half, with a tenth of AU01 in it."""

    def estimate(self, images):
        units = images[:, 0, :17, 0].astype(float) * 5
        units[:, 8] = units[:, 8] / 2 + units[:, 0] / 10
        return units


def test_each_slider_moves_its_unit_and_the_others_stay():
    source = np.zeros((4, 17), np.float32)
    source[:, 3] = [1, 0, 2, 3]  # the second picture of "a" is more neutral
    pairs = Pairs(
        images=np.zeros((4, 32, 32, 3), np.float32),
        source=source, target=source, ground_truth=np.zeros((4, 32, 32, 3)),
        has_ground_truth=np.zeros(4, bool), expressions=np.full(4, ""),
        subjects=np.array(["a", "a", "b", "c"]),
        source_index=np.arange(4), ground_truth_index=np.full(4, -1),
    )  # fmt: skip
    model = Painter()
    control = measure_control(model, Reader({}, ()), pairs, model.au_mask)
    assert control["units"] == ["AU01", "AU12"]
    assert control["slopes"] == [1, 0.5]
    assert control["cross_talk"] == [[1, 0.1], [0, 0.5]]
    assert control["rising"] == control["ranks"] == [1, 1]
    assert control["curves"][1] == (SLIDER / 2).tolist()
    shown, wanted = (np.concatenate(x) for x in zip(*model.seen, strict=True))
    assert set(shown[:, 3].tolist()) == {0, 2, 3}  # a's more neutral one, b, c
    moved = wanted - shown
    assert not np.any(moved[:, [i for i in range(17) if i not in (0, 8)]])
    assert not np.any((moved[:, 0] != 0) & (moved[:, 8] != 0))


def test_responses_by_hand():
    # One slider on two faces: 0 1 2 3 4 5, and a face that does not move.
    readings = np.zeros((1, 6, 2, 1))
    readings[0, :, 0, 0], readings[0, :, 1, 0] = SLIDER, 3
    found = responses(readings)
    assert found["curves"] == [[1.5, 2, 2.5, 3, 3.5, 4]]
    assert found["slopes"] == [0.5] and found["cross_talk"] == [[0.5]]
    assert found["rising"] == [1] and found["ranks"] == [0.5]
    # The mean falls once and stays once; ρ is Pearson's correlation of ranks.
    readings[0, :, :, 0] = np.array([0.0, 2, 1, 1, 3, 4])[:, None]
    found = responses(readings)
    assert found["rising"] == [0.6]
    ranks = [1, 4, 2.5, 2.5, 5, 6]
    expected = np.corrcoef(ranks, SLIDER)[0, 1]
    assert found["ranks"] == [round(expected, 4)]
