"""Mixed batches: exact shares, each set by its own rules, nothing depends on
where or when a batch is drawn."""

import dataclasses
import itertools
from fractions import Fraction

import numpy as np
import pytest

from efgan_tf.data import mixing
from efgan_tf.data.prepared_faces import FacesPart
from tests.data import fakes
from tests.data.fakes import assert_same, joined, make_faces, together

DEFAULTS = dict(
    batch_size=8, seed=3, pairing="paired", target_noise=0.0, flip=True
)
MASKED = [2, 5]


def mask(without=()):
    known = np.ones(17, np.float32)
    known[list(without)] = 0
    return known


@pytest.fixture(scope="module")
def parts():
    """Three eighths of rendered people, and photos with no ground truth."""
    rendered = make_faces(subjects=3, views=1, per_view=3)
    photos = make_faces(subjects=10, views=1, per_view=1, seed=1)
    photos = dataclasses.replace(
        photos,
        views=np.full(10, ""),
        subjects=np.full(10, "one"),  # one person is no ground truth by itself
        au_mask=mask(MASKED),
        action_units=photos.action_units * mask(MASKED),
    )
    return (
        FacesPart("rendered", Fraction(3, 8), rendered),
        FacesPart("photos", Fraction(5, 8), photos),
    )


def stream(parts, count, **changes):
    return fakes.stream(parts, count, **(DEFAULTS | changes))


def sources(parts, units):
    """(set, sample) of each row, recognized by its units; (-1, -1) if none."""
    every = np.concatenate([p.faces.action_units for p in parts]) / 5
    owner = np.repeat(range(len(parts)), [len(p.faces) for p in parts])
    number = np.concatenate([range(len(p.faces)) for p in parts])
    distance = np.abs(units[:, None] - every).max(-1)
    nearest, known = distance.argmin(1), distance.min(1) < 1e-6
    return np.where(known, owner[nearest], -1), np.where(
        known, number[nearest], -1
    )


def test_every_batch_has_exactly_the_shares(parts):
    for element in stream(parts, 100):
        owner, _ = sources(parts, element["action_units"][0])
        assert (owner == 0).sum() == 3 and (owner == 1).sum() == 5


@pytest.mark.parametrize("n_critic", [1, 2])
def test_every_second_row_sees_the_sets_in_their_shares(parts, n_critic):
    """The rows of --cycle_every=2, of the batch that the generator gets."""
    elements = stream(parts, 16, group=n_critic)
    units = [element["action_units"][-1, ::2] for element in elements]
    owner, _ = sources(parts, np.concatenate(units))
    assert (owner == 0).mean() == 3 / 8


def test_every_set_has_epochs_of_its_own(parts):
    rows = joined(stream(parts, 24))
    owner, number = sources(parts, rows["action_units"])
    for index, (part, epochs) in enumerate(zip(parts, (8, 12), strict=True)):
        drawn = number[owner == index].reshape(epochs, len(part.faces))
        for epoch in drawn:
            assert sorted(epoch) == list(range(len(part.faces)))


@pytest.mark.parametrize("mix_targets", ["any", "own"])
def test_samples_know_their_sets_units(parts, mix_targets):
    rows = joined(stream(parts, 20, mix_targets=mix_targets))
    owner, _ = sources(parts, rows["action_units"])
    expected = np.stack([part.faces.au_mask for part in parts])[owner]
    np.testing.assert_array_equal(rows["au_mask"], expected)
    same = rows["target_action_units"] == rows["action_units"]
    assert same[owner == 1][:, MASKED].all()


def test_only_true_targets_count(parts):
    rows = joined(stream(parts, 20, flip=False))
    owner, _ = sources(parts, rows["action_units"])
    np.testing.assert_array_equal(rows["has_ground_truth"], owner == 0)
    np.testing.assert_array_equal(
        rows["image"][owner == 1], rows["ground_truth"][owner == 1]
    )
    (rendered, _) = parts
    origin, target = sources(parts, rows["target_action_units"][owner == 0])
    _, source = sources(parts, rows["action_units"][owner == 0])
    assert (origin == 0).all() and (source != target).all()
    people = rendered.faces.subjects
    assert (people[source] == people[target]).all()


