"""Writes the messages and services of TensorFlow Serving as one descriptor set.

    python -m tools.dump_protos

Makes efgan_tf/trained/remote/tensorflow_serving.binpb, a `FileDescriptorSet` of
everything that `tensorflow-serving-api` declares for predicting and for asking
after models. Clients in any language can load it in the place of the `.proto`
files, which are spread over the sources of TensorFlow and of TensorFlow
Serving: efgan_tf.trained.remote does, and serving/node/edit.js.
"""

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import FileDescriptor
from tensorflow_serving.apis import model_service_pb2, prediction_service_pb2

from efgan_tf.common.outputs import atomic_file

FILE = "efgan_tf/trained/remote/tensorflow_serving.binpb"


def descriptor_set() -> descriptor_pb2.FileDescriptorSet:
    """Both services with all that they depend on, dependencies first."""
    files: dict[str, FileDescriptor] = {}
    for module in (prediction_service_pb2, model_service_pb2):
        _add(module.DESCRIPTOR, files)
    found = descriptor_pb2.FileDescriptorSet()
    for file in files.values():
        file.CopyToProto(found.file.add())
    return found


def _add(file: FileDescriptor, files: dict[str, FileDescriptor]) -> None:
    for needed in file.dependencies:
        if needed.name not in files:
            _add(needed, files)
    files[file.name] = file


def main() -> None:
    """Writes the file."""
    with atomic_file(FILE) as temporary:
        temporary.write_bytes(descriptor_set().SerializeToString())
    print(f"wrote {FILE}")


if __name__ == "__main__":
    main()
