"""Evaluates a run on people whom it has never seen."""

import dataclasses
import hashlib
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
from efgan_tf.errors import UserError
from efgan_tf.evaluation import features, judges, protocol, scoring
from efgan_tf.evaluation.control import Control, measure_control
from efgan_tf.evaluation.judges import Judges
from efgan_tf.evaluation.metrics import pictures
from efgan_tf.evaluation.metrics.intervals import bootstrap_mean
from efgan_tf.evaluation.perceptual import Lpips
from efgan_tf.evaluation.protocol import Pairs
from efgan_tf.evaluation.settings import EvaluateConfig
from efgan_tf.training.run_directory import RunDirectory

NO_EDIT, EDIT, TRUE = "no edit", "edit", "true picture"
ALL, LARGE = "all", "large changes"


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
    """What was found.

    Attributes:
      report: everything that goes into report.json.
      pairs: the edits that were judged.
      edited: float32 `[n, S, S, 3]`, their results.
      control: responses to the sliders; None without a judge of units.
    """

    report: dict[str, Any]
    pairs: Pairs
    edited: np.ndarray
    control: Control | None


def evaluate_run(config: EvaluateConfig) -> Evaluation:
    """Edits held-out pictures and judges the results.

    Raises:
      UserError: there is no such run, its data is gone or has changed, or
        nobody was held out.
    """
    run = RunDirectory(Path(config.run_dir))
    settings = _settings(run, config)
    trained = read_run(run.path)
    model = editing_model(config.run_dir, trained)
    size = settings.model.image_size
    train = load_faces(settings.data, size, "train")
    held_out = load_faces(settings.data, size, "test")
    run.check_data(train, held_out)
    pairs = protocol.make_pairs(held_out, train, config.pairs, config.eval_seed)
    say("training the judges, or taking them from the cache")
    cache = Path(
        config.judges.judge_dir or Path(settings.data.data_dir, "judges")
    )
    panel = judges.train_judges(train, held_out, config.judges, cache)
    say(f"editing {len(pairs)} pictures of {_people(pairs)} people")
    edited = model.edit(pairs.images, pairs.source, pairs.target).images[:, -1]
    if not np.isfinite(edited).all():
        raise UserError(
            f"edits of {config.run_dir} are not finite numbers: its weights "
            "are broken; go back to an older checkpoint"
        )
    control = None
    if panel.estimate(pairs.images[:1]) is not None:
        say("moving every slider")
        control = measure_control(model, panel, pairs)
    report = {
        "efgan_tf": efgan_tf.__version__,
        "run": str(run.path),
        "model": dataclasses.asdict(settings.model),
        "weights": features.weights_sha256(trained.keras_model),
        "training": _progress_of(run),
        "data": _data_facts(settings, train, held_out, pairs),
        "seed": config.eval_seed,
        **_judge(config, settings, model, panel, pairs, edited),
        "zero_edit_psnr": _zero_edit(model, pairs, config.eval_seed),
    }
    if config.augmentation:
        say("training the expression judge on edited pictures too")
        report["augmentation"] = _augmentation(model, train, held_out, config)
    if control:
        report["control"] = _jsonable(dataclasses.asdict(control))
    return Evaluation(report, pairs, edited, control)


def _settings(run: RunDirectory, config: EvaluateConfig) -> Config:
    """The run's settings, with the places of its data where they moved."""
    settings = run.read_config()
    moved = {
        name: getattr(config, name)
        for name in ("data_dir", "source_dir")
        if getattr(config, name)
    }
    return config_lib.replace(settings, moved)


