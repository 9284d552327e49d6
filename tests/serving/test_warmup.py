"""Warm-up requests: for every signature, answered when they are replayed."""

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from efgan_tf.serving.warmup import FILE


def test_every_signature_is_asked_in_every_number(exported, signatures):
    records = tf.data.TFRecordDataset(str(exported.saved_model / FILE))
    asked = []
    for record in records:
        log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
        # TF Serving knows no other kind for this.
        assert log.WhichOneof("log_type") == "predict_log"
        request = log.predict_log.request
        assert request.model_spec.name == "efgan"
        key = request.model_spec.signature_name
        inputs = {k: _read(tensor) for k, tensor in request.inputs.items()}
        answer = signatures[key](**inputs)
        (count,) = {len(value) for value in inputs.values()}
        assert {len(value) for value in answer.values()} == {count}
        asked.append((key, count))
    assert sorted(asked) == sorted(
        (key, batch) for key in signatures for batch in (1, 4)
    )


def _read(tensor):
    """As C++ reads it, and as Python does."""
    kind = tf.dtypes.as_dtype(tensor.dtype)
    cpp = tf.io.parse_tensor(tensor.SerializeToString(), kind)
    np.testing.assert_array_equal(cpp.numpy(), tf.make_ndarray(tensor))
    return cpp
