"""What a run hands back: metrics, scores, sample sheets and weights.

At most eight files: config.json, data.json, metrics.jsonl, the two newest
sample sheets and weights_*.npz (two or three).
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path

import jax
import numpy as np
from PIL import Image

from efgan_tf import action_units
from efgan_tf.common import options
from efgan_tf.common.images import psnr
from efgan_tf.common.outputs import atomic_file
from efgan_tf.config import Config
from efgan_tf.training.scoring import sample_sheet
from tools.jax import packed, weights
from tools.jax.networks import Networks, State
from tools.jax.phase import Position

SHEET_ROWS = 8
_SHEETS = 2
_BATCH = 32  # pairs that are edited at a time, unless there are fewer


def evaluation_pairs(data: packed.Packed) -> dict[str, np.ndarray]:
    """The held-out pairs, those with the largest change of expression first.

    Returns:
      `image`, `target_image`, `action_units`, `target_action_units` and
      `has_target`, as `efgan_tf.data.pipeline.evaluation_pairs` gives them.
    """
    faces = data.held_out
    images = packed.decode(faces.encoded, faces.size)
    units = action_units.normalize(faces.action_units).astype(np.float32)
    source, target = data.pairs.T
    change = np.linalg.norm(units[target] - units[source], axis=1)
    order = np.argsort(-change, kind="stable")
    source, target = source[order], target[order]
    return {
        "image": images[source].astype(np.float32) / 127.5 - 1,
        "action_units": units[source],
        "target_image": images[target].astype(np.float32) / 127.5 - 1,
        "target_action_units": units[target],
        "has_target": np.ones(len(source), bool),
    }


class Report:
    """Writes into one folder.

    Args:
      folder: is made; what a run left in it before is replaced.
      config: of the run.
      data: that it has.
    """

    def __init__(self, folder: Path, config: Config, data: packed.Packed):
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._config, self._data = folder, config, data
        self._pairs = evaluation_pairs(data)
        self._start = time.monotonic()
        for old in folder.glob("phase*.png"):
            old.unlink()
        (folder / "config.json").write_text(options.to_json(config))
        (folder / "metrics.jsonl").write_text("")

    def write(self, position: Position, metrics: Mapping[str, float]) -> None:
        """Appends a line to metrics.jsonl, keys as in a run's."""
        line = {
            "images": position.images,
            "phase": position.phase,
            "step": position.step,
            "seconds": round(time.monotonic() - self._start, 2),
            **metrics,
        }
        with open(self._folder / "metrics.jsonl", "a") as file:
            file.write(json.dumps(line, allow_nan=False) + "\n")

    def score(
        self, networks: Networks, edit, state: State, position: Position
    ) -> dict[str, float]:
        """Measures the averaged generator; writes sheet, scores and weights.

        Args:
          networks: of the phase.
          edit: of `compile_edit`.
          state: of the networks.
          position: of the run.

        Returns:
          The scores, as in `efgan_tf.training.scoring`.
        """
        images, rows = self._edited(edit, state)
        truth = self._pairs["target_image"]
        edited = float(np.mean(psnr(images, truth)))
        no_edit = float(np.mean(psnr(self._pairs["image"], truth)))
        scores = {
            "held_out/psnr": edited,
            "held_out/psnr_no_edit": no_edit,
            "held_out/psnr_gain": edited - no_edit,
        }
        self.write(position, scores)
        self._draw_sheet(rows, position)
        self._write_weights(state, position, scores)
        return scores

    def compile_edit(self, networks: Networks):
        """The averaged cascade, compiled: values and inputs → outputs."""

        def edit(values, image, source, target):
            inputs = {
                "image": image,
                "source_action_units": source,
                "target_action_units": target,
            }
            with networks.scope({"average": values}):
                return networks.average(inputs, training=False)

        values = networks.initial_state()["average"]
        batch = self._batch(0)
        return jax.jit(edit).lower(values, *batch).compile()

    def _batch(self, start: int) -> list[np.ndarray]:
        """A full batch of pairs; after the last one it begins anew."""
        count = len(self._pairs["image"])
        rows = np.arange(start, start + min(_BATCH, count)) % count
        names = "image", "action_units", "target_action_units"
        return [self._pairs[name][rows] for name in names]

    def _edited(self, edit, state: State) -> tuple[np.ndarray, dict]:
        """All pairs' results, and everything about the sheet's rows."""
        count = len(self._pairs["image"])
        images, rows = [], None
        for start in range(0, count, _BATCH):
            outputs = edit(state["average"], *self._batch(start))
            images.append(np.asarray(outputs["image"]))
            if rows is None:
                rows = jax.tree.map(
                    lambda array: np.asarray(array[:SHEET_ROWS]), outputs
                )
        return np.concatenate(images)[:count], rows

    def _draw_sheet(self, outputs: dict, position: Position) -> None:
        rows = {k: v[:SHEET_ROWS] for k, v in self._pairs.items()}
        sheet = sample_sheet(rows, outputs, self._config.model)
        name = f"phase{position.phase}_{position.images:08}.png"
        with atomic_file(self._folder / name) as temporary:
            Image.fromarray(sheet).save(temporary)
        for old in sorted(self._folder.glob("phase*.png"))[:-_SHEETS]:
            old.unlink()

    def _write_weights(
        self, state: State, position: Position, scores: Mapping[str, float]
    ) -> None:
        """The averaged cascade and the estimator, and what they are."""
        weights.write(
            self._folder,
            {
                "cascade": [np.asarray(v) for v in state["average"]],
                "estimator": [np.asarray(v) for v in state["estimator"]],
            },
        )
        faces = self._data.train
        stages = 1 if position.phase == 1 else self._config.model.stages
        facts = {
            "learned": [
                name
                for name, known in zip(
                    action_units.NAMES, faces.mask, strict=True
                )
                if known
            ],
            "faces": len(faces),
            "subjects": len(set(faces.subjects.tolist())),
            "held_out_pairs": len(self._data.pairs),
            "stages": stages,
            "phase": position.phase,
            "step": position.step,
            "images": position.images,
            "device": jax.devices()[0].device_kind,
            **scores,
        }
        with atomic_file(self._folder / "data.json") as temporary:
            temporary.write_text(json.dumps(facts, indent=2) + "\n")
