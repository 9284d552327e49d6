"""All models that are served, by the names and labels that clients use."""

import contextlib
import dataclasses
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import grpc
from tensorflow_serving.apis import model_pb2

from efgan_tf.serving.local.model import Model, ModelConfig, VersionStatus
from efgan_tf.serving.local.servable import Servable
from efgan_tf.serving.local.status import Refused, invalid
from efgan_tf.serving.local.versions import NONE


class Models:
    """Looks up what a request means, and keeps the versions up to date.

    Args:
      configs: the models.
      warm_up: as in `Model`.
      log: as in `Model`.
    """

    def __init__(
        self,
        configs: Iterable[ModelConfig],
        warm_up: Callable[[Servable, Path], None],
        log: Callable[[str], None],
    ):
        self._make = lambda config: Model(config, warm_up, log)
        self._models = {c.name: self._make(c) for c in configs}
        self._changing = threading.Lock()

    def __contains__(self, name: str) -> bool:
        return name in self._models

    @contextlib.contextmanager
    def use(self, spec: model_pb2.ModelSpec) -> Iterator[Servable]:
        """The version that a request means; it stays loaded meanwhile.

        Raises:
          Refused: there is none.
        """
        servable = self._hold(spec)
        try:
            yield servable
        finally:
            servable.release()

    def _hold(self, spec):
        if not spec.name:
            raise invalid("ModelSpec has no name specified.")
        model = self._models.get(spec.name)
        version = _version(spec, model)
        servable = model and model.hold(version)
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

    def statuses(self, name: str) -> dict[int, VersionStatus]:
        """Version → how it is, of every version that was ever seen."""
        model = self._models.get(name)
        return model.statuses if model else {}

    def problems(self) -> list[str]:
        """A line for each version that could not be loaded or is missing."""
        lines = []
        for name, model in self._models.items():
            lines += [
                f"version {version} of {name}: {error}"
                for version, error in model.errors().items()
            ]
            lines += [
                f"label {label} of {name} is for version {version}, which is "
                "not loaded"
                for label, version in model.config.labels.items()
                if version not in model.loaded()
            ]
            if not model.loaded() and not model.errors():
                lines.append(f"{name} has no version in {model.config.folder}")
        return lines

    def poll(self, at_once: bool = False) -> None:
        """Looks for new versions of every model; as `Model.poll`."""
        with self._changing:
            for model in self._models.values():
                model.poll(at_once)

    def reload(self, configs: Sequence[ModelConfig]) -> None:
        """Serves these models from now on, and no others.

        Raises:
          Refused: a label is for a version that is not available yet, which
            changes nothing; or a model has no version that can be loaded.
        """
        with self._changing:
            for config in configs:
                self._check_labels(config)
            self._reconfigure(configs)
            for model in self._models.values():
                model.poll(at_once=True)
        failed = [c for c in configs if not self._models[c.name].loaded()]
        if failed:
            told = ", ".join(
                f"{{{config.name}: {self._models[config.name].errors()}}}"
                for config in failed
            )
            raise Refused(
                grpc.StatusCode.UNKNOWN,
                f"{len(failed)} servable(s) did not become available: {told}",
            )

    def _check_labels(self, config):
        model = self._models.get(config.name)
        loaded = model.loaded() if model else ()
        for version in config.labels.values():
            if version not in loaded:
                raise Refused(
                    grpc.StatusCode.FAILED_PRECONDITION,
                    f"Request to assign label to version {version} of model "
                    f"{config.name}, which is not currently available for "
                    "inference",
                )

    def _reconfigure(self, configs):
        wanted = {config.name: config for config in configs}
        for name, model in self._models.items():
            if name in wanted:
                model.config = wanted[name]
            else:
                model.config = dataclasses.replace(
                    model.config, policy=NONE, labels={}
                )
                model.close()
        added = {
            name: self._make(config)
            for name, config in wanted.items()
            if name not in self._models
        }
        self._models = {**self._models, **added}

    def close(self) -> None:
        """Unloads everything."""
        with self._changing:
            for model in self._models.values():
                model.close()


def _version(spec, model):
    """The version that is asked for; None for the latest."""
    if spec.HasField("version"):
        return spec.version.value
    if not spec.HasField("version_label"):
        return None
    labels = model.config.labels if model else {}
    if spec.version_label not in labels:
        raise invalid(
            f"Unrecognized servable version label: {spec.version_label}"
        )
    return labels[spec.version_label]
