"""A SavedModel in a C++ session, as TF Serving loads and runs it.

    python -m efgan_tf.serving.cpp_session LIBRARY FOLDER REQUESTS RESULTS

runs the requests in a process of its own: the library does not share one with
Python's TensorFlow, which therefore must not be imported here.
`efgan_tf.serving.loaders` makes the files.

The library is `libtensorflow_cc` of the installed TensorFlow, whose C API is
called by `ctypes`. XLA is switched off, as TF Serving has it by default.
"""

import ctypes
import json
import sys

import numpy as np

REFUSED = 2
"""Exit status where the C++ side refused; the last line says why."""

_FLOAT, _STRING = 1, 7  # TF_DataType
_STRING_SIZE = 24  # of a TF_TString


class CppSessionError(Exception):
    """The C++ side refused; the text is its own."""


class _Output(ctypes.Structure):
    """`TF_Output`: one output of an operation."""

    _fields_ = [("operation", ctypes.c_void_p), ("index", ctypes.c_int)]


class CppSession:
    """A loaded SavedModel.

    Args:
      library: path of `libtensorflow_cc`.
      folder: of the SavedModel.

    Raises:
      CppSessionError: it cannot be loaded.
    """

    def __init__(self, library: str, folder: str):
        # Local symbols, the default: global ones crash NumPy.
        self._tf = _declared(ctypes.CDLL(library))
        self._tf._ZN10tensorflow21DisableXlaCompilationEv()
        self._status = self._tf.TF_NewStatus()
        self._graph = self._tf.TF_NewGraph()
        tags = (ctypes.c_char_p * 1)(b"serve")
        self._session = self._tf.TF_LoadSessionFromSavedModel(
            self._tf.TF_NewSessionOptions(), None, folder.encode(), tags, 1,
            self._graph, None, self._status,
        )  # fmt: skip
        self._check()

    def run(
        self, feeds: dict[str, np.ndarray], fetches: list[str]
    ) -> list[np.ndarray]:
        """Runs the graph.

        Args:
          feeds: tensor, as `serving_default_image:0` → float32, or bytes `S`.
          fetches: tensors to compute.

        Returns:
          Their values, float32, or bytes `S`.

        Raises:
          CppSessionError: the graph refuses the values.
        """
        values = (ctypes.c_void_p * len(feeds))(
            *[self._to_tensor(array) for array in feeds.values()]
        )
        results = (ctypes.c_void_p * len(fetches))()
        self._tf.TF_SessionRun(
            self._session, None,
            self._outputs(feeds), values, len(feeds),
            self._outputs(fetches), results, len(fetches),
            None, 0, None, self._status,
        )  # fmt: skip
        for value in values:
            self._tf.TF_DeleteTensor(value)
        self._check()
        arrays = [self._to_array(result) for result in results]
        for result in results:
            self._tf.TF_DeleteTensor(result)
        return arrays

    def _outputs(self, names):
        found = []
        for name in names:
            operation, _, index = name.partition(":")
            pointer = self._tf.TF_GraphOperationByName(
                self._graph, operation.encode()
            )
            if not pointer:
                raise CppSessionError(f"the graph has no {operation}")
            found.append(_Output(pointer, int(index)))
        return (_Output * len(found))(*found)

    def _to_tensor(self, array):
        if array.dtype.kind == "S":
            return self._to_strings(array)
        array = np.ascontiguousarray(array, np.float32)
        tensor = self._allocate(_FLOAT, array.shape, array.nbytes)
        ctypes.memmove(
            self._tf.TF_TensorData(tensor), array.ctypes.data, array.nbytes
        )
        return tensor

    def _to_strings(self, array):
        size = array.size * _STRING_SIZE
        tensor = self._allocate(_STRING, array.shape, size)
        start = self._tf.TF_TensorData(tensor)
        for index, text in enumerate(array.ravel().tolist()):
            place = start + index * _STRING_SIZE
            self._tf.TF_StringInit(place)
            self._tf.TF_StringCopy(place, text, len(text))
        return tensor

    def _allocate(self, kind, shape, size):
        sides = (ctypes.c_int64 * len(shape))(*shape)
        return self._tf.TF_AllocateTensor(kind, sides, len(shape), size)

    def _to_array(self, tensor):
        shape = [
            self._tf.TF_Dim(tensor, axis)
            for axis in range(self._tf.TF_NumDims(tensor))
        ]
        start = self._tf.TF_TensorData(tensor)
        if self._tf.TF_TensorType(tensor) == _STRING:
            texts = [
                self._text(start + index * _STRING_SIZE)
                for index in range(int(np.prod(shape)))
            ]
            return np.array(texts, "S").reshape(shape)
        content = ctypes.string_at(start, self._tf.TF_TensorByteSize(tensor))
        return np.frombuffer(content, np.float32).reshape(shape)

    def _text(self, place):
        return ctypes.string_at(
            self._tf.TF_StringGetDataPointer(place),
            self._tf.TF_StringGetSize(place),
        )

    def _check(self):
        if self._tf.TF_GetCode(self._status):
            message = self._tf.TF_Message(self._status)
            raise CppSessionError(message.decode(errors="replace"))


def _declared(library):
    """The library, told which of its functions return or take pointers."""
    pointer, number, size = ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t
    for name, result, *arguments in [
        ("TF_NewStatus", pointer),
        ("TF_NewGraph", pointer),
        ("TF_NewSessionOptions", pointer),
        ("TF_GetCode", number, pointer),
        ("TF_Message", ctypes.c_char_p, pointer),
        ("TF_LoadSessionFromSavedModel", pointer, pointer, pointer,
         ctypes.c_char_p, pointer, number, pointer, pointer, pointer),
        ("TF_GraphOperationByName", pointer, pointer, ctypes.c_char_p),
        ("TF_SessionRun", None, pointer, pointer, pointer, pointer, number,
         pointer, pointer, number, pointer, number, pointer, pointer),
        ("TF_AllocateTensor", pointer, number, pointer, number, size),
        ("TF_DeleteTensor", None, pointer),
        ("TF_TensorData", pointer, pointer),
        ("TF_TensorByteSize", size, pointer),
        ("TF_TensorType", number, pointer),
        ("TF_NumDims", number, pointer),
        ("TF_Dim", ctypes.c_int64, pointer, number),
        ("TF_StringInit", None, pointer),
        ("TF_StringCopy", None, pointer, ctypes.c_char_p, size),
        ("TF_StringGetDataPointer", pointer, pointer),
        ("TF_StringGetSize", size, pointer),
    ]:  # fmt: skip
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def main(library: str, folder: str, requests: str, results: str) -> int:
    """Runs requests from a file; returns an exit status.

    Args:
      library: path of `libtensorflow_cc`.
      folder: of the SavedModel.
      requests: `.npz`: `calls`, JSON of `[{"feeds": [tensor, …], "fetches":
        [tensor, …]}, …]`, and the fed arrays as `CALL/INDEX`.
      results: `.npz` to write: the fetched arrays as `CALL/INDEX`.
    """
    try:
        session = CppSession(library, folder)
        arrays = {}
        with np.load(requests, allow_pickle=False) as given:
            for call, names in enumerate(json.loads(given["calls"].item())):
                feeds = {
                    name: given[f"{call}/{index}"]
                    for index, name in enumerate(names["feeds"])
                }
                fetched = session.run(feeds, names["fetches"])
                for index, array in enumerate(fetched):
                    arrays[f"{call}/{index}"] = array
    except CppSessionError as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return REFUSED
    np.savez(results, **arrays)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
