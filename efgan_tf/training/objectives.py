"""What the critics and the generator minimize, put together from the losses.

Pure functions of networks and a batch: no optimizer, no state; only the
gradient penalty needs TensorFlow. docs/method.md writes them as equations. A
batch is a dict of float32 tensors: `image` and `ground_truth` `[b, S, S, 3]` in
[-1, 1], `action_units` and `target_action_units` `[b, 17]` in 0–1,
`has_ground_truth` `[b]`.
"""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from efgan_tf.config import LossConfig, ModelConfig
from efgan_tf.models import critic_crop, region_units
from efgan_tf.training import losses
from efgan_tf.training.augmentation import Augment, unchanged
from efgan_tf.training.gradient_penalty import gradient_penalty, r1_penalty
from efgan_tf.training.losses import Tensor

Batch = Mapping[str, Tensor]
Metrics = dict[str, Tensor]
Terms = dict[str, tuple[Any, Tensor]]
"""The terms of a loss: name → (weight, value), both scalars."""
FACE = "face"


def generate(
    generator: keras.Model,
    image: Tensor,
    source: Tensor,
    target: Tensor,
) -> dict[str, Any]:
    """Runs the cascade on `image` from the units `source` to `target`."""
    return generator(
        {
            "image": image,
            "source_action_units": source,
            "target_action_units": target,
        },
        training=True,
    )


def generate_edit(generator: keras.Model, batch: Batch) -> dict[str, Any]:
    """Runs the cascade on a batch, from its units to the target units."""
    return generate(
        generator,
        batch["image"],
        batch["action_units"],
        batch["target_action_units"],
    )


def critic_inputs(
    outputs: Mapping[str, Any], region: str, model: ModelConfig
) -> list[tuple[Tensor, Tensor]]:
    """What one critic sees: (its crop, target units), all stages.

    Each stage gives the critic's crop of its final image and the initial
    output of the critic's branch. Without local branches they are the same
    image, which comes once.
    """
    inputs = []
    for stage in outputs["stages"]:
        crops = [critic_crop(stage["image"], region, model.boxes)]
        if model.local_branches:
            crops.append(stage["branches"][region]["image"])
        inputs += [(crop, stage["action_units"]) for crop in crops]
    return inputs


def critic_objective(
    critics: Mapping[str, keras.Model],
    outputs: Mapping[str, Any],
    batch: Batch,
    model: ModelConfig,
    weights: LossConfig,
    au_mask: Tensor,
    alpha: Tensor,
    augment: Augment = unchanged,
) -> tuple[Tensor, Metrics]:
    """The critics' loss on a batch and on what the generator made of it.

    Wasserstein distance, gradient penalty between the real images and one of
    the fakes each (or at the real images), and AU regression on the
    real images, in one sum: one optimizer step sees them all.

    Args:
      critics: region → critic.
      outputs: the cascade's outputs for the batch, without gradients.
      batch: see the module.
      model: boxes and branches.
      weights: the losses' weights.
      au_mask: float32 `[17]`, or `[b, 17]` where samples are of several data
        sets, 1 for the units that the data set has.
      alpha: `[b, 2]` in [0, 1): place between real and fake, and which fake.
      augment: changes every crop before a critic sees it.

    Returns:
      The scalar loss, and its parts by name.
    """
    terms: Terms = {}
    for region, critic in critics.items():
        real = augment(critic_crop(batch["image"], region, model.boxes))
        fakes = [
            augment(crop) for crop, _ in critic_inputs(outputs, region, model)
        ]
        scores = critic(ops.concatenate([real, *fakes]), training=True)
        real_patch, fake_patch = _split(scores["patch"], ops.shape(real)[0])
        real_units, _ = _split(scores["action_units"], ops.shape(real)[0])
        wasserstein = losses.wasserstein_critic(real_patch, fake_patch)
        penalty = _penalty(critic, real, fakes, weights, alpha)
        au = _unit_error(real_units, batch["action_units"], region, au_mask)
        of_region: Terms = {
            "wasserstein": (1.0, wasserstein),
            "gradient_penalty": (weights.lambda_gp, penalty),
            "au": (weights.lambda_au_critic, au),
        }
        _add_region(terms, region, of_region, weights)
    return _weighted_sum("critic", terms)


