"""Predict: a request, checked, run, and its results packed."""

import time

import grpc
import numpy as np
from tensorflow_serving.apis import predict_pb2

from efgan_tf.serving.local import requests, tensors
from efgan_tf.serving.local.metrics import Metrics
from efgan_tf.serving.local.models import Models
from efgan_tf.serving.local.pictures import check_pixels
from efgan_tf.serving.local.scheduling import Scheduler
from efgan_tf.serving.local.servable import Servable
from efgan_tf.serving.local.settings import LimitsConfig
from efgan_tf.serving.local.status import Refused, invalid

_IMAGES = "image_bytes"

_LONGEST_MS = 2**31 - 1


class Predictor:
    """Answers predict requests.

    Args:
      scheduler: runs them.
      limits: of one request.
      metrics: where requests are counted.
    """

    def __init__(
        self, scheduler: Scheduler, limits: LimitsConfig, metrics: Metrics
    ):
        self._scheduler = scheduler
        self._limits = limits
        self._metrics = metrics

    def predict(
        self,
        models: Models,
        request: predict_pb2.PredictRequest,
        context: grpc.ServicerContext,
    ) -> predict_pb2.PredictResponse:
        """Runs a signature of the model that a request names.

        Raises:
          Refused: with TensorFlow Serving's codes and words.
        """
        started = time.monotonic()
        # Clients must not fill the memory with names that they make up.
        name = request.model_spec.name
        name = name if name in models else ""
        try:
            if not request.HasField("model_spec"):
                raise invalid("Missing ModelSpec")
            with models.use(request.model_spec) as servable:
                call = self._prepare(request, servable)
                self._check_pixels(call)
                response = self._run(call, servable, _timeout_ms(context))
        except Refused as refusal:
            self._metrics.request_count.add(name, refusal.code.name)
            raise
        self._metrics.request_count.add(name, "OK")
        self._metrics.request_latency.add(
            1e6 * (time.monotonic() - started), name, "Predict", "GRPC"
        )
        return response

    def warm_up(
        self, request: predict_pb2.PredictRequest, servable: Servable
    ) -> None:
        """Runs a request from a model's own folder, whatever name is in it.

        Args:
          request: what is asked; its images may have any number of pixels.
          servable: the model.

        Raises:
          Refused: as in `predict`.
        """
        self._run(self._prepare(request, servable), servable, timeout_ms=0)

    def _prepare(self, request, servable):
        return requests.prepare(
            request, servable.session.signatures, self._limits.max_bytes
        )

    def _run(self, call, servable, timeout_ms):
        started = time.monotonic()
        results = self._scheduler.run(
            servable.session,
            call.feeds,
            list(call.outputs.values()),
            timeout_ms,
        )
        self._metrics.runtime_latency.add(
            1e6 * (time.monotonic() - started), servable.name, "Predict", "TF1"
        )
        return _response(servable, call, results)

    def _check_pixels(self, call):
        images = call.inputs.get(_IMAGES)
        if images is not None and images.dtype == np.object_:
            check_pixels(images.ravel(), self._limits.max_image_pixels, _IMAGES)


def _response(servable, call, results):
    response = predict_pb2.PredictResponse()
    response.model_spec.name = servable.name
    response.model_spec.version.value = servable.version
    response.model_spec.signature_name = call.signature_name
    for alias, result in zip(call.outputs, results, strict=True):
        tensors.encode(result, response.outputs[alias])
    return response


def _timeout_ms(context):
    """What is left of the client's deadline; 0 where it set none."""
    left = context.time_remaining()
    if left is None:
        return 0
    return min(max(1, int(left * 1000)), _LONGEST_MS)
