"""Warm-up requests: for every signature, answered when they are replayed."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from efgan_tf.serving.warmup import FILE


@pytest.fixture(scope="module")
def requests(exported):
    """Of the exported model, as TF Serving reads them."""
    path = exported.saved_model / FILE
    logs = [
        prediction_log_pb2.PredictionLog.FromString(record.numpy())
        for record in tf.data.TFRecordDataset(str(path))
    ]
    # TF Serving knows no other kind for this.
    assert all(log.WhichOneof("log_type") == "predict_log" for log in logs)
    return [log.predict_log.request for log in logs]


def _read(tensor):
    """As C++ reads it, and as Python does."""
    python = tf.make_ndarray(tensor)
    kind = tf.dtypes.as_dtype(tensor.dtype)
    cpp = tf.io.parse_tensor(tensor.SerializeToString(), kind)
    np.testing.assert_array_equal(cpp.numpy(), python)
    return cpp


def test_every_signature_is_asked_in_every_number(requests, signatures):
    asked = [
        (request.model_spec.signature_name, tensor.tensor_shape.dim[0].size)
        for request in requests
        for tensor in list(request.inputs.values())[:1]
    ]
    assert sorted(asked) == sorted(
        (key, batch) for key in signatures for batch in (1, 4)
    )
    assert {request.model_spec.name for request in requests} == {"efgan"}


def test_every_request_is_answered(requests, signatures):
    for request in requests:
        inputs = {k: _read(tensor) for k, tensor in request.inputs.items()}
        answer = signatures[request.model_spec.signature_name](**inputs)
        (count,) = {len(value) for value in inputs.values()}
        assert {len(value) for value in answer.values()} == {count}
