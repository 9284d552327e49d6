"""One model whose versions come and go."""

import dataclasses
import threading
from collections.abc import Callable
from pathlib import Path

import grpc
import tensorflow as tf
from tensorflow_serving.apis import get_model_status_pb2

from efgan_tf.serving.local.servable import Servable
from efgan_tf.serving.local.status import Refused
from efgan_tf.serving.local.versions import Policy, find_versions, fingerprint

State = get_model_status_pb2.ModelVersionStatus.State


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """One model to serve.

    Attributes:
      name: what clients call it.
      folder: of its versions.
      policy: which of them to load.
      labels: label → version.
    """

    name: str
    folder: Path
    policy: Policy
    labels: dict[str, int] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class VersionStatus:
    """How a version is.

    Attributes:
      state: a `State`.
      code: a number of `grpc.StatusCode`; 0 where nothing was wrong.
      error: what was wrong.
    """

    state: int
    code: int = 0
    error: str = ""


class Model:
    """The versions of one model; one thread at a time may `poll`.

    Args:
      config: the model.
      warm_up: called with each version before it is served, and its folder;
        what it raises fails the load.
      log: told what happens, in lines.

    Attributes:
      config: the model; another one takes effect with the next `poll`.
      statuses: version → how it is, of all that were ever seen.
    """

    def __init__(
        self,
        config: ModelConfig,
        warm_up: Callable[[Servable, Path], None],
        log: Callable[[str], None],
    ):
        self.config = config
        self.statuses: dict[int, VersionStatus] = {}
        self._warm_up = warm_up
        self._log = log
        self._lock = threading.Lock()
        self._loaded: dict[int, Servable] = {}
        # Version → its folder's fingerprint, when it failed and when last seen.
        self._failed: dict[int, tuple] = {}
        self._seen: dict[int, tuple] = {}

    def hold(self, version: int | None = None) -> Servable | None:
        """A version, to be released; the latest one by default.

        Returns:
          None if it is not loaded.
        """
        with self._lock:
            if version is None:
                version = max(self._loaded, default=None)
            servable = self._loaded.get(version)
            return servable and servable.hold()

    def loaded(self) -> set[int]:
        """The versions that can be asked."""
        with self._lock:
            return set(self._loaded)

    def errors(self) -> dict[int, str]:
        """Version → why it could not be loaded, of those that could not."""
        return {v: s.error for v, s in self.statuses.items() if s.error}

    def poll(self, at_once: bool = False) -> None:
        """Loads what is new, and unloads what is not wanted any more.

        What is served stays until something that is wanted is served, so that
        a version that cannot be loaded takes nothing away.

        Args:
          at_once: load what is there; else a version must look the same
            twice, since somebody may still be copying it.
        """
        try:
            found = find_versions(self.config.folder)
        except (OSError, ValueError):  # a NUL is in no path
            return  # as it was: the disk may come back
        wanted = self.config.policy.choose(found)
        for version in sorted(wanted - self.loaded()):
            seen = fingerprint(found[version])
            settled = at_once or self._seen.get(version) == seen
            self._seen[version] = seen
            if settled and self._failed.get(version) != seen:
                self._load(version, found[version])
        loaded = self.loaded()
        if not wanted or wanted & loaded:
            for version in loaded - wanted:
                self._unload(version)

    def close(self) -> None:
        """Unloads every version, as soon as requests in flight are done."""
        for version in self.loaded():
            self._unload(version)

    def _load(self, version, folder):
        self._set(version, VersionStatus(State.LOADING))
        try:
            servable = self._warmed(version, folder)
        except Exception as error:  # a broken file can raise anything
            self._failed[version] = self._seen[version]
            status = _failure(error)
            self._log(f"cannot load {folder}: {status.error}")
            self._set(version, status)
            return
        self._failed.pop(version, None)
        with self._lock:
            self._loaded[version] = servable
        self._set(version, VersionStatus(State.AVAILABLE))
        self._log(f"loaded {folder}")

    def _warmed(self, version, folder):
        servable = Servable(
            self.config.name, version, folder, lambda: self._closed(version)
        )
        try:
            self._warm_up(servable, folder)
        except BaseException:
            servable.session.close()  # nobody else has seen it
            raise
        return servable

    def _unload(self, version):
        with self._lock:
            servable = self._loaded.pop(version)
        self._set(version, VersionStatus(State.UNLOADING))
        servable.release()

    def _closed(self, version):
        if version not in self.loaded():  # it may be back already
            self._set(version, VersionStatus(State.END))
        self._log(f"unloaded version {version} of {self.config.name}")

    def _set(self, version, status):
        with self._lock:
            self.statuses = {**self.statuses, version: status}


def _failure(error):
    if isinstance(error, Refused):
        code = error.code.value[0]
    elif isinstance(error, tf.errors.OpError):
        code = error.error_code
    else:
        code = grpc.StatusCode.UNKNOWN.value[0]
    text = " ".join(str(error).split()) or type(error).__name__
    return VersionStatus(State.END, code, text)
