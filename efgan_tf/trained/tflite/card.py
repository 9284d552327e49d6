"""The metadata of a TFLite file: `efgan.json`, inside the file."""

import dataclasses
import json
from pathlib import Path

from efgan_tf import action_units
from efgan_tf.common.errors import UserError
from efgan_tf.trained.info import FILE_NAME, ModelInfo
from efgan_tf.trained.tflite import flatbuffer


@dataclasses.dataclass(frozen=True)
class TfliteInfo:
    """Metadata of a file.

    Attributes:
      model: the model's shape, and which units it learned.
      quantization: one of `settings.QUANTIZATIONS`.
      calibrated_on: the faces that int8 was calibrated on; empty otherwise.
    """

    model: ModelInfo
    quantization: str
    calibrated_on: str = ""

    def to_json(self) -> str:
        """`ModelInfo.to_json` with the file's own metadata.

        The scales of inputs and outputs are included: on a phone there is no
        documentation at hand.
        """
        content = {
            **json.loads(self.model.to_json()),
            "quantization": self.quantization,
            "calibrated_on": self.calibrated_on,
            "scales": {
                "image": [0, 1],
                "action_units": [0, action_units.MAX_INTENSITY],
                "attention": [0, 1],
            },
        }
        return json.dumps(content)


def read_info(path: str | Path) -> TfliteInfo:
    """The metadata of a TFLite file of `efgan_tf.export`.

    Raises:
      UserError: it cannot be read, is no such file, or was made for other
        units or another template.
    """
    content = flatbuffer.read_file(Path(path))
    return info_of(flatbuffer.read(content, path), path)


def info_of(model, source: object) -> TfliteInfo:
    """`read_info` of a tree of `flatbuffer.read`."""
    text = flatbuffer.get_metadata(model, FILE_NAME)
    if text is None:
        raise UserError(
            f"{source} holds no {FILE_NAME}: it was not written by python -m "
            "efgan_tf.export"
        )
    info = ModelInfo.from_json(text, source)
    values = json.loads(text)
    return TfliteInfo(
        info, values.get("quantization", ""), values.get("calibrated_on", "")
    )