def _judge(
    config: EvaluateConfig,
    settings: Config,
    model: EditingModel,
    panel: Judges,
    pairs: Pairs,
    edited: np.ndarray,
) -> dict[str, Any]:
    """The rows of the table, and who made them."""
    network, perceptual = None, None
    if config.inception_weights:
        network = features.inception(config.inception_weights)
    if config.lpips_network:
        perceptual = Lpips(config.lpips_network, config.lpips_weights)
    candidates = {NO_EDIT: pairs.images, EDIT: edited}
    if pairs.has_true.any():
        truth = np.where(
            pairs.has_true[:, None, None, None], pairs.true_images, pairs.images
        )
        candidates[TRUE] = truth
    subsets = {
        ALL: np.ones(len(pairs), bool),
        LARGE: pairs.large_gaps(model.learned),
    }
    rows, notes, scores = {}, [], {}
    for name, images in candidates.items():
        scores[name] = scoring.picture_scores(
            images, pairs, panel, settings.model.boxes, model.learned,
            perceptual,
        )  # fmt: skip
        rows[name] = {}
        for subset, chosen in subsets.items():
            summary = scoring.summarize(
                scores[name], pairs, chosen, config.eval_seed
            )
            row = {k: dataclasses.asdict(v) for k, v in summary.items()}
            if name != TRUE:
                found, note = scoring.set_scores(
                    images[chosen],
                    pairs.chosen(chosen),
                    network or panel.features,
                )
                row |= {k: {"mean": v} for k, v in found.items()}
                notes += [f"FID, {subset}: {note}"] if note else []
            rows[name][subset] = row
    gains = scoring.difference(
        scores[EDIT], scores[NO_EDIT], pairs, config.eval_seed
    )
    return {
        "definitions": {
            name: dataclasses.asdict(metric)
            for name, metric in scoring.METRICS.items()
        },
        "rows": rows,
        "edit_minus_no_edit": {
            k: dataclasses.asdict(v) for k, v in gains.items()
        },
        "judges": {
            "scores": panel.scores,
            "verdicts": list(panel.verdicts),
            "digest": panel.digest,
        },
        "features": {
            "name": network.name if network else "the judge's features",
            "digest": network.sha256 if network else panel.digest,
        },
        "lpips": {"name": perceptual.name, "digest": perceptual.sha256}
        if perceptual
        else None,
        "notes": [*_missing(pairs, panel), *dict.fromkeys(notes)],
    }


def _missing(pairs: Pairs, panel: Judges) -> list[str]:
    """Which columns there cannot be, and why."""
    notes = []
    if not pairs.has_true.any():
        notes.append(
            "no person has another picture in the same view, so the true "
            "results are unknown: no PSNR, SSIM, LPIPS and ghosting; "
            "sharpness, FID and KID compare with the sources"
        )
    absent = sorted({"units", "expression", "identity"} - set(panel.networks))
    if absent:
        notes.append(f"the data teaches no judge of {', '.join(absent)}")
    return notes


def _zero_edit(model: EditingModel, pairs: Pairs, seed: int) -> dict[str, Any]:
    """PSNR of edits to the expression that is there already."""
    _, first = np.unique(pairs.images, axis=0, return_index=True)
    images, source = pairs.images[first], pairs.source[first]
    same = model.edit(images, source, source).images[:, -1]
    scores = pictures.psnr(same, images)
    interval = bootstrap_mean(scores, pairs.subjects[first], seed=seed)
    return dataclasses.asdict(interval)


def _augmentation(
    model: EditingModel, train: Faces, held_out: Faces, config: EvaluateConfig
) -> dict[str, float]:
    """The paper's test: do edited pictures help to learn expressions?"""
    pairs = protocol.make_pairs(train, train, config.pairs, config.eval_seed)
    named = pairs.chosen(pairs.expressions != "")
    edited = model.edit(named.images, named.source, named.target).images[:, -1]
    return judges.compare_augmentation(
        train, held_out, edited, named.expressions, config.judges
    )


def _data_facts(
    settings: Config, train: Faces, held_out: Faces, pairs: Pairs
) -> dict[str, Any]:
    digest = hashlib.sha256()
    for faces in (train, held_out):
        for picture in faces.encoded:
            digest.update(picture)
    return {
        "dataset": settings.data.dataset,
        "digest": digest.hexdigest(),
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
    from efgan_tf.training.checkpoints import Checkpoints

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
