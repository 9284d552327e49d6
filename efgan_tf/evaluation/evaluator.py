"""Evaluates a model on people whom it has never seen."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

import efgan_tf
from efgan_tf import config as config_lib
from efgan_tf.common.errors import UserError
from efgan_tf.common.progress import say
from efgan_tf.config import Config, DataConfig
from efgan_tf.data import Faces, load_parts
from efgan_tf.evaluation import features, groups, protocol
from efgan_tf.evaluation.augmentation_benefit import compare_augmentation
from efgan_tf.evaluation.comparison import SavedScores
from efgan_tf.evaluation.control import measure_control
from efgan_tf.evaluation.evaluation_settings import EvaluateConfig
from efgan_tf.evaluation.judges import train_judges
from efgan_tf.evaluation.metrics.image_quality import psnr
from efgan_tf.evaluation.metrics.intervals import bootstrap_mean
from efgan_tf.evaluation.protocol import Pairs
from efgan_tf.evaluation.scoring import ScoringContext
from efgan_tf.evaluation.summaries import summarize_edits
from efgan_tf.evaluation.tables import EDIT
from efgan_tf.trained.checkpoints import Checkpoints
from efgan_tf.trained.loading import editing_model, load_network
from efgan_tf.trained.model import EditingModel
from efgan_tf.trained.network import TrainedNetwork
from efgan_tf.trained.run_directory import RunDirectory, data_digest
from efgan_tf.trained.runs import read_run


@dataclasses.dataclass(frozen=True, eq=False)
class EvaluatedModel:
    """A model and the faces of one data set that it is evaluated on.

    Attributes:
      name: what the report calls it: the run's folder, or `--model`.
      trained: the model.
      train: faces that teach the judges; a run has learned from them too.
      held_out: faces of other people, which are edited.
      data: where they are from.
      part: name of that data set in a mix; empty without one.
      settings: of the run; None for a model without one.
      progress: the checkpoint's name and position; None likewise.
    """

    name: str
    trained: TrainedNetwork
    train: Faces
    held_out: Faces
    data: DataConfig
    part: str
    settings: Config | None
    progress: dict[str, Any] | None


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
    """What was found.

    Attributes:
      report: everything that goes into report.json.
      pairs: the edits that were scored.
      edited: float32 `[n, S, S, 3]`, their results.
      saved: the scores of each edit.
    """

    report: dict[str, Any]
    pairs: Pairs
    edited: np.ndarray
    saved: SavedScores


def evaluate(config: EvaluateConfig) -> dict[str, Evaluation]:
    """Edits held-out pictures and scores the results.

    Returns:
      What was found on each data set of a mix, by the sets' names; for one
      alone, or the one that was asked for, the name is empty.

    Raises:
      UserError: there is no such model, its data is gone or has changed,
        nobody was held out, a file of weights does not fit, or a table of
        groups is wrong.
    """
    models = _read_models(config)
    found = {}
    for evaluated in models:
        name = "" if len(models) == 1 else evaluated.part
        if name:
            say(f"evaluating on {name}")
        try:
            found[name] = _evaluate(evaluated, config)
        except UserError as error:
            if not name:
                raise
            raise UserError(
                f"{name}: {error} (--only=SET evaluates on one data set)"
            ) from error
    return found


def _evaluate(evaluated: EvaluatedModel, config: EvaluateConfig) -> Evaluation:
    """Evaluates on one data set."""
    train, held_out = evaluated.train, evaluated.held_out
    info = evaluated.trained.info.model
    model = editing_model(evaluated.name, evaluated.trained)
    network, perceptual = _optional_networks(config)
    pairs = protocol.make_pairs(held_out, train, config.pairs)
    people = groups.groups_of(
        sorted(set(pairs.subjects.tolist())), evaluated.data, config.groups
    )
    say("training the judges, or taking them from the cache")
    cache = Path(evaluated.data.data_dir, "judges")
    judges = train_judges(train, held_out, config.judges, cache)
    say(f"editing {len(pairs)} pictures of {_people(pairs)} people")
    edited = protocol.edit_faces(
        model, pairs.images, pairs.source, pairs.target
    )
    # Another data set of a mix may have units that this one lacks.
    au_mask = model.au_mask * train.au_mask
    findings, scores = summarize_edits(
        edited,
        pairs,
        ScoringContext(judges, info.boxes, au_mask, network, perceptual),
    )
    settings = evaluated.settings
    report = {
        "efgan_tf": efgan_tf.__version__,
        "run": evaluated.name,
        "model": dataclasses.asdict(info),
        "weights": features.weights_sha256(evaluated.trained.keras_model),
        "training": evaluated.progress,
        "settings": dataclasses.asdict(settings) if settings else None,
        "evaluation": dataclasses.asdict(config),
        "data": _data_facts(evaluated, pairs),
        **findings,
        "groups": groups.by_group(scores, pairs.subjects, people),
        "zero_edit_psnr": _zero_edit(model, pairs),
    }
    if config.augmentation:
        say("training the expression judge on edited pictures too")
        own = protocol.make_pairs(train, train, config.pairs)
        own = own.chosen(own.expressions != "")
        report["augmentation"] = compare_augmentation(
            train,
            held_out,
            protocol.edit_faces(model, own.images, own.source, own.target),
            own.expressions,
            config.judges,
        )
    if "units" in judges.networks:
        say("moving every slider")
        report["control"] = measure_control(model, judges, pairs, au_mask)
    saved = SavedScores(scores[EDIT], pairs.subjects, pairs.large_gaps(au_mask))
    return Evaluation(report, pairs, edited, saved)


def _read_models(config: EvaluateConfig) -> list[EvaluatedModel]:
    """The run or the model that is evaluated, with each data set's people.

    Raises:
      UserError: there is no such model or set, or its data is gone or has
        changed.
    """
    run = None if config.model else RunDirectory(Path(config.run_dir))
    settings = run.read_config() if run else _data_of(Path(config.data_of))
    moved = {
        name: getattr(config, name)
        for name in ("data_dir", "source_dir")
        if getattr(config, name)
    }
    settings = config_lib.replace(settings, moved)
    trained = read_run(run.path) if run else load_network(config.model)
    size = trained.info.model.image_size
    train = load_parts(settings.data, size, "train")
    held_out = load_parts(settings.data, size, "test", beside=train)
    if run:
        run.check_data(*(part.faces for part in (*train, *held_out)))
    models = [
        EvaluatedModel(
            name=str(run.path) if run else config.model,
            trained=trained,
            train=one.faces,
            held_out=other.faces,
            data=part.data,
            part=part.name if settings.data.mix else "",
            settings=settings if run else None,
            progress=_progress(run) if run else None,
        )
        for part, one, other in zip(
            settings.data.parts, train, held_out, strict=True
        )
    ]
    chosen = [model for model in models if config.only in ("", model.part)]
    if not chosen:
        names = ", ".join(model.part for model in models if model.part)
        raise UserError(
            f"--only={config.only} is none of the data sets of a mix"
            + (f": {names}" if names else ", since there is one alone")
        )
    return chosen


def _data_of(source: Path) -> Config:
    """The settings of a run, or in a flag file."""
    if source.is_dir():
        return RunDirectory(source).read_config()
    if source.is_file():
        return config_lib.from_flag_file(source)
    raise UserError(
        f"--data_of={source} does not exist; name a run, or a flag file that "
        "says which data"
    )


def _progress(run: RunDirectory) -> dict[str, Any]:
    found = Checkpoints(run.checkpoints, keep=1).latest()
    assert found is not None  # `read_run` has read it
    path, position, _ = found
    return {"checkpoint": path.name, **dataclasses.asdict(position)}


def _optional_networks(
    config: EvaluateConfig,
) -> tuple[features.FeatureNetwork | None, features.Lpips | None]:
    """The networks of FID and LPIPS, where they are given; None otherwise."""
    network = perceptual = None
    if config.inception_weights:
        network = features.inception(config.inception_weights)
    if config.feature_network:
        network = features.FeatureNetwork(
            config.feature_network,
            features.load_network(config.feature_network),
        )
    if config.lpips_network:
        perceptual = features.Lpips(config.lpips_network, config.lpips_weights)
    return network, perceptual


def _zero_edit(model: EditingModel, pairs: Pairs) -> dict[str, Any]:
    """PSNR of zero edits, whose targets are the sources' own units."""
    _, first = np.unique(pairs.source_index, return_index=True)
    images, source = pairs.images[first], pairs.source[first]
    same = protocol.edit_faces(model, images, source, source)
    return dataclasses.asdict(
        bootstrap_mean(psnr(same, images), pairs.subjects[first])
    )


def _data_facts(evaluated: EvaluatedModel, pairs: Pairs) -> dict[str, Any]:
    train, held_out = evaluated.train, evaluated.held_out
    name = evaluated.data.dataset
    return {
        "dataset": f"{evaluated.part} ({name})" if evaluated.part else name,
        "digest": data_digest(train, held_out),
        "train": {"pictures": len(train), "people": _people(train)},
        "test": {
            "pictures": len(held_out),
            "people": _people(held_out),
            "subjects": sorted(set(held_out.subjects.tolist())),
        },
        "pairs": len(pairs),
        "pairs_with_true_picture": int(pairs.has_ground_truth.sum()),
        "expressions": list(protocol.expressions_of(train)),
    }


def _people(faces: Faces | Pairs) -> int:
    return len(set(faces.subjects.tolist()))
