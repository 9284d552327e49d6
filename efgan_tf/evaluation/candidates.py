"""What is judged: a trained model, with people whom it has never seen."""

import dataclasses
from pathlib import Path
from typing import Any

from efgan_tf import config as config_lib
from efgan_tf.config import Config, DataConfig
from efgan_tf.data import Faces, load_faces
from efgan_tf.editing.loading import load_network
from efgan_tf.editing.network import TrainedNetwork
from efgan_tf.editing.runs import read_run
from efgan_tf.errors import UserError
from efgan_tf.evaluation.settings import EvaluateConfig
from efgan_tf.training.checkpoints import Checkpoints
from efgan_tf.training.run_directory import RunDirectory, data_digest


@dataclasses.dataclass(frozen=True, eq=False)
class Candidate:
    """A model and the faces that it is judged on.

    Attributes:
      name: what the report calls it: the run's folder, or `--model`.
      trained: the model.
      train: faces that teach the judges; a run has learned from them too.
      held_out: faces of other people, which are edited.
      data: where they are from.
      settings: of the run; None for a model without one.
      progress: the checkpoint's name and position; None likewise.
    """

    name: str
    trained: TrainedNetwork
    train: Faces
    held_out: Faces
    data: DataConfig
    settings: Config | None = None
    progress: dict[str, Any] | None = None

    @property
    def digest(self) -> str:
        """SHA-256 of the faces."""
        return data_digest(self.train, self.held_out)


def read_candidate(config: EvaluateConfig) -> Candidate:
    """The run or the model that is to be judged, and its people.

    Raises:
      UserError: there is no such model, or its data is gone or has changed.
    """
    if config.model:
        return _model(config)
    run = RunDirectory(Path(config.run_dir))
    settings = _moved(run.read_config(), config)
    trained = read_run(run.path)
    train, held_out = _faces(settings.data, settings.model.image_size)
    run.check_data(train, held_out)
    path, position, _ = Checkpoints(run.checkpoints, keep=1).latest()
    progress = {"checkpoint": path.name, **dataclasses.asdict(position)}
    return Candidate(
        str(run.path), trained, train, held_out, settings.data, settings,
        progress,
    )  # fmt: skip


def _model(config: EvaluateConfig) -> Candidate:
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
    return Candidate(config.model, trained, *faces, data)


def _moved(settings: Config, config: EvaluateConfig) -> Config:
    """The settings, with the places of the data where they moved."""
    moved = {
        name: getattr(config, name)
        for name in ("data_dir", "source_dir")
        if getattr(config, name)
    }
    return config_lib.replace(settings, moved)


def _faces(data: DataConfig, size: int) -> tuple[Faces, Faces]:
    return load_faces(data, size, "train"), load_faces(data, size, "test")
