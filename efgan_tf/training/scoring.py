"""Scores and sample sheets of the averaged generator, at fixed moments."""

from collections.abc import Mapping

import numpy as np
from keras import tree
from PIL import Image

from efgan_tf.common.file_errors import as_user_error
from efgan_tf.common.outputs import atomic_file
from efgan_tf.config import Config
from efgan_tf.trained.checkpoints import Position
from efgan_tf.trained.run_directory import RunDirectory
from efgan_tf.training import samples, validation
from efgan_tf.training.logs import MetricsLog
from efgan_tf.training.networks import Networks

SHEET_ROWS = 8


class Scorer:
    """Edits the evaluation sets, measures, and draws a sheet of a few rows.

    The rows are those with the largest change of expression, since small ones
    show little, and at most half of them without a true target; the scores are
    over all. Each data set of a mix has scores and a sheet of its own.

    Args:
      config: of the run.
      run: its directory.
      examples: name of a data set, or "" where there is one alone → its
        `validation.evaluation_set`.
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
            outputs[name] = samples.run_cascade(networks.average, examples)
            found = validation.held_out_metrics(
                examples, outputs[name]["image"]
            )
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
        has_target = examples["has_target"][order]
        true, others = order[has_target], order[~has_target]
        others = others[: max(SHEET_ROWS // 2, SHEET_ROWS - len(true))]
        chosen = [*true[: SHEET_ROWS - len(others)], *others]
        rows, few = tree.map_structure(
            lambda array: array[chosen], (dict(examples), outputs)
        )
        return samples.sample_sheet(rows, few, self.config.model)

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
        return "no true targets to score against"
    return "; ".join(
        f"{_set_name(start)}held-out PSNR {scores[f'{start}psnr']:.2f} dB, "
        f"without an edit {scores[f'{start}psnr_no_edit']:.2f} dB "
        f"({scores[f'{start}psnr_gain']:+.2f})"
        for start in measured
    )


def _set_name(start: str) -> str:
    """`"held_out/photos/"` → `"photos: "`, `"held_out/"` → `""`."""
    name = start.removeprefix("held_out/").rstrip("/")
    return f"{name}: " if name else ""
