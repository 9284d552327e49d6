"""Evaluates a model on people whom it has never seen."""

import dataclasses
import sys
from pathlib import Path
from typing import Any

import numpy as np

import efgan_tf
from efgan_tf.common.errors import UserError
from efgan_tf.data import Faces
from efgan_tf.evaluation import augmentation, features, groups, judges, protocol
from efgan_tf.evaluation.comparison import SavedScores
from efgan_tf.evaluation.control import Control, measure_control
from efgan_tf.evaluation.evaluated_model import EvaluatedModel, read_models
from efgan_tf.evaluation.evaluation_settings import EvaluateConfig
from efgan_tf.evaluation.features import Lpips
from efgan_tf.evaluation.metrics import image_quality
from efgan_tf.evaluation.metrics.intervals import bootstrap_mean
from efgan_tf.evaluation.protocol import Pairs
from efgan_tf.evaluation.summaries import Instruments, judged
from efgan_tf.trained.loading import editing_model
from efgan_tf.trained.model import EditingModel


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
    """What was found.

    Attributes:
      report: everything that goes into report.json.
      pairs: the edits that were judged.
      edited: float32 `[n, S, S, 3]`, their results.
      scores: of each edit.
      control: responses to the sliders; None without a judge of units.
    """

    report: dict[str, Any]
    pairs: Pairs
    edited: np.ndarray
    scores: SavedScores
    control: Control | None


def evaluate(config: EvaluateConfig) -> dict[str, Evaluation]:
    """Edits held-out pictures and judges the results.

    Returns:
      What was found on each data set of a mix, by the sets' names; for one
      alone, or the one that was asked for, the name is empty.

    Raises:
      UserError: there is no such model, its data is gone or has changed,
        nobody was held out, a file of weights does not fit, or a table of
        groups is wrong.
    """
    models = read_models(config)
    found = {}
    for evaluated in models:
        name = "" if len(models) == 1 else evaluated.part
        if name:
            say(f"judging on {name}")
        try:
            found[name] = _evaluate(evaluated, config)
        except UserError as error:
            if not name:
                raise
            raise UserError(
                f"{name}: {error} (--only=SET judges one data set)"
            ) from error
    return found


def _evaluate(evaluated: EvaluatedModel, config: EvaluateConfig) -> Evaluation:
    """Judges on one data set."""
    trained, train, held_out = (
        evaluated.trained, evaluated.train, evaluated.held_out,
    )  # fmt: skip
    model = editing_model(evaluated.name, trained)
    network, perceptual = _optional_networks(config)
    pairs = protocol.make_pairs(held_out, train, config.pairs, config.eval_seed)
    people = groups.groups_of(
        sorted(set(pairs.subjects.tolist())), evaluated.data, config.groups
    )
    say("training the judges, or taking them from the cache")
    cache = config.judges.judge_dir or Path(evaluated.data.data_dir, "judges")
    panel = judges.train_judges(train, held_out, config.judges, Path(cache))
    say(f"editing {len(pairs)} pictures of {_people(pairs)} people")
    edited = protocol.edit_faces(
        model, pairs.images, pairs.source, pairs.target
    )
    # What this data set does not know, another one of a mix may have taught.
    learned = model.learned * train.mask
    instruments = Instruments(
        panel, network, perceptual, trained.info.model.boxes, learned,
        people, config.eval_seed,
    )  # fmt: skip
    findings, scores = judged(edited, pairs, instruments)
    control = None
    if "units" in panel.networks:
        say("moving every slider")
        control = measure_control(model, panel, pairs, learned)
    settings = evaluated.settings
    report = {
        "efgan_tf": efgan_tf.__version__,
        "run": evaluated.name,
        "model": dataclasses.asdict(trained.info.model),
        "weights": features.weights_sha256(trained.keras_model),
        "training": evaluated.progress,
        "settings": dataclasses.asdict(settings) if settings else None,
        "evaluation": dataclasses.asdict(config),
        "data": _data_facts(evaluated, pairs),
        "seed": config.eval_seed,
        **findings,
        "zero_edit_psnr": _zero_edit(model, pairs, config.eval_seed),
    }
    if config.augmentation:
        say("training the expression judge on edited pictures too")
        report["augmentation"] = _augmentation(model, train, held_out, config)
    if control:
        report["control"] = _jsonable(dataclasses.asdict(control))
    return Evaluation(report, pairs, edited, scores, control)


def _optional_networks(config: EvaluateConfig):
    """The networks of FID and LPIPS, where they are given; None otherwise."""
    network, perceptual = None, None
    if config.inception_weights:
        network = features.inception(config.inception_weights)
    if config.feature_network:
        network = features.FeatureNetwork(
            config.feature_network,
            features.load_network(config.feature_network),
        )
    if config.lpips_network:
        perceptual = Lpips(config.lpips_network, config.lpips_weights)
    return network, perceptual


def _zero_edit(model: EditingModel, pairs: Pairs, seed: int) -> dict[str, Any]:
    """PSNR of edits to the expression that is there already."""
    _, first = np.unique(pairs.source_index, return_index=True)
    images, source = pairs.images[first], pairs.source[first]
    same = protocol.edit_faces(model, images, source, source)
    scores = image_quality.psnr(same, images)
    interval = bootstrap_mean(scores, pairs.subjects[first], seed=seed)
    return dataclasses.asdict(interval)


def _augmentation(
    model: EditingModel, train: Faces, held_out: Faces, config: EvaluateConfig
) -> dict[str, float]:
    """The paper's test: do edited pictures help to learn expressions?"""
    pairs = protocol.make_pairs(train, train, config.pairs, config.eval_seed)
    named = pairs.chosen(pairs.expressions != "")
    edited = protocol.edit_faces(
        model, named.images, named.source, named.target
    )
    return augmentation.compare_augmentation(
        train, held_out, edited, named.expressions, config.judges
    )


def _data_facts(evaluated: EvaluatedModel, pairs: Pairs) -> dict[str, Any]:
    train, held_out = evaluated.train, evaluated.held_out
    return {
        "dataset": f"{evaluated.part} ({evaluated.data.dataset})"
        if evaluated.part
        else evaluated.data.dataset,
        "digest": evaluated.digest,
        "train": {"pictures": len(train), "people": _people(train)},
        "test": {
            "pictures": len(held_out),
            "people": _people(held_out),
            "subjects": sorted(set(held_out.subjects.tolist())),
        },
        "pairs": len(pairs),
        "pairs_with_true_picture": int(pairs.has_true.sum()),
        "expressions": list(protocol.expressions_of(train)),
    }


def _people(faces: Faces | Pairs) -> int:
    return len(set(faces.subjects.tolist()))


def _jsonable(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.round(4).tolist()
        if isinstance(value, np.ndarray)
        else value
        for name, value in values.items()
    }


def say(line: str) -> None:
    """A line of progress on standard error."""
    print(line, file=sys.stderr, flush=True)
