"""What is judged: a trained model, with people whom it has never seen."""

import dataclasses
from pathlib import Path
from typing import Any

from efgan_tf import config as config_lib
from efgan_tf.common.errors import UserError
from efgan_tf.config import Config, DataConfig
from efgan_tf.data import Faces, load_parts
from efgan_tf.evaluation.evaluation_settings import EvaluateConfig
from efgan_tf.trained.checkpoints import Checkpoints
from efgan_tf.trained.loading import load_network
from efgan_tf.trained.network import TrainedNetwork
from efgan_tf.trained.run_directory import RunDirectory, data_digest
from efgan_tf.trained.runs import read_run


@dataclasses.dataclass(frozen=True, eq=False)
class EvaluatedModel:
    """A model and the faces that it is judged on.

    Attributes:
      name: what the report calls it: the run's folder, or `--model`.
      trained: the model.
      train: faces that teach the judges; a run has learned from them too.
      held_out: faces of other people, which are edited.
      data: where they are from.
      part: name of that data set in a mix; empty without one.
      settings: of the run; None for a model without one.
      progress: the checkpoint's name and position; None likewise.
    """

    name: str
    trained: TrainedNetwork
    train: Faces
    held_out: Faces
    data: DataConfig
    part: str = ""
    settings: Config | None = None
    progress: dict[str, Any] | None = None

    @property
    def digest(self) -> str:
        """SHA-256 of the faces."""
        return data_digest(self.train, self.held_out)


def read_models(config: EvaluateConfig) -> list[EvaluatedModel]:
    """The run or the model that is to be judged, with each data set's people.

    Raises:
      UserError: there is no such model or set, or its data is gone or has
        changed.
    """
    if config.model:
        return _model(config)
    run = RunDirectory(Path(config.run_dir))
    settings = _moved(run.read_config(), config)
    trained = read_run(run.path)
    faces = _faces(settings.data, settings.model.image_size)
    run.check_data(*(train for train, _ in faces), *(test for _, test in faces))
    found = Checkpoints(run.checkpoints, keep=1).latest()
    assert found is not None  # `read_run` has read it
    path, position, _ = found
    progress = {"checkpoint": path.name, **dataclasses.asdict(position)}
    return _of_each_set(
        config, settings.data, faces, name=str(run.path), trained=trained,
        settings=settings, progress=progress,
    )  # fmt: skip


def _model(config: EvaluateConfig) -> list[EvaluatedModel]:
    source = Path(config.data_of)
    if source.is_dir():
        settings = RunDirectory(source).read_config()
    elif source.is_file():
        settings = config_lib.from_flag_file(source)
    else:
        raise UserError(
            f"--data_of={source} does not exist; name a run, or a flag file "
            "that says which data"
        )
    data = _moved(settings, config).data
    trained = load_network(config.model)
    faces = _faces(data, trained.info.model.image_size)
    return _of_each_set(config, data, faces, name=config.model, trained=trained)


def _of_each_set(
    config: EvaluateConfig,
    data: DataConfig,
    faces: list[tuple[Faces, Faces]],
    **shared: Any,
) -> list[EvaluatedModel]:
    found = [
        EvaluatedModel(
            train=train,
            held_out=held_out,
            data=part.data,
            part=part.name if data.mix else "",
            **shared,
        )
        for part, (train, held_out) in zip(data.parts, faces, strict=True)
    ]
    if not config.only:
        return found
    chosen = [one for one in found if one.part == config.only]
    if not chosen:
        names = ", ".join(one.part for one in found if one.part)
        raise UserError(
            f"--only={config.only} is none of the data sets of a mix"
            + (f": {names}" if names else ", since there is one alone")
        )
    return chosen


def _moved(settings: Config, config: EvaluateConfig) -> Config:
    """The settings, with the places of the data where they moved."""
    moved = {
        name: getattr(config, name)
        for name in ("data_dir", "source_dir")
        if getattr(config, name)
    }
    return config_lib.replace(settings, moved)


def _faces(data: DataConfig, size: int) -> list[tuple[Faces, Faces]]:
    """Training and test split of each data set."""
    train = load_parts(data, size, "train")
    held_out = load_parts(data, size, "test", beside=train)
    return [
        (one.faces, other.faces)
        for one, other in zip(train, held_out, strict=True)
    ]
