"""The operator's files in `serving/`, read as TensorFlow Serving reads them."""

from pathlib import Path

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from efgan_tf.serving.local.messages import new_message

SERVING = Path(__file__).parents[2] / "serving"


def read_config(path, message):
    """The message in a configuration file.

    Args:
      path: of the file.
      message: "ModelServerConfig", "BatchingParameters", "MonitoringConfig" or
        "SSLConfig".

    Raises:
      text_format.ParseError: the server would not read it either.
    """
    empty = (
        model_server_config_pb2.ModelServerConfig()
        if message == "ModelServerConfig"
        else new_message(message)
    )
    return text_format.Parse(Path(path).read_text("utf-8"), empty)