def generator_objective(
    generator: keras.Model,
    outputs: Mapping[str, Any],
    critics: Mapping[str, keras.Model],
    batch: Batch,
    model: ModelConfig,
    weights: LossConfig,
    au_mask: Tensor,
    lambda_att: Tensor,
    augment: Augment = unchanged,
) -> tuple[Tensor, Metrics]:
    """The generator's loss on a batch.

    The critics see every stage's output; the cycle runs once over the whole
    cascade; the paired terms look at the last stage. A weight of 0 leaves the
    cycle, the zero edit or a paired term (and its forward pass) out of the
    graph.

    Args:
      generator: the cascade.
      outputs: its outputs for the batch (`generate_edit`).
      critics: region → critic.
      batch, model, weights, au_mask: as in `critic_objective`.
      lambda_att: scalar, the scheduled weight of the mean attention.
      augment: changes every crop before a critic sees it.

    Returns:
      The scalar loss, and its parts by name.
    """
    terms: Terms = {}
    for region, critic in critics.items():
        adversarial, au = _critic_terms(
            critic, outputs, region, model, au_mask, augment
        )
        of_region: Terms = {
            "adversarial": (weights.lambda_adv, adversarial),
            "au": (weights.lambda_au, au),
        }
        _add_region(terms, region, of_region, weights)
    terms |= _cycle_and_zero_edit(generator, outputs, batch, weights)
    attention, tv = _attention(outputs)
    terms["attention"] = lambda_att, attention
    terms["tv"] = weights.lambda_tv, tv
    if weights.lambda_paired:
        paired = _paired(outputs, batch, model)
        terms["paired"] = weights.lambda_paired, paired
    if weights.lambda_edges:
        ground_truth = batch["ground_truth"]
        edges = losses.edges_l1(
            outputs["image"], ground_truth, batch["has_ground_truth"]
        )
        terms["edges"] = weights.lambda_edges, edges
    total, metrics = _weighted_sum("generator", terms)
    return total, {**metrics, **_attention_means(outputs)}


def estimator_objective(
    estimator: keras.Model, batch: Batch, au_mask: Tensor
) -> tuple[Tensor, Metrics]:
    """Squared error of the AU estimator on real images."""
    predicted = estimator(batch["image"], training=True)
    error = losses.action_unit_regression(
        predicted, batch["action_units"], au_mask
    )
    return error, {"estimator/au": error}


def _penalty(critic, real, fakes, weights: LossConfig, alpha):
    """The penalty on a critic's slope that `--penalty` names."""

    def patch(images):
        return critic(images, training=True)["patch"]

    if weights.penalty == "r1":
        return r1_penalty(patch, real)
    place = ops.reshape(alpha[:, 0], (-1, 1, 1, 1))
    return gradient_penalty(patch, real, _pick(fakes, alpha[:, 1]), place)


def _add_region(
    terms: Terms, region: str, of_region: Terms, weights: LossConfig
) -> None:
    """Adds the terms of one critic to the sums over all critics."""
    share = 1.0 if region == FACE else weights.local_weight
    for name, (weight, value) in of_region.items():
        _, before = terms.get(name, (weight, 0.0))
        terms[name] = weight, before + share * value


def _weighted_sum(prefix: str, terms: Terms) -> tuple[Tensor, Metrics]:
    """The sum of weight × value, and the values by `prefix/name`."""
    total = sum(weight * value for weight, value in terms.values())
    metrics = {f"{prefix}/{name}": value for name, (_, value) in terms.items()}
    return total, {**metrics, f"{prefix}/total": total}


