"""Scores and sample sheets of the averaged generator, at fixed moments.

A sheet shows what the networks do with a fixed set of held-out faces. Rows are
edits; columns are the source, the output of every stage, the attention of each
branch (white edits, black keeps) at the last stage, the attention of the
cascade as a whole, the result, and the ground truth, black where there is none.
"""

from collections.abc import Mapping

import keras
import numpy as np
from keras import tree
from PIL import Image

from efgan_tf.action_units import normalize
from efgan_tf.common.errors import as_user_error
from efgan_tf.common.images import from_unit, psnr, to_float, to_uint8
from efgan_tf.common.outputs import atomic_file
from efgan_tf.common.sheets import grid
from efgan_tf.config import Config, ModelConfig
from efgan_tf.data import Faces
from efgan_tf.data.evaluation_pairs import evaluation_pairs
from efgan_tf.data.pictures import decode
from efgan_tf.geometry import Box
from efgan_tf.trained.checkpoints import Position
from efgan_tf.trained.run_directory import RunDirectory
from efgan_tf.training.logs import MetricsLog
from efgan_tf.training.networks import Networks


def evaluation_set(held_out: Faces, train: Faces, count: int) -> dict:
    """What a run is scored on: fixed pairs of held-out people's pictures.

    Where there are too few pictures of the same person in the same view, more
    sources get the action units of other faces, without ground truth. Where
    no one is held out, those are training faces.

    Args:
      held_out: the test split; may be empty.
      train: the training split.
      count: how many at most.

    Returns:
      `image`, `action_units`, `target_action_units`, `ground_truth` (the
      source where there is none) and `has_ground_truth`, bool `[n]`; ranges as
      in training.
    """
    pairs = evaluation_pairs(held_out, count, seed=0)
    paired = len(pairs["image"])
    faces = held_out if len(held_out) else train
    rows = list(range(len(faces)))
    if paired:
        rows = [group[0] for group in faces.groups() if len(group) == 1]
    generator = np.random.default_rng(0)
    source = generator.permutation(np.array(rows, int))[: count - paired]
    target = generator.permutation(len(faces))[: len(source)]
    images = to_float(decode([faces.encoded[i] for i in source], faces.size))
    units = normalize(faces.action_units).astype(np.float32)
    more = {
        "image": images,
        "action_units": units[source],
        "ground_truth": images,
        "target_action_units": units[target],
    }
    found = {name: np.concatenate([pairs[name], more[name]]) for name in more}
    return found | {
        "has_ground_truth": np.arange(paired + len(source)) < paired
    }


def held_out_metrics(
    pairs: Mapping[str, np.ndarray], edited: np.ndarray
) -> dict[str, float]:
    """Mean PSNR to the ground truth, of the edit and of no edit at all.

    Args:
      pairs: of `evaluation_set`.
      edited: `[n, S, S, 3]`, the edits of `pairs["image"]`.

    Returns:
      The scores by name; none where there is no ground truth.
    """
    known = pairs["has_ground_truth"]
    if not known.any():
        return {}
    ground_truth = pairs["ground_truth"][known]
    edit = float(np.mean(psnr(edited[known], ground_truth)))
    no_edit = float(np.mean(psnr(pairs["image"][known], ground_truth)))
    return {
        "held_out/psnr": edit,
        "held_out/psnr_no_edit": no_edit,
        "held_out/psnr_gain": edit - no_edit,
    }


SHEET_ROWS = 8


def run_cascade(
    cascade: keras.Model, pairs: Mapping[str, np.ndarray], batch_size: int = 32
) -> dict:
    """The cascade's outputs for evaluation pairs, batch by batch.

    Args:
      cascade: built by `efgan_tf.models.build_cascade`.
      pairs: of `evaluation_set`.
      batch_size: pairs at a time.

    Returns:
      The cascade's nested outputs as NumPy arrays, first axis as in `pairs`.
    """
    inputs = {
        "image": pairs["image"],
        "source_action_units": pairs["action_units"],
        "target_action_units": pairs["target_action_units"],
    }
    chunks = []
    for start in range(0, len(pairs["image"]), batch_size):
        part = {k: v[start : start + batch_size] for k, v in inputs.items()}
        outputs = cascade(part, training=False)
        chunks.append(
            keras.tree.map_structure(keras.ops.convert_to_numpy, outputs)
        )
    return keras.tree.map_structure(
        lambda *arrays: np.concatenate(arrays), *chunks
    )


