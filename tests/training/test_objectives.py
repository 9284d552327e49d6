"""What is summed up in the objectives, against numbers worked out by hand.

Networks are plain functions of pictures of one value: a critic's patch and
units follow from a crop's first pixel, and the generator adds a number.
"""

import numpy as np
import pytest
import tensorflow as tf

from efgan_tf import action_units
from efgan_tf.config import LossConfig, ModelConfig
from efgan_tf.models import critic_crop
from efgan_tf.training import objectives
from efgan_tf.training.augmentation import unchanged

MODEL = ModelConfig(image_size=64, stages=2)
BARE = ModelConfig(image_size=64, stages=2, local_branches=False, refiner=False)
REGIONS = ("face", "eyes", "nose", "mouth")
# Patch = slope · first pixel, so that the slope is the gradient's norm.
SLOPES = {"face": 2.0, "eyes": 3.0, "nose": 1.0, "mouth": 4.0}
LOCAL_WEIGHT = 0.25
ONES = np.ones(17, "float32")
WITHOUT_AU45 = ONES * [name != "AU45" for name in action_units.NAMES]


def unit(name):
    return action_units.NAMES.index(name)


def flat(values, height=64, width=64, channels=3):
    """One picture for each value."""
    values = tf.reshape(tf.convert_to_tensor(values, "float32"), (-1, 1, 1, 1))
    return tf.tile(values, (1, height, width, channels))


def first_pixel(images):
    return images[:, 0, 0, 0]


class Critic:
    """Patch `slope · m`, all units m, with m the first pixel's value."""

    def __init__(self, region, power=1):
        self.slope, self.power = SLOPES[region], power
        self.count = len(objectives.region_units(region))

    def __call__(self, crop, training):
        value = first_pixel(crop)[:, None]
        patch = self.slope * value**self.power / self.power
        return {
            "patch": patch[:, :, None, None],
            "action_units": tf.tile(value, (1, self.count)),
        }


CRITICS = {region: Critic(region) for region in REGIONS}


def outputs_of(finals, initials, units, model=MODEL):
    """A cascade's outputs: per stage its image's value and its branches'.

    Args:
      finals: per stage the values `[b]` of its image.
      initials: likewise of all its branches' initial outputs.
      units: per stage `[b, 17]`, the wanted units.
      model: boxes and branches.
    """
    stages = []
    for stage, (final, initial, wanted) in enumerate(
        zip(finals, initials, units, strict=True)
    ):
        image = flat(final)
        branches = {"face": {"image": image}}
        if model.local_branches:
            whole = flat(initial)
            branches = {
                region: {"image": critic_crop(whole, region, model.boxes)}
                for region in REGIONS
            }
            branches["refiner"] = {}
        for number, branch in enumerate(branches.values()):
            # Attention 0.2 in the first stage and 0.3 in the second, plus
            # 0.1 in each branch after the first; rows of one value.
            height = 0.2 + 0.1 * (stage + number)
            branch["attention"] = flat(height * np.ones(len(final)), 2, 2, 1)
        if "nose" in branches and stage == 0:
            # The one that is not flat: |dx| = 1, with a mean of 0.5.
            ramp = tf.constant([[0.0, 1.0], [0.0, 1.0]])
            branches["nose"]["attention"] = ramp[None, :, :, None]
        stages.append(
            {"image": image, "branches": branches, "action_units": wanted}
        )
    return {"image": stages[-1]["image"], "stages": stages}


class Generator:
    """Adds `0.1 + 0.4 · (target − source)` of AU01, half of it in each stage.

    A branch's initial output is 0.1 more than its stage's image. The
    arguments of all calls are kept.
    """

    def __init__(self, model=MODEL):
        self.model, self.calls = model, []

    def __call__(self, inputs, training):
        assert training
        self.calls.append(inputs)
        source = inputs["source_action_units"]
        target = inputs["target_action_units"]
        step = 0.05 + 0.2 * (target - source)[:, 0]
        before = first_pixel(inputs["image"])
        finals = [before + step, before + 2 * step]
        return outputs_of(
            finals,
            [final + 0.1 for final in finals],
            [(source + target) / 2, target],
            self.model,
        )


