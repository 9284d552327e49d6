"""TensorFlow Serving's messages, without TensorFlow.

The official classes, of `tensorflow-serving-api`, import all of TensorFlow,
which takes seconds. These classes are made of the same descriptors, which are
a file of this package (tools/dump_protos.py); the wire format is the same.
"""

import functools
from importlib import resources
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

FILE = "tensorflow_serving.binpb"
"""A `FileDescriptorSet`, beside this module."""


def descriptor_set() -> descriptor_pb2.FileDescriptorSet:
    """The descriptors in this package."""
    folder = resources.files("efgan_tf.trained.remote")
    content = folder.joinpath(FILE).read_bytes()
    return descriptor_pb2.FileDescriptorSet.FromString(content)


@functools.cache
def _pool() -> descriptor_pool.DescriptorPool:
    # Not the default pool, where TensorFlow registers its own.
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_set().file:
        pool.Add(file)
    return pool


def _message(name: str) -> Any:
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(name))


TensorProto = _message("tensorflow.TensorProto")
ModelSpec = _message("tensorflow.serving.ModelSpec")
PredictRequest = _message("tensorflow.serving.PredictRequest")
PredictResponse = _message("tensorflow.serving.PredictResponse")
GetModelMetadataRequest = _message("tensorflow.serving.GetModelMetadataRequest")
GetModelMetadataResponse = _message(
    "tensorflow.serving.GetModelMetadataResponse"
)
SignatureDefMap = _message("tensorflow.serving.SignatureDefMap")
GetModelStatusRequest = _message("tensorflow.serving.GetModelStatusRequest")
GetModelStatusResponse = _message("tensorflow.serving.GetModelStatusResponse")
