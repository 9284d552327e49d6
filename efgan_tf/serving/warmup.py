"""Requests that TensorFlow Serving runs before it serves a version.

The first call of a signature takes many times as long as the next, since the
session optimizes the graph. TensorFlow Serving replays the requests of
`assets.extra/tf_serving_warmup_requests` when it loads a version, so that no
client waits for that.

If a request fails, the version is not loaded; nor is it if one has more images
than `max_batch_size` where the server batches.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import tensorflow as tf
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

FILE = Path("assets.extra") / "tf_serving_warmup_requests"
"""In a version's folder."""

# A gray picture, and a trace of every action unit.
_VALUE = 0.5

Specs = Mapping[str, Sequence[tf.TensorSpec]]
"""Signature → its inputs, float32 or encoded pictures, the first axis free."""


def write_warmup(
    folder: Path, name: str, specs: Specs, batches: Iterable[int]
) -> None:
    """Writes one request of each signature for each number of images.

    Args:
      folder: of the version.
      name: of the model.
      specs: the signatures.
      batches: numbers of images; without any, no file is written.
    """
    logs = [
        prediction_log_pb2.PredictLog(request=request)
        for request in warmup_requests(name, specs, batches)
    ]
    if not logs:
        return
    path = folder / FILE
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for log in logs:
            record = prediction_log_pb2.PredictionLog(predict_log=log)
            writer.write(record.SerializeToString())


def warmup_requests(
    name: str, specs: Specs, batches: Iterable[int]
) -> Iterator[predict_pb2.PredictRequest]:
    """The requests; arguments as for `write_warmup`."""
    for batch in batches:
        for key, inputs in specs.items():
            request = predict_pb2.PredictRequest()
            request.model_spec.name = name
            request.model_spec.signature_name = key
            for spec in inputs:
                request.inputs[spec.name].CopyFrom(_constant(spec, batch))
            yield request


def _constant(spec: tf.TensorSpec, batch: int) -> tensor_pb2.TensorProto:
    """In a few bytes: readers repeat the last value of a message."""
    shape = tf.TensorShape([batch, *spec.shape[1:]])
    tensor = tensor_pb2.TensorProto(
        dtype=spec.dtype.as_datatype_enum, tensor_shape=shape.as_proto()
    )
    if spec.dtype == tf.string:
        tensor.string_val.append(_picture())
    else:
        tensor.float_val.append(_VALUE)
    return tensor


def _picture() -> bytes:
    """A small square PNG, which the signature resizes."""
    return tf.io.encode_png(
        tf.fill((8, 8, 3), tf.constant(128, tf.uint8))
    ).numpy()