def _critic_terms(critic, outputs, region, model, au_mask, augment):
    """Adversarial and AU terms of one critic over all that it sees."""
    crops, targets = zip(*critic_inputs(outputs, region, model), strict=True)
    scores = critic(ops.concatenate([*map(augment, crops)]), training=True)
    au = _unit_error(
        scores["action_units"],
        ops.concatenate(targets),
        region,
        # Per sample, they are repeated as the crops are.
        ops.tile(au_mask, (len(crops), 1)) if au_mask.ndim == 2 else au_mask,
    )
    return losses.wasserstein_generator(scores["patch"]), au


def _unit_error(predicted, units, region, au_mask):
    """AU regression of a critic, on the units of its region."""
    indices = region_units(region)
    return losses.action_unit_regression(
        predicted,
        ops.take(units, indices, axis=1),
        ops.take(au_mask, indices, axis=-1),
    )


def _attention(outputs):
    """Mean and total variation of all attention maps."""
    maps = [
        branch["attention"]
        for stage in outputs["stages"]
        for branch in stage["branches"].values()
    ]
    mean = sum(losses.attention_mean(a) for a in maps) / len(maps)
    return mean, sum(losses.attention_tv(a) for a in maps) / len(maps)


def _attention_means(outputs) -> Metrics:
    """Mean attention by branch, over the stages; near 1 it is saturated."""
    stages = outputs["stages"]
    return {
        f"attention/{name}": sum(
            losses.attention_mean(stage["branches"][name]["attention"])
            for stage in stages
        )
        / len(stages)
        for name in stages[0]["branches"]
    }


def _cycle_and_zero_edit(
    generator, outputs, batch, weights: LossConfig
) -> Terms:
    """Cycle (edit back to the source) and zero edit, in one forward pass.

    Nothing in the networks mixes samples, so two passes may be one batch.
    """
    image, source = batch["image"], batch["action_units"]
    target = batch["target_action_units"]
    lambdas, runs = {}, {}
    if weights.lambda_cyc:
        run = outputs["image"], target, source, image
        lambdas["cycle"] = weights.lambda_cyc
        runs["cycle"] = [part[:: weights.cycle_every] for part in run]
    if weights.lambda_zero:
        run = image, source, source, image
        lambdas["zero"] = weights.lambda_zero
        runs["zero"] = [part[:: weights.zero_every] for part in run]
    if not runs:
        return {}
    *inputs, _ = map(ops.concatenate, zip(*runs.values(), strict=True))
    images = generate(generator, *inputs)["image"]
    terms, start = {}, 0
    for name, (*_, expected) in runs.items():
        end = start + ops.shape(expected)[0]
        terms[name] = lambdas[name], losses.l1(images[start:end], expected)
        start = end
    return terms


def _paired(outputs, batch, model: ModelConfig):
    """L1 to the ground truth: the last stage's image and its branches'."""
    stage, ground_truth = outputs["stages"][-1], batch["ground_truth"]
    has_ground_truth = batch["has_ground_truth"]
    final = losses.l1(stage["image"], ground_truth, has_ground_truth)
    initial = [
        losses.l1(
            branch["image"],
            critic_crop(ground_truth, name, model.boxes),
            has_ground_truth,
        )
        for name, branch in stage["branches"].items()
        if "image" in branch
    ]
    return final + sum(initial) / len(initial)


def _split(tensor, count):
    """The first `count` samples and the others."""
    return tensor[:count], tensor[count:]


def _pick(fakes, place):
    """For each sample one of the fakes, by `place` `[b]` in [0, 1)."""
    index = ops.cast(ops.floor(place * len(fakes)), "int32")
    choice = ops.one_hot(index, len(fakes), dtype="float32")
    stacked = ops.stack(fakes, axis=1)
    return ops.sum(stacked * choice[:, :, None, None, None], axis=1)
