"""Requests that are stored with a version and replayed before it is served."""

import time
from collections.abc import Callable
from pathlib import Path

import grpc
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from efgan_tf.serving.local.metrics import Metrics
from efgan_tf.serving.local.status import Refused, invalid
from efgan_tf.serving.warmup import FILE

MAX_RECORDS = 1000


def replay(
    folder: Path,
    predict: Callable[[predict_pb2.PredictRequest], object],
    metrics: Metrics,
) -> None:
    """Replays the requests, so that the first client does not wait.

    Args:
      folder: of the version; one without the file is fine.
      predict: answers a request.
      metrics: where the time is counted.

    Raises:
      Refused: a request fails, of whatever reason; the version must not be
        served then.
      tf.errors.OpError: the file is no file of records.
    """
    path = folder / FILE
    if not path.is_file():
        return
    started = time.monotonic()
    for number, record in enumerate(_records(path), 1):
        if number > MAX_RECORDS:
            raise invalid(
                "Number of warmup records exceeds the maximum "
                f"({MAX_RECORDS}) at {path}"
            )
        _replay_one(record, path, predict)
    metrics.model_warmup_latency.add(
        1e6 * (time.monotonic() - started), str(folder), "OK"
    )


def _records(path):
    try:
        yield from tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
    except tf.errors.DataLossError as error:
        raise Refused(
            grpc.StatusCode.DATA_LOSS,
            f"{error.message}. Please verify your warmup data is in TFRecord "
            "format.",
        ) from error


def _replay_one(record, path, predict):
    try:
        log = prediction_log_pb2.PredictionLog.FromString(record)
    except DecodeError as error:
        raise invalid(f"Failed to parse warmup record from {path}") from error
    kind = log.WhichOneof("log_type")
    if kind == "predict_log":
        predict(log.predict_log.request)
    elif kind is not None:
        raise Refused(
            grpc.StatusCode.UNIMPLEMENTED,
            f"Unsupported log_type for warmup: {kind}",
        )