def make_batch():
    """Two samples: image 0.1, all units from 0 to 0.5, but AU09 to 0.9.

    AU45 goes to 1. The ground truth is 0.5, and the first sample's alone.
    """
    target = np.full((2, 17), 0.5, "float32")
    target[:, unit("AU09")] = 0.9
    target[:, unit("AU45")] = 1.0
    return {
        "image": flat([0.1, 0.1]),
        "ground_truth": flat([0.5, 0.5]),
        "action_units": tf.zeros((2, 17)),
        "target_action_units": tf.constant(target),
        "has_ground_truth": tf.constant([1.0, 0.0]),
    }


def floats(metrics):
    return {name: float(value) for name, value in metrics.items()}


def run_generator(
    batch=None,
    generator=None,
    augment=unchanged,
    au_mask=WITHOUT_AU45,
    **weights,
):
    """(total, metrics, the generator) of `generator_objective`."""
    generator, batch = generator or Generator(), batch or make_batch()
    model = generator.model
    critics = CRITICS if model.local_branches else {"face": CRITICS["face"]}
    total, metrics = objectives.generator_objective(
        generator,
        objectives.generate_edit(generator, batch),
        critics,
        batch,
        model,
        LossConfig(local_weight=LOCAL_WEIGHT, **weights),
        au_mask,
        tf.constant(3.0),
        augment,
    )
    return float(total), floats(metrics), generator


@pytest.mark.parametrize("region", REGIONS)
def test_every_stages_image_and_initial_output_are_seen(region):
    rng = np.random.default_rng(0)
    images = [rng.random((1, 64, 64, 3)) for _ in range(4)]
    wanted = [rng.random((1, 17)) for _ in range(2)]
    outputs = {
        "stages": [
            {"image": final, "action_units": units,
             "branches": {region: {"image": initial}}}
            for final, initial, units in zip(
                images[:2], images[2:], wanted, strict=True
            )
        ]
    }  # fmt: skip
    seen = objectives.critic_inputs(outputs, region, MODEL)
    finals = [critic_crop(image, region, MODEL.boxes) for image in images[:2]]
    expected = [finals[0], images[2], finals[1], images[3]]
    units = [wanted[0], wanted[0], wanted[1], wanted[1]]
    for (crop, aim), right, right_aim in zip(
        seen, expected, units, strict=True
    ):
        np.testing.assert_array_equal(crop, right)
        assert aim is right_aim


def test_a_critic_sees_one_image_once_without_local_branches():
    outputs = outputs_of([[0.1], [0.2]], [[0], [0]], [ONES, ONES], BARE)
    seen = objectives.critic_inputs(outputs, "face", BARE)
    np.testing.assert_allclose(
        [first_pixel(crop)[0] for crop, _ in seen], [0.1, 0.2]
    )


def critic_case():
    """Real images of 0.5, fakes of 0.1, 0.2, 0.3 and 0.4 in this order."""
    source = np.full((2, 17), 0.5, "float32")
    source[:, unit("AU01")] = 0.1
    source[:, unit("AU10")] = 0.0
    source[:, unit("AU45")] = 1.0
    batch = {"image": flat([0.5, 0.5]), "action_units": tf.constant(source)}
    outputs = outputs_of(
        [[0.1, 0.1], [0.3, 0.3]],
        [[0.2, 0.2], [0.4, 0.4]],
        [tf.zeros((2, 17)), tf.ones((2, 17))],
    )
    return outputs, batch, tf.constant([[0.0, 0.0], [0.5, 0.999]])


def run_critics(case, au_mask=WITHOUT_AU45, *augment, **weights):
    outputs, batch, alpha = case
    total, metrics = objectives.critic_objective(
        CRITICS,
        outputs,
        batch,
        MODEL,
        LossConfig(
            local_weight=LOCAL_WEIGHT,
            lambda_gp=10.0,
            lambda_au_critic=100.0,
            **weights,
        ),  # fmt: skip
        au_mask,
        alpha,
        *augment,
    )
    return float(total), floats(metrics)


