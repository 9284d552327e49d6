"""Reads and edits a TFLite file: operations, buffers, metadata.

The file is a FlatBuffer; the interpreter's package has the generated classes
that read and write it.
"""

import dataclasses
import functools
from pathlib import Path

from efgan_tf.common.errors import UserError

_IDENTIFIER = b"TFL3"


@dataclasses.dataclass(frozen=True)
class Operations:
    """The operations of a file.

    Attributes:
      counts: operation → how often it is there, over all signatures.
      largest_rank: of all tensors.
    """

    counts: dict[str, int]
    largest_rank: int


@functools.cache
def _schema():
    from ai_edge_litert import schema_py_generated

    return schema_py_generated


def read(content: bytes, source: object):
    """The file as a tree of objects.

    Args:
      content: of the file.
      source: name for error messages.

    Raises:
      UserError: it is no TFLite file.
    """
    if content[4:8] != _IDENTIFIER:
        raise UserError(f"{source} is no TFLite file")
    schema = _schema()
    try:
        model = schema.Model.GetRootAs(content, 0)
        return schema.ModelT.InitFromObj(model)
    except Exception as error:  # FlatBuffers raises anything
        raise UserError(f"{source} is damaged: {error}") from error


def write(model) -> bytes:
    """The bytes of a tree of `read`."""
    import flatbuffers

    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), file_identifier=_IDENTIFIER)
    return bytes(builder.Output())


def read_file(path: Path) -> bytes:
    """A file's bytes.

    Raises:
      UserError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error


def operations(model) -> Operations:
    """What a tree of `read` computes with."""
    schema = _schema()
    names = {
        value: name
        for name, value in vars(schema.BuiltinOperator).items()
        if isinstance(value, int)
    }
    counts: dict[str, int] = {}
    rank = 0
    for graph in model.subgraphs:
        for operator in graph.operators:
            code = model.operatorCodes[operator.opcodeIndex]
            # Codes from 127 on did not fit the older field.
            number = max(code.builtinCode, code.deprecatedBuiltinCode)
            name = names.get(number, f"operation {number}")
            if name == "CUSTOM":
                name = code.customCode.decode()
            counts[name] = counts.get(name, 0) + 1
        for tensor in graph.tensors:
            rank = max(rank, 0 if tensor.shape is None else len(tensor.shape))
    return Operations(dict(sorted(counts.items())), rank)


def drop_names(model) -> None:
    """Removes the names of inner tensors, in place.

    They are paths in the Keras model, which take more space than the weights
    of some layers. Signatures name their inputs and outputs themselves.
    """
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            tensor.name = b""


def add_signature(model, key: str, of: str, renamed: dict[str, str]) -> None:
    """Adds a signature that equals another but for names, in place.

    Both share one graph. LiteRT refuses a signature that leaves out outputs of
    its graph, so the new one has all of them.

    Args:
      model: a tree of `read`.
      key: of the new signature.
      of: the other's key.
      renamed: the other's output → its new name; the others keep theirs.
    """
    schema = _schema()
    by_key = {entry.signatureKey: entry for entry in model.signatureDefs}
    original = by_key[of.encode()]
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.inputs = key.encode(), original.inputs
    signature.subgraphIndex, signature.outputs = original.subgraphIndex, []
    for output in original.outputs:
        name = output.name.decode()
        entry = schema.TensorMapT()
        entry.name = renamed.get(name, name).encode()
        entry.tensorIndex = output.tensorIndex
        signature.outputs.append(entry)
    model.signatureDefs.append(signature)


def put_first(model, key: str) -> None:
    """Makes a signature's graph the file's first, in place.

    Tools that know no signatures run the first graph. Graphs must not call
    each other.
    """
    (index,) = (
        entry.subgraphIndex
        for entry in model.signatureDefs
        if entry.signatureKey == key.encode()
    )
    graphs, moved = model.subgraphs, {0: index, index: 0}
    graphs[0], graphs[index] = graphs[index], graphs[0]
    for entry in model.signatureDefs:
        place = entry.subgraphIndex
        entry.subgraphIndex = moved.get(place, place)


def put_metadata(model, name: str, content: bytes) -> None:
    """Adds a named text to a tree of `read`, or replaces it, in place."""
    schema = _schema()
    buffer = schema.BufferT()
    buffer.data = list(content)
    entry = schema.MetadataT()
    entry.name, entry.buffer = name.encode(), len(model.buffers)
    model.buffers.append(buffer)
    others = [old for old in model.metadata or () if old.name != name.encode()]
    model.metadata = [*others, entry]


def get_metadata(model, name: str) -> bytes | None:
    """The named text of a tree of `read`; None if there is none."""
    for entry in model.metadata or ():
        if entry.name == name.encode():
            return bytes(model.buffers[entry.buffer].data)
    return None
