"""Evaluates a run on people whom it has never seen."""

import dataclasses
import sys
from pathlib import Path
from typing import Any

import numpy as np

import efgan_tf
from efgan_tf import config as config_lib
from efgan_tf.config import Config
from efgan_tf.data import Faces, load_faces
from efgan_tf.editing.loading import editing_model
from efgan_tf.editing.model import EditingModel
from efgan_tf.editing.runs import read_run
from efgan_tf.evaluation import edits, features, judges, protocol
from efgan_tf.evaluation.control import Control, measure_control
from efgan_tf.evaluation.judging import Instruments, judged
from efgan_tf.evaluation.metrics import pictures
from efgan_tf.evaluation.metrics.intervals import bootstrap_mean
from efgan_tf.evaluation.perceptual import Lpips
from efgan_tf.evaluation.protocol import Pairs
from efgan_tf.evaluation.saved_scores import SavedScores
from efgan_tf.evaluation.settings import EvaluateConfig
from efgan_tf.training.checkpoints import Checkpoints
from efgan_tf.training.run_directory import RunDirectory


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


def evaluate_run(config: EvaluateConfig) -> Evaluation:
    """Edits held-out pictures and judges the results.

    Raises:
      UserError: there is no such run, its data is gone or has changed, nobody
        was held out, or a file of weights does not fit.
    """
    run = RunDirectory(Path(config.run_dir))
    settings = _settings(run, config)
    trained = read_run(run.path)
    model = editing_model(config.run_dir, trained)
    network, perceptual = _optional_networks(config)
    train, held_out = (
        load_faces(settings.data, settings.model.image_size, split)
        for split in ("train", "test")
    )
    run.check_data(train, held_out)
    pairs = protocol.make_pairs(held_out, train, config.pairs, config.eval_seed)
    say("training the judges, or taking them from the cache")
    cache = config.judges.judge_dir or Path(settings.data.data_dir, "judges")
    panel = judges.train_judges(train, held_out, config.judges, Path(cache))
    say(f"editing {len(pairs)} pictures of {_people(pairs)} people")
    edited = edits.results(model, pairs.images, pairs.source, pairs.target)
    instruments = Instruments(
        panel, network, perceptual, trained.info.model.boxes, model.learned,
        config.eval_seed,
    )  # fmt: skip
    findings, scores = judged(edited, pairs, instruments)
    control = None
    if "units" in panel.networks:
        say("moving every slider")
        control = measure_control(model, panel, pairs)
    report = {
        "efgan_tf": efgan_tf.__version__,
        "run": str(run.path),
        "model": dataclasses.asdict(trained.info.model),
        "weights": features.weights_sha256(trained.keras_model),
        "training": _progress_of(run),
        "settings": dataclasses.asdict(settings),
        "evaluation": dataclasses.asdict(config),
        "data": _data_facts(run, settings, train, held_out, pairs),
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


def _settings(run: RunDirectory, config: EvaluateConfig) -> Config:
    """The run's settings, with the places of its data where they moved."""
    settings = run.read_config()
    moved = {
        name: getattr(config, name)
        for name in ("data_dir", "source_dir")
        if getattr(config, name)
    }
    return config_lib.replace(settings, moved)


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
    same = edits.results(model, images, source, source)
    scores = pictures.psnr(same, images)
    interval = bootstrap_mean(scores, pairs.subjects[first], seed=seed)
    return dataclasses.asdict(interval)


def _augmentation(
    model: EditingModel, train: Faces, held_out: Faces, config: EvaluateConfig
) -> dict[str, float]:
    """The paper's test: do edited pictures help to learn expressions?"""
    pairs = protocol.make_pairs(train, train, config.pairs, config.eval_seed)
    named = pairs.chosen(pairs.expressions != "")
    edited = edits.results(model, named.images, named.source, named.target)
    return judges.compare_augmentation(
        train, held_out, edited, named.expressions, config.judges
    )


def _data_facts(
    run: RunDirectory,
    settings: Config,
    train: Faces,
    held_out: Faces,
    pairs: Pairs,
) -> dict[str, Any]:
    return {
        "dataset": settings.data.dataset,
        "digest": run.data_digest(),
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


def _progress_of(run: RunDirectory) -> dict[str, Any]:
    path, position, _ = Checkpoints(run.checkpoints, keep=1).latest()
    return {"checkpoint": path.name, **dataclasses.asdict(position)}


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
