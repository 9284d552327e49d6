"""The three judges of a data set: made, scored, kept and asked."""

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
from efgan_tf.evaluation import judge_networks, judge_training
from efgan_tf.evaluation.evaluation_settings import JudgesConfig
from efgan_tf.evaluation.features import BROKEN, run_network, weights_sha256
from efgan_tf.evaluation.metrics import identity, units
from efgan_tf.evaluation.protocol import expressions_of

_RECIPE = 1
"""Counts up when judges are trained in another way: old ones are not used."""

_FACTS = "judges.json"


@dataclasses.dataclass(frozen=True, eq=False)
class Judges:
    """Who judges the edits of one data set.

    Images are float32 `[n, S, S, 3]` in [-1, 1]. A judge that the data cannot
    teach is absent, and its method gives None.

    Attributes:
      networks: "units", "expression", "identity" → network, as far as there
        are.
      expressions: names that the judge of expressions tells apart.
      scores: how good they are on unedited pictures of held-out people.
      verdicts: which of them are not good enough, and why; one line each.
    """

    networks: Mapping[str, keras.Model]
    expressions: tuple[str, ...]
    scores: Mapping[str, Any]
    verdicts: tuple[str, ...] = ()

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
          ValueError: there is no judge of units.
        """
        if "units" not in self.networks:
            raise ValueError("no judge has features: the units are unknown")
        model = judge_networks.pooled_features(self.networks["units"])
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
    names = expressions_of(train)
    folder = cache / _key(train, config)
    if not (folder / _FACTS).exists():
        _write(folder, _taught(train, names, config))
    panel = Judges(_read(folder), names, {})
    scores = _scores(panel, held_out, train.mask)
    return dataclasses.replace(
        panel, scores=scores, verdicts=_verdicts(panel.networks, scores, config)
    )


def _taught(
    train: Faces, names: tuple[str, ...], config: JudgesConfig
) -> Judges:
    keras.utils.set_random_seed(config.judge_seed)
    size, width = train.size, config.judge_width
    pictures = int(config.judge_kimg * 1000)
    images = decode(train.encoded, size)
    made: dict[str, keras.Model] = {}

    def teach(name, model, loss, rows, labels, count):
        judge_training.fit(
            model, loss, images[rows], labels, count, config.judge_seed,
            f"judge of {name}:",
        )  # fmt: skip
        return model

    every = np.arange(len(train))
    if train.mask.any():
        made["units"] = teach(
            "units", judge_networks.unit_judge(size, width),
            _UnitLoss(train.mask),
            every, action_units.normalize(train.action_units), pictures,
        )  # fmt: skip
    if len(names) > 1:
        rows = np.flatnonzero(np.isin(train.expressions, names))
        made["expression"] = teach(
            "expression",
            judge_networks.expression_judge(size, width, len(names)),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            rows, expression_labels(train.expressions[rows], names),
            pictures // 2,
        )  # fmt: skip
    people, person = np.unique(train.subjects, return_inverse=True)
    if 1 < len(people) < len(train):
        made["identity"] = _taught_people(
            judge_networks.identity_judge(size, width), teach, every, person,
            pictures // 2,
        )  # fmt: skip
    return Judges(made, names, {})


def _taught_people(embedder, teach, rows, person, count) -> keras.Model:
    """Teaches to tell the training people apart by the angle between them.

    A softmax over scaled cosines (Wang et al., "NormFace", 2017), whose
    classes are thrown away afterwards.
    """
    cosines = keras.layers.Dense(
        int(person.max()) + 1,
        use_bias=False,
        kernel_constraint=keras.constraints.UnitNorm(axis=0),
    )(embedder.output)
    logits = keras.layers.Rescaling(16.0)(cosines)
    teach(
        "identity",
        keras.Model(embedder.inputs, logits),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        rows,
        person,
        count,
    )
    return embedder


class _UnitLoss(keras.losses.Loss):
    """Mean squared error over the learned units.

    Not the absolute error: most units are 0 in most pictures, and the median,
    which that aims at, would be 0 for every picture.
    """

    def __init__(self, mask: np.ndarray):
        super().__init__()
        self._mask = mask

    def call(self, y_true, y_pred):
        error = keras.ops.square(y_true - y_pred)
        total = keras.ops.sum(error * self._mask, axis=-1)
        return total / float(self._mask.sum())


def expression_labels(
    expressions: np.ndarray, names: tuple[str, ...]
) -> np.ndarray:
    """Names → their numbers, int32 `[n]`."""
    place = {name: i for i, name in enumerate(names)}
    return np.array([place[name] for name in expressions.tolist()], np.int32)


def _scores(judges: Judges, held_out: Faces, learned: np.ndarray) -> dict:
    """How good the judges are on pictures of people they never saw."""
    if not len(held_out):
        return {}
    images = to_float(decode(held_out.encoded, held_out.size))
    scores: dict[str, Any] = {}
    read = judges.estimate(images)
    if read is not None:
        truth = held_out.action_units
        errors = units.picture_errors(read, truth, learned)
        agreement = units.by_unit(
            units.intraclass_correlation, read, truth, learned
        )
        known = [value for value in agreement.values() if value is not None]
        scores["unit error"] = float(errors.mean())
        scores["unit agreement"] = float(np.mean(known)) if known else None
        scores["unit agreement by unit"] = agreement
        scores["unit slope by unit"] = units.by_unit(
            units.slope, read, truth, learned
        )
    seen = judges.classify(images)
    rows = np.flatnonzero(np.isin(held_out.expressions, judges.expressions))
    if seen is not None and len(rows):
        names = judges.expressions
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
        found = identity.verification(embedded, held_out.subjects)
        scores["identity verification"] = found.area
        scores["identity cosine, same person"] = found.same
        scores["identity cosine, different people"] = found.different
    return scores


_BARS = {
    "units": ("unit agreement", "judge_unit_agreement"),
    "expression": ("expression accuracy", "judge_accuracy"),
    "identity": ("identity verification", "judge_verification"),
}


def _verdicts(
    judges: Iterable[str], scores: Mapping[str, Any], config: JudgesConfig
) -> tuple[str, ...]:
    """Who is not good enough, or could not be tested."""
    lines = []
    for judge in sorted(judges):
        name, flag = _BARS[judge]
        value, bar = scores.get(name), getattr(config, flag)
        if value is None:
            lines.append(
                f"{name} could not be tested on held-out people: what this "
                "judge says of the edits is not known to be right"
            )
        elif value < bar:
            lines.append(
                f"{name} {value:.3f} is below {bar:g}: do not trust what this "
                "judge says of the edits"
            )
    agreement = scores.get("unit agreement by unit", {})
    weak = [
        unit
        for unit, value in agreement.items()
        if value is None or value < config.judge_unit_agreement
    ]
    if weak:
        lines.append(
            f"agreement is below {config.judge_unit_agreement:g} on "
            f"{', '.join(weak)}: look at other units first"
        )
    return tuple(lines)


def _key(train: Faces, config: JudgesConfig) -> str:
    """Names what the judges learn from, and how."""
    digest = hashlib.sha256()
    for picture in train.encoded:
        digest.update(picture)
    for array in (train.action_units, train.mask):
        digest.update(np.ascontiguousarray(array).tobytes())
    for names in (train.subjects, train.expressions):
        digest.update("\0".join(names.tolist()).encode())
    how = [_RECIPE, config.judge_kimg, config.judge_width, config.judge_seed]
    digest.update(json.dumps([train.size, *how]).encode())
    return digest.hexdigest()[:16]


def _write(folder: Path, judges: Judges) -> None:
    with outputs.atomic_folder(folder, overwrite=True) as made:
        for name, network in judges.networks.items():
            network.save(made / f"{name}.keras")
        content = {"judges": sorted(judges.networks)}
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
    except BROKEN as error:
        raise UserError(
            f"{folder} is damaged ({error}); delete it, and the judges are "
            "trained anew"
        ) from error