def test_random_targets_come_from_any_set_in_their_shares(parts):
    rows = joined(stream(parts, 100, pairing="random", mix_targets="any"))
    owner, number = sources(parts, rows["action_units"])
    targets = rows["target_action_units"][owner == 1]
    # Unknown units stay at the source's, which are 0.
    whole = [
        FacesPart(p.name, p.share, dataclasses.replace(
            p.faces, action_units=p.faces.action_units * mask(MASKED)
        ))
        for p in parts
    ]  # fmt: skip
    origin, target = sources(whole, targets)
    assert (origin >= 0).all()
    # 500 draws of chance 3/8: a standard deviation of 0.022.
    assert abs((origin == 0).mean() - 3 / 8) < 0.08
    assert set(target[origin == 0]) == set(range(9))
    assert (target != number[owner == 1])[origin == 1].all()
    # Where a rendered face has a photo's target, what that lacks stays.
    ours = owner == 0
    change = rows["target_action_units"][ours] != rows["action_units"][ours]
    known = mask(MASKED) > 0
    from_photos = change[:, known].any(1) & ~change[:, ~known].any(1)
    assert 0.4 < from_photos.mean() < 0.8


def test_own_targets_stay_in_the_set(parts):
    rows = joined(stream(parts, 50, pairing="random", mix_targets="own"))
    owner, number = sources(parts, rows["action_units"])
    origin, target = sources(parts, rows["target_action_units"])
    np.testing.assert_array_equal(owner, origin)
    assert (number != target).all()


def test_resuming_and_replicas_change_nothing(parts):
    whole = stream(parts, 6)
    for replicas in (2, 4):
        dealt = stream(parts, 3 * replicas, replicas=replicas, first_batch=3)
        for turn, batch in enumerate(whole[3:]):
            shares = dealt[turn * replicas : (turn + 1) * replicas]
            assert_same(batch, together(shares, axis=1))
            for share in shares:
                owner, _ = sources(parts, share["action_units"][0])
                # 3/8 of its rows, less or more by less than two.
                assert abs((owner == 0).sum() - 3 / replicas) < 2


def test_a_set_alone_draws_what_it_draws_without_a_mix(parts):
    faces = parts[0].faces
    one = stream([FacesPart("rendered", Fraction(1), faces)], 4)
    for plain, mixed in zip(stream(faces, 4), one, strict=True):
        assert_same(plain, mixed)


def test_the_sets_are_spread_over_a_batch_as_evenly_as_can_be():
    for total in range(1, 13):
        for sets in (1, 2, 3):
            for rows in itertools.product(range(1, total + 1), repeat=sets):
                if sum(rows) != total:
                    continue
                layout = np.array(mixing.interleaved(rows))
                for number, count in enumerate(rows):
                    seen = np.cumsum(layout == number)
                    ideal = np.arange(1, total + 1) * count / total
                    assert seen[-1] == count
                    assert np.abs(seen - ideal).max() < 1 - 1e-9


def test_impossible_mixes_are_refused():
    half, third, quarter = Fraction(1, 2), Fraction(1, 3), Fraction(1, 4)
    for shares, sizes, named in (
        ((third, 2 * third), (16, 16), "shares"),
        ((half, quarter), (16, 16), "shares"),
        ((half, half), (16, 32), "size"),
    ):
        parts = [
            FacesPart(str(size), share, make_faces(size=size))
            for share, size in zip(shares, sizes, strict=True)
        ]
        with pytest.raises(ValueError, match=named):
            stream(parts, 1)


def test_mix_warnings_name_unknown_units_and_people_on_both_sides(parts):
    rendered, photos = parts
    held_out = (photos, dataclasses.replace(rendered, name="photos"))
    first, second = mixing.mix_warnings(parts, held_out)
    assert first == ("photos does not know AU04, AU07: masked in its samples")
    # `s0` to `s2` are trained on as rendered ones and held out as photos.
    assert "rendered trains on 3 people" in second and "s0 for one" in second
    assert mixing.mix_warnings(parts[:1], held_out[:1]) == []
