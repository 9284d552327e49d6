"""The whole measure: people, edits, readers, and means over people."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

import efgan_tf
from efgan_tf.common.errors import UserError
from efgan_tf.common.progress import Progress
from efgan_tf.editing.editor import Editor
from efgan_tf.evaluation.evaluation_settings import EvaluatePhotosConfig
from efgan_tf.evaluation.metrics import distributions
from efgan_tf.evaluation.metrics.intervals import bootstrap_mean
from efgan_tf.evaluation.photographs import scores as scores_lib
from efgan_tf.evaluation.photographs import sources as sources_lib
from efgan_tf.evaluation.photographs.readers import Readers, load_readers
from efgan_tf.evaluation.photographs.scores import (
    EXPRESSION_EDITS,
    UNIT_EDITS,
    ZERO,
    Score,
)
from efgan_tf.evaluation.photographs.sources import NEUTRAL, SMILE
from efgan_tf.trained.loading import load_model

_Key = TypeVar("_Key")

LEAST_REFERENCES = 20
"""KID needs so many real photographs of an expression."""

GEOMETRIC = ("sharp_eyes", "sharp_mouth")
"""Metrics that are ratios, averaged by their logarithms."""


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
    """What was found.

    Attributes:
      report: everything that goes into report.json.
      scores: every edit.
    """

    report: dict[str, Any]
    scores: list[Score]


def evaluate(config: EvaluatePhotosConfig) -> Evaluation:
    """Measures a model.

    Raises:
      UserError: the model, the readers or a photograph are missing or wrong,
        or nobody is neutral or smiles.
    """
    readers = load_readers(config.readers)
    listed = sources_lib.read_photos(config.photos, config.people)
    real = []
    if config.references:
        real = sources_lib.read_photos(config.photos, config.references)
    editor = Editor(load_model(config.model))
    sources, missed = sources_lib.read_sources(editor, readers, listed)
    edited = [source for source in sources if source.kind in EXPRESSION_EDITS]
    if not edited:
        raise UserError(
            f"nobody of --people={config.people} shows a neutral face or a "
            "broad smile"
        )
    scores, progress = [], Progress("editing photographs", len(edited))
    for source in edited:
        scores += scores_lib.score_edits(editor, readers, source)
        progress.advance()
    progress.finish()
    true = scores_lib.score_truths(editor, readers, sources)
    kids = _kids(editor, readers, real, scores)
    seed = config.eval_seed
    report = {
        "efgan_tf": efgan_tf.__version__,
        "model": config.model,
        "evaluation": dataclasses.asdict(config),
        "features": readers.features.name,
        "without a face": missed,
        "sources": [
            {"file": s.photo.file, "set": s.photo.group, "kind": s.kind}
            for s in sources
        ],
        "edits": {
            kind: {
                name: summary(group, seed) | kids.get((kind, name), {})
                for name, group in _groups(
                    [s for s in scores if s.source.kind == kind],
                    lambda s: s.edit.name,
                ).items()
            }
            for kind in EXPRESSION_EDITS
            if any(s.source.kind == kind for s in scores)
        },
        "truths": {
            way: {
                name: _interval(found, values["subject"], seed)
                if np.ndim(found)
                else {"mean": float(found)}
                for name, found in values.items()
                if name != "subject"
            }
            for way, values in true.items()
        },
        "goals": goals(scores, seed),
    }
    return Evaluation(report, scores)


def _groups(
    scores: Sequence[Score], key: Callable[[Score], _Key]
) -> dict[_Key, list[Score]]:
    groups: dict[_Key, list[Score]] = {}
    for score in scores:
        groups.setdefault(key(score), []).append(score)
    return groups


def summary(scores: Sequence[Score], seed: int) -> dict[str, Any]:
    """metric → its mean over the edits that have it, with an interval."""
    return {
        name: found
        for name in dict.fromkeys(n for s in scores for n in s.values)
        if (found := _mean(scores, name, seed))
    }


def _mean(
    scores: Sequence[Score], name: str, seed: int
) -> dict[str, Any] | None:
    having = [s for s in scores if name in s.values]
    if not having:
        return None
    values = np.array([s.values[name] for s in having])
    subjects = [s.source.photo.subject for s in having]
    return _interval(values, subjects, seed, name in GEOMETRIC)


def _interval(
    values: np.ndarray,
    subjects: Sequence[str] | np.ndarray,
    seed: int,
    geometric: bool = False,
) -> dict[str, Any]:
    interval = bootstrap_mean(
        np.log(values) if geometric else values, subjects, seed=seed
    )
    ends = {n: getattr(interval, n) for n in ("mean", "low", "high")}
    if geometric:
        ends = {
            n: None if end is None else float(np.exp(end))
            for n, end in ends.items()
        }
    return {**ends, "people": interval.subjects}


def _kids(
    editor: Editor,
    readers: Readers,
    real: Sequence[sources_lib.Photo],
    scores: Sequence[Score],
) -> dict[tuple[str, str], dict[str, Any]]:
    """KID of mouths, ×1000: edits, and their sources, against real ones."""
    found = editor.detect_and_align(
        [p.pixels for p in real], sources_lib.LARGEST
    )
    by_expression: dict[str, list[np.ndarray]] = {}
    for photo, subject in zip(real, found, strict=True):
        if isinstance(subject, UserError):
            continue
        shown = sources_lib.aligned(photo.pixels, sources_lib.frame(subject))
        by_expression.setdefault(photo.expression, []).append(shown)
    vectors = {
        name: readers.features.vectors(scores_lib.mouths(np.stack(shown)))
        for name, shown in by_expression.items()
        if len(shown) >= LEAST_REFERENCES
    }
    kids: dict[tuple[str, str], dict[str, Any]] = {}
    for (kind, name), group in _groups(
        scores, lambda s: (s.source.kind, s.edit.name)
    ).items():
        if name not in vectors or len(group) < 2:
            continue
        kids[kind, name] = {"references": len(vectors[name])}
        for label, seen in (
            ("kid", [s.seen for s in group]),
            ("kid_before", [s.source.seen for s in group]),
        ):
            shown = readers.features.vectors(
                scores_lib.mouths(np.stack([each.aligned for each in seen]))
            )
            distance = distributions.kid(shown, vectors[name])
            kids[kind, name][label] = {"mean": 1000 * distance.value}
    return kids


_GOALS: tuple[tuple[str, str, float, str, tuple[str, ...], str], ...] = (
    ("expression seen, from neutral, mean of five", "≥", 0.85, NEUTRAL,
     ("happy", "sad", "angry", "surprised", "disgusted"), "seen"),
    ("expression seen, from a broad smile", "≥", 0.60, SMILE,
     EXPRESSION_EDITS[SMILE], "seen"),
    *((f"share of the change asked for, {name}", "≥", 0.70, NEUTRAL, (name,),
       "share") for name in UNIT_EDITS[NEUTRAL]),
    ("identity distance, expressions from neutral", "≤", 0.38, NEUTRAL,
     EXPRESSION_EDITS[NEUTRAL], "identity"),
    ("identity distance, no change", "≤", 0.16, "", (ZERO,), "identity"),
    ("no change, dB", "≥", 40.0, "", (ZERO,), "zero_psnr"),
)  # fmt: skip


def goals(scores: Sequence[Score], seed: int) -> list[dict[str, Any]]:
    """Where the model stands beside the project's goals."""
    found = []
    for title, sign, goal, kind, names, metric in _GOALS:
        mean = _mean(
            [
                s
                for s in scores
                if s.edit.name in names and kind in ("", s.source.kind)
            ],
            metric,
            seed,
        )
        found.append({"name": title, "goal": f"{sign} {goal:g}", "found": mean})
    return found
