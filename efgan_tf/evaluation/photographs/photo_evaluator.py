"""The whole measure of photographs: sources, edits, means over people."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import efgan_tf
from efgan_tf.common.errors import UserError
from efgan_tf.common.progress import Progress
from efgan_tf.editing.editor import Editor
from efgan_tf.evaluation.evaluation_settings import EvaluatePhotosConfig
from efgan_tf.evaluation.metrics import distributions
from efgan_tf.evaluation.metrics.intervals import bootstrap_mean
from efgan_tf.evaluation.photographs.readers import Readers
from efgan_tf.evaluation.photographs.scores import (
    EXPRESSION_EDITS,
    UNIT_EDITS,
    ZERO_EDIT,
    Score,
    mouths,
    score_edits,
    score_ground_truth,
)
from efgan_tf.evaluation.photographs.sources import (
    LARGEST,
    NEUTRAL,
    SMILE,
    ListedPhoto,
    aligned,
    frame,
    read_photos,
    read_sources,
)
from efgan_tf.trained.loading import load_model

LEAST_REFERENCES = 12
"""KID needs so many pictures of an expression."""

GEOMETRIC = ("sharp_eyes", "sharp_mouth")
"""Metrics that are ratios, averaged by their logarithms."""

_Groups = Mapping[tuple[str, str], Sequence[Score]]
"""By kind of photograph and name of the edit."""


def evaluate(
    config: EvaluatePhotosConfig,
) -> tuple[dict[str, Any], list[Score]]:
    """Measures a model.

    Returns:
      Everything that goes into report.json; and every edit.

    Raises:
      UserError: the model, the readers or a photograph are missing or wrong,
        or nobody is neutral or smiles.
    """
    readers = Readers(config.readers)
    listed = read_photos(config.photos, config.people)
    real = []
    if config.references:
        real = read_photos(config.photos, config.references)
    editor = Editor(load_model(config.model))
    sources, missed = read_sources(editor, readers, listed)
    edited = [source for source in sources if source.kind in EXPRESSION_EDITS]
    if not edited:
        raise UserError(
            f"nobody of --people={config.people} shows a neutral face or a "
            "broad smile"
        )
    scores: list[Score] = []
    groups: dict[tuple[str, str], list[Score]] = {}
    progress = Progress("editing photographs", len(edited))
    for source in edited:
        for score in score_edits(editor, readers, source):
            scores.append(score)
            groups.setdefault((source.kind, score.edit.name), []).append(score)
        progress.advance()
    progress.finish()
    true = score_ground_truth(editor, readers, sources)
    kids = _kids(editor, readers, real, groups)
    return {
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
                name: summary(group) | kids.get((kind, name), {})
                for (of_kind, name), group in groups.items()
                if of_kind == kind
            }
            for kind in EXPRESSION_EDITS
            if any(source.kind == kind for source in edited)
        },
        "truths": {
            way: {
                name: _interval(found, values["subject"])
                if np.ndim(found)
                else {"mean": float(found)}
                for name, found in values.items()
                if name != "subject"
            }
            for way, values in true.items()
        },
        "goals": goals(scores),
    }, scores


def summary(scores: Sequence[Score]) -> dict[str, Any]:
    """metric → its mean over the edits that have it, with an interval."""
    names = dict.fromkeys(name for score in scores for name in score.values)
    return {name: _mean(scores, name) for name in names}


def _mean(scores: Sequence[Score], name: str) -> dict[str, Any] | None:
    having = [s for s in scores if name in s.values]
    if not having:
        return None
    values = np.array([s.values[name] for s in having])
    subjects = [s.source.photo.subject for s in having]
    return _interval(values, subjects, name in GEOMETRIC)


def _interval(
    values: np.ndarray,
    subjects: Sequence[str] | np.ndarray,
    geometric: bool = False,
) -> dict[str, Any]:
    found = bootstrap_mean(values, subjects, geometric=geometric)
    return {
        "mean": found.mean, "low": found.low, "high": found.high,
        "people": found.subjects,
    }  # fmt: skip


def _kids(
    editor: Editor,
    readers: Readers,
    real: Sequence[ListedPhoto],
    groups: _Groups,
) -> dict[tuple[str, str], dict[str, Any]]:
    """KID of mouths, ×1000: edits, and their sources, against real ones."""
    found = editor.detect_and_align([p.pixels for p in real], LARGEST)
    by_expression: dict[str, list[np.ndarray]] = {}
    for photo, subject in zip(real, found, strict=True):
        if not isinstance(subject, UserError):
            by_expression.setdefault(photo.expression, []).append(
                aligned(photo.pixels, frame(subject))
            )

    def features(faces: Sequence[np.ndarray]) -> np.ndarray:
        return readers.features.vectors(mouths(np.stack(faces)))

    references = {
        name: features(faces)
        for name, faces in by_expression.items()
        if len(faces) >= LEAST_REFERENCES
    }
    kids: dict[tuple[str, str], dict[str, Any]] = {}
    for key, group in groups.items():
        real_mouths = references.get(key[1])
        if real_mouths is None or len(group) < 2:
            continue
        kids[key] = {"references": len(real_mouths)}
        for label, readings in (
            ("kid", [score.reading for score in group]),
            ("kid_before", [score.source.reading for score in group]),
        ):
            shown = features([each.aligned for each in readings])
            distance = distributions.kid(shown, real_mouths)
            kids[key][label] = {"mean": 1000 * distance}
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
    ("identity distance, zero edit", "≤", 0.16, "", (ZERO_EDIT,), "identity"),
    ("zero edit, dB", "≥", 40.0, "", (ZERO_EDIT,), "zero_psnr"),
)  # fmt: skip
"""Title, sign, value; kind of photograph, edits and metric of each goal."""


def goals(scores: Sequence[Score]) -> list[dict[str, Any]]:
    """Where the model stands beside the project's goals."""
    return [
        {
            "name": title,
            "goal": f"{sign} {goal:g}",
            "found": _mean(
                [
                    score
                    for score in scores
                    if score.edit.name in names
                    and kind in ("", score.source.kind)
                ],
                metric,
            ),
        }
        for title, sign, goal, kind, names, metric in _GOALS
    ]