def test_critic_objective_by_hand():
    total, metrics = run_critics(critic_case())
    # Fakes' mean 0.25 less 0.5, times the slopes 2 + (3 + 1 + 4) / 4.
    wasserstein = -0.25 * (2 + 8 / 4)
    # Slopes less 1, squared: 1 + (4 + 0 + 9) / 4.
    penalty = 1 + 13 / 4
    # Of AU01 0.4² = 0.16 (eyes), of AU10 0.25 (nose, mouth), AU45 is masked.
    au = 0.41 / 16 + (0.16 / 6 + 0.25 / 2 + 0.25 / 9) / 4
    expected = {
        "critic/wasserstein": wasserstein,
        "critic/gradient_penalty": penalty,
        "critic/au": au,
        "critic/total": wasserstein + 10 * penalty + 100 * au,
    }
    assert metrics == pytest.approx(expected, rel=1e-5)
    assert total == metrics["critic/total"]


def test_r1_takes_the_place_of_the_gradient_penalty():
    _, metrics = run_critics(critic_case(), penalty="r1")
    # Half of the slopes squared.
    penalty = (4 + (9 + 1 + 16) / 4) / 2
    assert metrics["critic/gradient_penalty"] == pytest.approx(penalty)
    wasserstein, au = metrics["critic/wasserstein"], metrics["critic/au"]
    assert metrics["critic/total"] == pytest.approx(
        wasserstein + 10 * penalty + 100 * au
    )


def test_every_view_is_changed_before_a_critic_sees_it():
    _, plain = run_critics(critic_case())
    _, changed = run_critics(critic_case(), WITHOUT_AU45, lambda x: 3 * x)
    assert changed["critic/wasserstein"] == pytest.approx(
        3 * plain["critic/wasserstein"]
    )
    # Units read are 1.5 instead of 0.5; 0.5 is right but of AU01 and AU10.
    au = (14 + 1.4**2 + 1.5**2) / 16
    au += ((5 + 1.4**2) / 6 + (1 + 1.5**2) / 2 + (8 + 1.5**2) / 9) / 4
    assert changed["critic/au"] == pytest.approx(au, rel=1e-5)

    _, plain, _ = run_generator()
    _, changed, _ = run_generator(augment=lambda x: 3 * x)
    name = "generator/adversarial"
    assert changed[name] == pytest.approx(3 * plain[name])
    assert changed["generator/cycle"] == plain["generator/cycle"]


def test_each_sample_counts_with_the_units_of_its_data_set():
    """Two data sets in one batch: the second lacks AU45 and AU10."""
    lacking = WITHOUT_AU45 * [name != "AU10" for name in action_units.NAMES]
    au_mask = np.stack([ONES, lacking])
    _, metrics = run_critics(critic_case(), au_mask=au_mask)
    # As above for the first sample; of AU01 alone for the second.
    first = 0.66 / 17 + (0.41 / 7 + 0.25 / 2 + 0.25 / 9) / 4
    second = 0.16 / 15 + (0.16 / 6 + 0 / 1 + 0 / 8) / 4
    assert metrics["critic/au"] == pytest.approx((first + second) / 2, rel=1e-5)
    # The generator's crops are of both samples in turn, stage by stage.
    parts = [
        run_generator(au_mask=np.tile(row, (2, 1)))[1]["generator/au"]
        for row in au_mask
    ]
    _, metrics, _ = run_generator(au_mask=au_mask)
    assert parts[0] != pytest.approx(parts[1])
    assert metrics["generator/au"] == pytest.approx(np.mean(parts), rel=1e-5)


