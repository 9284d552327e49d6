"""Scores and sample sheets of the averaged generator, at fixed moments."""

import numpy as np
from keras import tree
from PIL import Image

from efgan_tf.config import Config
from efgan_tf.outputs import atomic_file
from efgan_tf.training import samples, validation
from efgan_tf.training.checkpoints import Position
from efgan_tf.training.logs import MetricsLog
from efgan_tf.training.networks import Networks
from efgan_tf.training.run_directory import RunDirectory

SHEET_ROWS = 8


class Scorer:
    """Edits the evaluation set, measures, and draws a sheet of a few rows.

    The rows are those with the largest change of expression, since small ones
    show little; the scores are over all.

    Args:
      config: of the run.
      run: its directory.
      examples: of `validation.evaluation_set`.
    """

    def __init__(
        self,
        config: Config,
        run: RunDirectory,
        examples: dict[str, np.ndarray],
    ):
        self.config = config
        self.run = run
        self.examples = examples

    def measure(self, networks: Networks) -> tuple[dict[str, float], dict]:
        """Held-out scores by name, and the cascade's outputs."""
        outputs = samples.run_cascade(networks.average, self.examples)
        scores = validation.held_out_metrics(self.examples, outputs["image"])
        return scores, outputs

    def score(
        self, networks: Networks, position: Position, log: MetricsLog
    ) -> dict[str, float]:
        """Measures, logs, and writes the sheet; returns the scores."""
        scores, outputs = self.measure(networks)
        if scores:
            log.write(
                position.images,
                scores,
                phase=position.phase,
                step=position.step,
            )
        change = np.linalg.norm(
            self.examples["target_action_units"]
            - self.examples["action_units"],
            axis=1,
        )
        chosen = np.argsort(-change, kind="stable")[:SHEET_ROWS]
        rows, few = tree.map_structure(
            lambda array: array[chosen], (dict(self.examples), outputs)
        )
        sheet = samples.sample_sheet(rows, few, self.config.model)
        name = f"phase{position.phase}_{position.images:08}.png"
        with atomic_file(self.run.samples / name) as temporary:
            Image.fromarray(sheet).save(temporary)
        log.image(position.images, "samples", sheet)
        return scores

    def newest_sheet(self) -> str | None:
        """Path of the newest sample sheet, or None before the first."""
        sheets = sorted(self.run.samples.glob("phase*.png"))
        return str(sheets[-1]) if sheets else None


def told(scores: dict[str, float]) -> str:
    """The scores in a line for people."""
    if not scores:
        return "no true targets to score against"
    return (
        f"held-out PSNR {scores['held_out/psnr']:.2f} dB, without an edit "
        f"{scores['held_out/psnr_no_edit']:.2f} dB "
        f"({scores['held_out/psnr_gain']:+.2f})"
    )
