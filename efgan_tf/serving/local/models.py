"""The models that are served: their versions come and go."""

import contextlib
import dataclasses
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import grpc
import tensorflow as tf
from tensorflow_serving.apis import get_model_status_pb2, model_pb2

from efgan_tf.serving.local.servable import Servable
from efgan_tf.serving.local.status import Refused, invalid
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
    """How a version is: its state, and what was wrong with it if anything."""

    state: int
    error: str = ""
    code: int = 0


class Model:
    """One model with its versions.

    Args:
      config: the model.
      check: called with each version before it is served; what it raises
        fails the load.
      log: told what happens, in lines.
    """

    def __init__(
        self,
        config: ModelConfig,
        check: Callable[[Servable, Path], None],
        log: Callable[[str], None],
    ):
        self.config = config
        self.statuses: dict[int, VersionStatus] = {}
        self._check = check
        self._log = log
        self._lock = threading.Lock()
        self._loaded: dict[int, Servable] = {}
        self._failed: dict[int, tuple] = {}
        self._seen: dict[int, tuple] = {}

    def acquire(self, version: int | None) -> Servable | None:
        """The version, or the latest one; to be entered.

        Returns:
          None if it is not loaded.
        """
        with self._lock:
            if version is None:
                version = max(self._loaded, default=-1)
            servable = self._loaded.get(version)
            return servable and servable.__enter__()

    def is_available(self, version: int) -> bool:
        """Whether a version can be asked."""
        with self._lock:
            return version in self._loaded

    def poll(self, first: bool = False) -> None:
        """Loads what is new, and unloads what is not wanted any more.

        Args:
          first: load what is there at once; later, a version must look the
            same twice, so that nobody is still copying it.
        """
        try:
            found = find_versions(self.config.folder)
        except OSError:
            return  # as it was: the disk may come back
        wanted = self.config.policy.choose(found)
        for version in sorted(wanted - set(self._loaded)):
            print_ = fingerprint(found[version])
            settled = first or self._seen.get(version) == print_
            self._seen[version] = print_
            if settled and self._failed.get(version) != print_:
                self._load(version, found[version], print_)
        # What is served stays until something that is wanted is served.
        if not wanted or wanted & set(self._loaded):
            for version in set(self._loaded) - wanted:
                self._unload(version)

    def close(self) -> None:
        """Unloads every version, as soon as requests in flight are done."""
        for version in list(self._loaded):
            self._unload(version)

    def _load(self, version, folder, print_):
        self._set(version, State.LOADING)
        try:
            servable = Servable(
                self.config.name,
                version,
                folder,
                on_closed=lambda: self._closed(version),
            )
            try:
                self._check(servable, folder)
            except BaseException:
                servable.retire()
                raise
        except (OSError, ValueError, RuntimeError, Refused,
                tf.errors.OpError) as error:  # fmt: skip
            self._failed[version] = print_
            self._fail(version, folder, error)
            return
        self._failed.pop(version, None)
        with self._lock:
            self._loaded[version] = servable
        self._set(version, State.AVAILABLE)
        self._log(f"{self.config.name}: version {version} is loaded")

    def _fail(self, version, folder, error):
        code = getattr(error, "error_code", None)
        if isinstance(error, Refused):
            code = error.code.value[0]
        text = " ".join(str(error).split())
        self._set(
            version,
            State.END,
            text,
            grpc.StatusCode.UNKNOWN.value[0] if code is None else code,
        )
        self._log(f"{self.config.name}: cannot load {folder}: {text}")

    def _unload(self, version):
        with self._lock:
            servable = self._loaded.pop(version)
        self._set(version, State.UNLOADING)
        servable.retire()

    def _closed(self, version):
        self._set(version, State.END)
        self._log(f"{self.config.name}: version {version} is unloaded")

    def _set(self, version, state, error="", code=0):
        with self._lock:
            self.statuses = {
                **self.statuses,
                version: VersionStatus(state, error, code),
            }


class Models:
    """All models by their names.

    Args:
      configs: the models.
      check: as in `Model`.
      log: as in `Model`.
    """

    def __init__(
        self,
        configs: Iterable[ModelConfig],
        check: Callable[[Servable, Path], None],
        log: Callable[[str], None],
    ):
        self._models = {
            config.name: Model(config, check, log) for config in configs
        }

    @contextlib.contextmanager
    def use(self, spec: model_pb2.ModelSpec):
        """The `Servable` that a request means; it stays until it is left.

        Raises:
          Refused: there is none.
        """
        servable = self._acquire(spec)
        try:
            yield servable
        finally:
            servable.retire()

    def _acquire(self, spec):
        if not spec.name:
            raise invalid("ModelSpec has no name specified.")
        model = self._models.get(spec.name)
        version = None
        if spec.HasField("version"):
            version = spec.version.value
        elif spec.HasField("version_label"):
            version = self._labelled(model, spec.version_label)
        servable = model and model.acquire(version)
        if not servable:
            asked = (
                f"Latest({spec.name})"
                if version is None
                else f"Specific({spec.name}, {version})"
            )
            raise Refused(
                grpc.StatusCode.NOT_FOUND,
                f"Servable not found for request: {asked}",
            )
        return servable

    def _labelled(self, model, label):
        labels = model.config.labels if model else {}
        if label not in labels:
            raise invalid(f"Unrecognized servable version label: {label}")
        return labels[label]

    def statuses(self, name: str) -> dict[int, VersionStatus]:
        """Version → its status, of every version that was ever seen."""
        model = self._models.get(name)
        return model.statuses if model else {}

    def poll(self, first: bool = False) -> None:
        """Looks for new versions of every model."""
        for model in self._models.values():
            model.poll(first)

    def close(self) -> None:
        """Unloads everything."""
        for model in self._models.values():
            model.close()
