"""A served model as a model to edit with.

`efgan_tf.editing.editor.Editor`, and all that is built on it, edits with it as
with a local model: only aligned faces and action units are sent.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from efgan_tf import action_units
from efgan_tf.common.errors import UserError
from efgan_tf.common.images import from_unit, to_unit
from efgan_tf.config import ModelConfig
from efgan_tf.trained.info import ModelInfo
from efgan_tf.trained.model import EditingModel
from efgan_tf.trained.remote import calls
from efgan_tf.trained.remote.connection_settings import ConnectionConfig


class RemoteModel(EditingModel):
    """A model on a server.

    It runs all its stages and does not return its branches' attention. The
    server does not say which units the model learned: all count as learned, and
    the graph leaves the others at the source's intensity.

    Args:
      send: sends a `Call` and returns what it reads.
      config: where the model is.

    Raises:
      UserError: the server cannot be reached or has no such model.
    """

    def __init__(
        self, send: Callable[[calls.Call], Any], config: ConnectionConfig
    ):
        served = send(calls.metadata(config))
        info = ModelInfo(
            ModelConfig(image_size=served.size, stages=served.stages)
        )
        self._send = send
        self._config = config
        super().__init__(
            config.address, info, self._remote_cascade, self._remote_estimator
        )

    def checked_stages(self, stages: int | None) -> int:
        """As `EditingModel`'s; a served model runs all or none."""
        count = super().checked_stages(stages)
        if count != self.stages:
            raise UserError(
                f"{self.name} runs all its {self.stages} stages; to serve one "
                f"of {count}, export it with --stages={count}"
            )
        return count

    def _remote_cascade(self, image, source, target) -> dict[str, np.ndarray]:
        def make_call(part):
            return calls.predict(
                self._config,
                "stages_from",
                {
                    "image": to_unit(image[part]),
                    "source_action_units": action_units.denormalize(
                        source[part]
                    ),
                    "action_units": action_units.denormalize(target[part]),
                },
                ("stages", "attention"),
            )

        results = self._in_parts(make_call, len(image))
        stages = np.concatenate([result["stages"] for result in results])
        attention = np.concatenate([result["attention"] for result in results])
        return {"stages": from_unit(stages), "attention": attention}

    def _remote_estimator(self, image) -> dict[str, np.ndarray]:
        def make_call(part):
            return calls.estimate(self._config, to_unit(image[part]))

        results = self._in_parts(make_call, len(image))
        return {"action_units": action_units.normalize(np.concatenate(results))}

    def _in_parts(self, make_call: Callable, count: int) -> list:
        """The results for `count` faces, some faces per request."""
        step = self._config.faces_per_request
        parts = [slice(i, i + step) for i in range(0, count, step)]
        return [self._send(make_call(part)) for part in parts]