class Scorer:
    """Edits the evaluation sets, measures, and draws a sheet of a few rows.

    The rows are those with the largest change of expression, since small ones
    show little, and at most half of them without ground truth; the scores are
    over all. Each data set of a mix has scores and a sheet of its own.

    Args:
      config: of the run.
      run: its directory.
      examples: name of a data set, or "" where there is one alone → its
        `evaluation_set`.
    """

    def __init__(
        self,
        config: Config,
        run: RunDirectory,
        examples: Mapping[str, Mapping[str, np.ndarray]],
    ):
        self.config = config
        self.run = run
        self.examples = examples

    def measure(
        self, networks: Networks
    ) -> tuple[dict[str, float], dict[str, dict]]:
        """Held-out scores by name, and the cascade's outputs by data set."""
        scores: dict[str, float] = {}
        outputs: dict[str, dict] = {}
        for name, examples in self.examples.items():
            outputs[name] = run_cascade(networks.average, examples)
            found = held_out_metrics(examples, outputs[name]["image"])
            of_set = _joined("held_out", "/", name)
            scores |= {
                metric.replace("held_out", of_set): value
                for metric, value in found.items()
            }
        return scores, outputs

    def score(
        self, networks: Networks, position: Position, log: MetricsLog
    ) -> dict[str, float]:
        """Measures, logs, and writes the sheets; returns the scores."""
        scores, outputs = self.measure(networks)
        if scores:
            log.write(
                position.images,
                scores,
                phase=position.phase,
                step=position.step,
            )
        for name, examples in self.examples.items():
            sheet = self._sheet(examples, outputs[name])
            moment = f"phase{position.phase}_{position.images:08}"
            file = f"{_joined(moment, '_', name)}.png"
            path = self.run.samples / file
            with (
                as_user_error(f"cannot write {path}"),
                atomic_file(path) as temporary,
            ):
                Image.fromarray(sheet).save(temporary)
            log.image(position.images, _joined("samples", "/", name), sheet)
        return scores

    def _sheet(
        self, examples: Mapping[str, np.ndarray], outputs: dict
    ) -> np.ndarray:
        change = np.linalg.norm(
            examples["target_action_units"] - examples["action_units"], axis=1
        )
        order = np.argsort(-change, kind="stable")
        has_ground_truth = examples["has_ground_truth"][order]
        paired, others = order[has_ground_truth], order[~has_ground_truth]
        others = others[: max(SHEET_ROWS // 2, SHEET_ROWS - len(paired))]
        chosen = [*paired[: SHEET_ROWS - len(others)], *others]
        rows, few = tree.map_structure(
            lambda array: array[chosen], (dict(examples), outputs)
        )
        return sample_sheet(rows, few, self.config.model)

    def newest_sheets(self) -> tuple[str, ...]:
        """Paths of the newest sample sheets; none before the first."""
        sheets = sorted(self.run.samples.glob("phase*.png"))
        return tuple(map(str, sheets[-len(self.examples) :]))


def _joined(first: str, between: str, second: str) -> str:
    return first + between + second if first and second else first or second


def describe_scores(scores: dict[str, float]) -> str:
    """The scores in a line for people."""
    measured = [
        name.removesuffix("psnr") for name in scores if name.endswith("/psnr")
    ]
    if not measured:
        return "no ground truth to score against"
    return "; ".join(
        f"{_set_name(start)}held-out PSNR {scores[f'{start}psnr']:.2f} dB, "
        f"no edit {scores[f'{start}psnr_no_edit']:.2f} dB "
        f"({scores[f'{start}psnr_gain']:+.2f})"
        for start in measured
    )


def _set_name(start: str) -> str:
    """`"held_out/photos/"` → `"photos: "`, `"held_out/"` → `""`."""
    name = start.removeprefix("held_out/").rstrip("/")
    return f"{name}: " if name else ""


def sample_sheet(
    pairs: Mapping[str, np.ndarray], outputs: dict, model: ModelConfig
) -> np.ndarray:
    """Draws a sheet.

    Args:
      pairs: evaluation pairs.
      outputs: of `run_cascade` on them.
      model: boxes of the regions.

    Returns:
      uint8 `[height, width, 3]`.
    """
    columns = {"source": pairs["image"]}
    stages = outputs["stages"]
    for number, stage in enumerate(stages, 1):
        columns[f"stage {number}"] = stage["image"]
    for name, branch in stages[-1]["branches"].items():
        attention = _in_frame(branch["attention"], model.boxes.get(name), model)
        columns[f"A {name}"] = _as_picture(attention)
    columns["A cascade"] = _as_picture(outputs["attention"])
    columns["result"] = outputs["image"]
    known = pairs["has_ground_truth"]
    if known.any():
        columns["ground truth"] = np.where(
            known[:, None, None, None], pairs["ground_truth"], -1.0
        )
    return grid({title: to_uint8(images) for title, images in columns.items()})


def _in_frame(attention, box: Box | None, model: ModelConfig):
    """A region's attention at its place in an image of zeros."""
    if box is None:
        return attention
    side = model.image_size
    frame = np.zeros((len(attention), side, side, 1), np.float32)
    bottom, right = box.top + box.height, box.left + box.width
    frame[:, box.top : bottom, box.left : right] = attention
    return frame


def _as_picture(attention: np.ndarray) -> np.ndarray:
    """[0, 1] with one channel → [-1, 1] with three."""
    return np.repeat(from_unit(attention), 3, axis=-1)
