"""The independent judges of a data set: trained, scored, kept and asked.

They are networks that read faces and never trained a generator.
"""

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from efgan_tf import action_units
from efgan_tf.common import outputs
from efgan_tf.common.errors import UserError
from efgan_tf.common.images import to_float
from efgan_tf.data import Faces
from efgan_tf.data.pictures import decode
from efgan_tf.evaluation import judge_training
from efgan_tf.evaluation.evaluation_settings import JudgesConfig
from efgan_tf.evaluation.features import (
    UNREADABLE,
    run_network,
    weights_sha256,
)
from efgan_tf.evaluation.metrics import face_readings
from efgan_tf.evaluation.protocol import expression_labels, expressions_of

_RECIPE = 1
"""Counts up when judges are trained in another way: old ones are not used."""

_FACTS = "judges.json"


@dataclasses.dataclass(frozen=True, eq=False)
class Judges:
    """The networks that judge the edits of one data set.

    Images are float32 `[n, S, S, 3]` in [-1, 1]. A judge that the data cannot
    teach is absent, and its method gives None.

    Attributes:
      networks: "units", "expression", "identity" → network, as far as there
        are.
      expressions: names that the judge of expressions tells apart.
      scores: how good they are on unedited pictures of held-out people.
      warnings: which of them are not good enough, and why; one line each.
    """

    networks: Mapping[str, keras.Model]
    expressions: tuple[str, ...]
    scores: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 over all weights: equal judges have equal digests."""
        digest = hashlib.sha256()
        for name in sorted(self.networks):
            digest.update(weights_sha256(self.networks[name]).encode())
        return digest.hexdigest()

    def estimate(self, images: np.ndarray) -> np.ndarray | None:
        """The units that faces show: `[n, 17]`, 0–5."""
        read = self._ask("units", images)
        return None if read is None else action_units.denormalize(read)

    def classify(self, images: np.ndarray) -> np.ndarray | None:
        """Probability of each of `expressions`: `[n, c]`."""
        logits = self._ask("expression", images)
        if logits is None:
            return None
        return keras.ops.convert_to_numpy(keras.ops.softmax(logits))

    def embed(self, images: np.ndarray) -> np.ndarray | None:
        """Who it is: `[n, d]` of length 1."""
        return self._ask("identity", images)

    def features(self, images: np.ndarray) -> np.ndarray:
        """What FID and KID compare: `[n, d]`, of the judge of units.

        Raises:
          KeyError: there is no judge of units.
        """
        model = judge_training.pooled_features(self.networks["units"])
        return run_network(model, images)[0].astype(np.float64)

    def _ask(self, name: str, images: np.ndarray) -> np.ndarray | None:
        if name not in self.networks:
            return None
        return run_network(self.networks[name], images)[0]


def train_judges(
    train: Faces, held_out: Faces, config: JudgesConfig, cache: Path
) -> Judges:
    """The judges of a data set, trained once and kept.

    They see the training split alone; the held-out one only scores them.

    Args:
      train: the training split.
      held_out: the test split.
      config: how they are trained and when they are good enough.
      cache: folder where judges are kept, by a digest of what they learned
        from.

    Raises:
      UserError: kept judges are damaged, or the cache cannot be written.
    """
    folder = cache / _key(train, config)
    if not (folder / _FACTS).exists():
        _write(folder, _train(train, config))
    networks = _read(folder)
    judges = Judges(networks, expressions_of(train))
    scores = _scores(judges, held_out, train.au_mask)
    return dataclasses.replace(
        judges, scores=scores, warnings=_warnings(networks, scores, config)
    )


def _train(train: Faces, config: JudgesConfig) -> dict[str, keras.Model]:
    """The judges that the data can teach."""
    keras.utils.set_random_seed(judge_training.SEED)
    size, width = train.size, config.judge_width
    pictures = int(config.judge_kimg * 1000)
    images = decode(train.encoded, size)
    trained: dict[str, keras.Model] = {}
    if train.au_mask.any():
        trained["units"] = judge_training.unit_judge(size, width)
        judge_training.fit(
            trained["units"], judge_training.UnitLoss(train.au_mask), images,
            action_units.normalize(train.action_units), pictures,
            "judge of units:",
        )  # fmt: skip
    classification = judge_training.classification_loss()
    names = expressions_of(train)
    if len(names) > 1:
        rows = np.flatnonzero(np.isin(train.expressions, names))
        trained["expression"] = judge_training.expression_judge(
            size, width, len(names)
        )
        judge_training.fit(
            trained["expression"], classification, images[rows],
            expression_labels(train.expressions[rows], names), pictures // 2,
            "judge of expression:",
        )  # fmt: skip
    people, person = np.unique(train.subjects, return_inverse=True)
    if 1 < len(people) < len(train):
        trained["identity"] = judge_training.identity_judge(size, width)
        classifier = judge_training.person_classifier(
            trained["identity"], len(people)
        )
        judge_training.fit(
            classifier, classification, images, person, pictures // 2,
            "judge of identity:",
        )  # fmt: skip
    return trained


def _scores(judges: Judges, held_out: Faces, au_mask: np.ndarray) -> dict:
    """How good the judges are on pictures of people they never saw."""
    if not len(held_out):
        return {}
    images = to_float(decode(held_out.encoded, held_out.size))
    scores: dict[str, Any] = {}
    read = judges.estimate(images)
    if read is not None:
        both = read, held_out.action_units
        errors = face_readings.picture_errors(*both, au_mask)
        agreement = face_readings.by_unit(
            face_readings.intraclass_correlation, *both, au_mask
        )
        known = [value for value in agreement.values() if value is not None]
        scores["unit error"] = float(errors.mean())
        scores["unit agreement"] = float(np.mean(known)) if known else None
        scores["unit agreement by unit"] = agreement
        scores["unit slope by unit"] = face_readings.by_unit(
            face_readings.slope, *both, au_mask
        )
    seen = judges.classify(images)
    names = judges.expressions
    rows = np.flatnonzero(np.isin(held_out.expressions, names))
    if seen is not None and len(rows):
        shown = expression_labels(held_out.expressions[rows], names)
        matrix = np.zeros((len(names), len(names)), int)
        np.add.at(matrix, (shown, seen[rows].argmax(1)), 1)
        scores["expression accuracy"] = float(np.trace(matrix) / len(rows))
        scores["expression confusion"] = {
            "names": list(names), "rows": matrix.tolist(),
        }  # fmt: skip
    embedded = judges.embed(images)
    people = len(np.unique(held_out.subjects))
    if embedded is not None and 1 < people < len(held_out):
        found = face_readings.verification(embedded, held_out.subjects)
        scores["identity verification"] = found.area
        scores["identity cosine, same person"] = found.same
        scores["identity cosine, different people"] = found.different
    return scores


_THRESHOLDS = {
    "units": ("unit agreement", "judge_unit_agreement"),
    "expression": ("expression accuracy", "judge_accuracy"),
    "identity": ("identity verification", "judge_verification"),
}


def _warnings(
    judges: Iterable[str], scores: Mapping[str, Any], config: JudgesConfig
) -> tuple[str, ...]:
    """Who is not good enough, or could not be tested."""
    lines = []
    for judge in sorted(judges):
        name, flag = _THRESHOLDS[judge]
        value, least = scores.get(name), getattr(config, flag)
        if value is None:
            lines.append(
                f"{name} could not be tested on held-out people: what this "
                "judge says of the edits is not known to be right"
            )
        elif value < least:
            lines.append(
                f"{name} {value:.3f} is below {least:g}: do not trust what "
                "this judge says of the edits"
            )
    least = config.judge_unit_agreement
    agreement = scores.get("unit agreement by unit", {})
    weak = [
        n for n, value in agreement.items() if value is None or value < least
    ]
    if weak:
        lines.append(
            f"agreement is below {least:g} on {', '.join(weak)}: look at other "
            "units first"
        )
    return tuple(lines)


def _key(train: Faces, config: JudgesConfig) -> str:
    """Names what the judges learn from, and how."""
    digest = hashlib.sha256()
    for picture in train.encoded:
        digest.update(picture)
    for array in (train.action_units, train.au_mask):
        digest.update(np.ascontiguousarray(array).tobytes())
    for names in (train.subjects, train.expressions):
        digest.update("\0".join(names.tolist()).encode())
    how = [
        _RECIPE, config.judge_kimg, config.judge_width, judge_training.SEED,
    ]  # fmt: skip
    digest.update(json.dumps([train.size, *how]).encode())
    return digest.hexdigest()[:16]


def _write(folder: Path, networks: Mapping[str, keras.Model]) -> None:
    with outputs.atomic_folder(folder, overwrite=True) as made:
        for name, network in networks.items():
            network.save(made / f"{name}.keras")
        content = {"judges": sorted(networks)}
        (made / _FACTS).write_text(json.dumps(content) + "\n")


def _read(folder: Path) -> dict[str, keras.Model]:
    try:
        content = json.loads((folder / _FACTS).read_text())
        return {
            name: keras.saving.load_model(
                folder / f"{name}.keras", compile=False, safe_mode=True
            )
            for name in content["judges"]
        }
    except UNREADABLE as error:
        raise UserError(
            f"{folder} is damaged ({error}); delete it, and the judges are "
            "trained anew"
        ) from error