def test_the_penalty_takes_one_of_a_samples_own_fakes():
    """Patch m²/2 has slope m: the penalty tells where it was taken."""
    finals = [[0.10, 0.15], [0.30, 0.35]]
    initials = [[0.20, 0.25], [0.40, 0.45]]
    outputs = outputs_of(finals, initials, [tf.zeros((2, 17))] * 2)
    batch = {"image": flat([0.5, 0.8]), "action_units": tf.zeros((2, 17))}
    critic = Critic("face", power=2)
    critic.slope = 1.0

    def penalty(*alpha):
        _, metrics = objectives.critic_objective(
            {"face": critic}, outputs, batch, MODEL, LossConfig(), ONES,
            tf.constant(alpha),
        )  # fmt: skip
        return float(metrics["critic/gradient_penalty"])

    def distance(*values):
        return np.mean([(value - 1) ** 2 for value in values])

    picks = [0.0, 0.26, 0.5, 0.999]
    first, second = (0.10, 0.20, 0.30, 0.40), (0.15, 0.25, 0.35, 0.45)
    for pick, fake in zip(picks, first, strict=True):
        assert penalty([0.0, pick], [0.0, 0.0]) == pytest.approx(
            distance(fake, 0.15), rel=1e-5
        )
    for pick, fake in zip(picks, second, strict=True):
        # α is the share of the real image: 0.25 · 0.5 + 0.75 · 0.4 = 0.425.
        assert penalty([0.25, 0.999], [0.5, pick]) == pytest.approx(
            distance(0.425, (0.8 + fake) / 2), rel=1e-5
        )


def test_generator_objective_by_hand():
    weights = {
        "lambda_adv": 2.0, "lambda_au": 100.0, "lambda_cyc": 5.0,
        "lambda_zero": 7.0, "lambda_tv": 11.0, "lambda_paired": 13.0,
    }  # fmt: skip
    total, metrics, _ = run_generator(**weights)
    # Steps of 0.05 + 0.2 · 0.5: images 0.25 and 0.4, initially 0.35 and 0.5.
    adversarial = -0.375 * (2 + 8 / 4)
    # Wanted are 0.25 and 0.5: errors 0 and 0.01, 0.01 and 0; but of AU09 0.45
    # and 0.9: 0.04 and 0.01, 0.25 and 0.16. AU45 is masked.
    most, nose = 0.02 / 4, 0.46 / 4
    au = (15 * most + nose) / 16 + (most + (most + nose) / 2 + most) / 4
    expected = {
        "generator/adversarial": adversarial,
        "generator/au": au,
        # There 0.1 + 0.2, back 0.1 − 0.2; nothing to do 0.1.
        "generator/cycle": 0.2,
        "generator/zero": 0.1,
        # Five branches of 0.2 to 0.6 and of 0.3 to 0.7, flat but for one,
        # where |dx| is 1 and the mean 0.5 instead of 0.4.
        "generator/attention": 0.45 + 0.1 / 10,
        "generator/tv": 1 / 10,
        # Of the first of two samples: |0.4 − 0.5| and |0.5 − 0.5|.
        "generator/paired": 0.1 / 2,
    }
    parts = {name: metrics[name] for name in expected}
    assert parts == pytest.approx(expected, rel=1e-4, abs=1e-6)
    assert metrics["generator/total"] == total
    assert total == pytest.approx(
        2 * adversarial
        + 100 * au
        + 5 * 0.2
        + 7 * 0.1
        + 3 * 0.46
        + 11 * 0.1
        + 13 * 0.05,
        rel=1e-5,
    )
    # By branch, the mean of both stages.
    means = {key: v for key, v in metrics.items() if key[0] == "a"}
    assert means == pytest.approx(
        {
            "attention/face": 0.25, "attention/eyes": 0.35,
            "attention/nose": 0.5, "attention/mouth": 0.55,
            "attention/refiner": 0.65,
        }
    )  # fmt: skip


def test_cycle_and_zero_edit_go_from_the_right_place_to_the_right_units():
    batch = make_batch()
    source, target = batch["action_units"], batch["target_action_units"]
    _, _, generator = run_generator(batch)
    there, back = generator.calls
    for key, value in {
        "image": batch["image"],
        "source_action_units": source,
        "target_action_units": target,
    }.items():
        np.testing.assert_array_equal(there[key], value)
    np.testing.assert_allclose(
        first_pixel(back["image"]), [0.4] * 2 + [0.1] * 2
    )
    np.testing.assert_array_equal(
        back["source_action_units"], tf.concat([target, source], 0)
    )
    np.testing.assert_array_equal(
        back["target_action_units"], tf.concat([source, source], 0)
    )


