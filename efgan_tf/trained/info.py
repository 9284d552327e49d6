"""What a trained model says about itself, wherever it goes.

A `.keras` file and a SavedModel both carry it as `efgan.json`, so that a
program in any language knows which face to cut out and what the 17 numbers
mean.
"""

import dataclasses
import json
from collections.abc import Sequence

import numpy as np

import efgan_tf
from efgan_tf import action_units, geometry
from efgan_tf.common import options
from efgan_tf.common.errors import UserError
from efgan_tf.config import ModelConfig

FILE_NAME = "efgan.json"


@dataclasses.dataclass(frozen=True)
class ModelInfo:
    """A trained model's shape and what it learned.

    Attributes:
      model: the networks' shape; `stages` is the number that there are.
      learned: names of the units that the data could teach.
      version: of this package that wrote it.
    """

    model: ModelConfig
    learned: tuple[str, ...] = action_units.NAMES
    version: str = efgan_tf.__version__

    @property
    def au_mask(self) -> np.ndarray:
        """Float32 `[17]`: 1 for the units that were learned."""
        return np.array(
            [name in self.learned for name in action_units.NAMES], np.float32
        )

    def check_fits(self, stages: Sequence[int | None], source: object) -> None:
        """Raises a `UserError` unless it describes these networks.

        Args:
          stages: shape of what they make in all stages:
            `[b, K, size, size, 3]`.
          source: the path that the error names.
        """
        size = self.model.image_size
        expected = (self.model.stages, size, size, 3)
        if tuple(stages[1:]) != expected:
            raise UserError(
                f"{source}: its {FILE_NAME} describes other networks "
                f"({self.model.stages} stages of {size} pixels a side) than it "
                "holds; export it anew"
            )

    def to_json(self) -> str:
        """As JSON; size, stages and boxes are there for other programs."""
        content = {
            "version": self.version,
            "size": self.model.image_size,
            "stages": self.model.stages,
            "action_units": action_units.NAMES,
            "max_intensity": action_units.MAX_INTENSITY,
            "learned": self.learned,
            "template": dict(
                zip(
                    geometry.LANDMARKS,
                    geometry.TEMPLATE.tolist(),
                    strict=False,  # the mouth is no part of the template
                )
            ),
            "boxes": self.model.boxes,
            "model": dataclasses.asdict(self.model),
        }
        return json.dumps(content, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, source: object) -> "ModelInfo":
        """The info that `to_json` wrote.

        Args:
          text: of the file.
          source: the path that errors name.

        Raises:
          UserError: it is damaged, or was made for other units or another
            template than this version's.
        """
        try:
            content = json.loads(text)
            names = list(content["action_units"])
            template = list(content["template"].values())
            info = cls(
                options.from_json(json.dumps(content["model"]), ModelConfig),
                tuple(content["learned"]),
                content["version"],
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(
                f"{source}: its {FILE_NAME} cannot be read: {error}"
            ) from error
        if names != list(action_units.NAMES):
            raise UserError(
                f"{source} was made for other action units than this version "
                f"of efgan_tf knows; use version {info.version}"
            )
        if not np.array_equal(template, geometry.TEMPLATE):
            raise UserError(
                f"{source} was trained on faces aligned to another template; "
                f"edit with version {info.version} of efgan_tf"
            )
        return info