def test_cycle_and_zero_edit_may_run_on_a_part_of_the_batch():
    batch = make_batch()
    batch["image"] = flat([0.1, 0.5])
    _, metrics, generator = run_generator(batch, cycle_every=1, zero_every=2)
    _, back = generator.calls
    np.testing.assert_allclose(
        first_pixel(back["image"]), [0.4, 0.8] + [0.1], rtol=1e-6
    )
    source, target = batch["action_units"], batch["target_action_units"]
    np.testing.assert_array_equal(
        back["source_action_units"], tf.concat([target, source[:1]], 0)
    )
    # There 0.1 + 0.2, back 0.1 − 0.2, of both; nothing to do 0.1, of the first.
    assert metrics["generator/cycle"] == pytest.approx(0.2, rel=1e-5)
    assert metrics["generator/zero"] == pytest.approx(0.1, rel=1e-5)


@pytest.mark.parametrize("cycle,zero", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_a_weight_of_0_saves_the_pass(cycle, zero):
    _, metrics, generator = run_generator(lambda_cyc=cycle, lambda_zero=zero)
    assert ("generator/cycle" in metrics) == bool(cycle)
    assert ("generator/zero" in metrics) == bool(zero)
    assert "generator/paired" not in metrics
    rows = [len(call["image"]) for call in generator.calls]
    assert rows == [2] + ([2 * (cycle + zero)] if cycle or zero else [])


def test_paired_looks_at_the_last_stage_where_there_is_a_target():
    def paired(has_ground_truth, model=MODEL):
        batch = make_batch()
        batch["has_ground_truth"] = tf.constant(has_ground_truth)
        batch["ground_truth"] = flat([0.5, 0.7])
        _, metrics, _ = run_generator(
            batch, Generator(model), lambda_paired=1.0
        )
        return pytest.approx(metrics["generator/paired"], rel=1e-5)

    # |0.4 − x| + |0.5 − x| of the samples that count, over both.
    assert paired([1.0, 0.0]) == (0.1 + 0) / 2
    assert paired([0.0, 1.0]) == (0.3 + 0.2) / 2
    assert paired([1.0, 1.0]) == (0.1 + 0.5) / 2
    assert paired([0.0, 0.0]) == 0
    # Without local branches there is one image, and it counts twice.
    assert paired([0.0, 1.0], BARE) == (0.3 + 0.3) / 2


def test_edges_are_compared_where_there_is_a_target():
    batch = make_batch()
    batch["has_ground_truth"] = tf.constant([1.0, 0.0])
    truth = np.zeros(batch["image"].shape, "float32")
    truth[:, :, ::2] = 0.5
    batch["ground_truth"] = tf.constant(truth)
    total, metrics, _ = run_generator(batch, lambda_edges=3.0)
    # Flat edits; columns of the true ones step by 0.5.
    assert metrics["generator/edges"] == pytest.approx(0.25)
    assert "generator/paired" not in metrics
    without, metrics, _ = run_generator(batch)
    assert total - without == pytest.approx(3 * 0.25)
    assert "generator/edges" not in metrics


def test_estimator_objective_counts_unmasked_units_of_real_images():
    batch = make_batch()
    seen = []

    def estimator(image, training):
        seen.append(image)
        # Off by 0.2, by 0.6 on AU09 and by 1 on AU45.
        units = np.full((2, 17), 0.2, "float32")
        units[:, unit("AU09")], units[:, unit("AU45")] = 0.6, 1.0
        return tf.constant(units)

    error, metrics = objectives.estimator_objective(
        estimator, batch, WITHOUT_AU45
    )
    assert seen[0] is batch["image"]
    assert float(error) == pytest.approx((15 * 0.04 + 0.36) / 16)
    assert metrics == {"estimator/au": error}
