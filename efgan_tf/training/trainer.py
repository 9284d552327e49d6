"""The training run: both phases, checkpoints, samples, held-out scores.

`train(config)` is the whole job of `python -m efgan_tf.train`. It resumes
where the newest whole checkpoint is, in either phase. Of several workers each
calls it; the first one, the chief, alone reads and writes the run's folder.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import keras
import tensorflow as tf

from efgan_tf import __version__
from efgan_tf.common import options
from efgan_tf.common.errors import ConfigError, UserError
from efgan_tf.common.progress import say
from efgan_tf.config import Config
from efgan_tf.data import FacesPart, load_parts
from efgan_tf.data.mixing import mix_warnings
from efgan_tf.trained.run_directory import MAY_CHANGE, RunDirectory, data_digest
from efgan_tf.training import cluster as cluster_lib
from efgan_tf.training import handshake
from efgan_tf.training import networks as networks_lib
from efgan_tf.training.initial import initial_state
from efgan_tf.training.loop import RunOutcome, Trainer
from efgan_tf.training.recording import Recorder
from efgan_tf.training.workers import StopRequest, Workers


def train(config: Config) -> RunOutcome:
    """Trains, or goes on training, the run in `config.train.run_dir`.

    Raises:
      UserError: the configuration, the data or the run directory are at
        fault, a checkpoint cannot be saved, or a loss is not finite; of
        several workers all raise it.
      WorkerLostError: another worker is absent or gone.
    """
    if config.train.replicas > 1:
        networks_lib.set_logical_cpus(config.train.replicas)
    if config.train.deterministic:
        keras.utils.set_random_seed(config.train.seed)
        tf.config.experimental.enable_op_determinism()
    cluster = None
    if config.train.strategy == "multi_worker":
        cluster = _met_cluster(config)
    strategy = networks_lib.make_strategy(config.train, cluster)
    workers = Workers(strategy, cluster)
    with workers.watched():
        _check_shares(config, strategy.num_replicas_in_sync)
        run = RunDirectory(Path(config.train.run_dir))
        initial, recorder = None, None
        with workers.collective_errors():
            if workers.is_chief:
                initial = initial_state(config) if run.is_new() else None
                run.check(config)
        faces, held_out = _load(config, workers)
        with workers.collective_errors():
            _check_ground_truth(config, faces)
            if workers.is_chief:
                recorder = Recorder(config, run, faces, held_out)
        for line in mix_warnings(faces, held_out) if workers.is_chief else ():
            say(line)
        with StopRequest() as stop:
            parts = strategy, faces, stop, workers, recorder
            return Trainer(config, *parts).run(initial)


def _met_cluster(config: Config) -> cluster_lib.Cluster:
    """The cluster, once all its workers are connected and agree."""
    cluster = cluster_lib.from_environment(os.environ)
    facts = {
        "the version of efgan_tf": __version__,
        "the version of TensorFlow": tf.__version__,
        "the number of GPUs": str(len(tf.config.list_physical_devices("GPU"))),
    }
    for line in options.flag_lines(config):
        flag, _, value = line.partition("=")
        if flag.startswith("--") and flag.removeprefix("--") not in MAY_CHANGE:
            # One that is given several times has all its values.
            facts[flag] = f"{facts.get(flag, '')} {value}".strip()
    handshake.wait_for_workers(
        cluster, facts, config.train.worker_wait_minutes * 60
    )
    return cluster


def _check_shares(config: Config, replicas: int) -> None:
    """Raises a `ConfigError` unless the replicas can share a batch."""
    if config.train.batch_size % replicas:
        raise ConfigError(
            f"--batch_size={config.train.batch_size} cannot be shared by "
            f"{replicas} replicas; choose a multiple of {replicas}"
        )
    rows = config.train.batch_size // replicas
    for name in ("cycle_every", "zero_every"):
        every = getattr(config.loss, name)
        if rows % every:
            raise ConfigError(
                f"--{name}={every} must divide the {rows} images of each "
                "replica's batch (--batch_size over the replicas)"
            )


def _load(
    config: Config, workers: Workers
) -> tuple[tuple[FacesPart, ...], tuple[FacesPart, ...]]:
    """Both splits, the same on all workers; the chief prepares them first."""
    for turn in (True, False):
        with workers.collective_errors():
            if workers.is_chief == turn:
                data, size = config.data, config.model.image_size
                train_parts = load_parts(data, size, "train")
                held_out = load_parts(data, size, "test", beside=train_parts)
    if workers.count > 1:
        workers.check_same(
            data_digest(*(part.faces for part in (*train_parts, *held_out))),
            "their data differ; give all of them the same prepared "
            "--data_dir, or the same photos and table",
        )
    return train_parts, held_out


def _check_ground_truth(config: Config, faces: Sequence[FacesPart]) -> None:
    if config.train.pairing == "paired" and not any(
        part.faces.has_ground_truth() for part in faces
    ):
        raise UserError(
            "--pairing=paired needs ground truth, and the data has none: no "
            "two pictures show one subject in one view; name views in the "
            "table (docs/data.md), or pass --pairing=random --lambda_paired=0 "
            "--lambda_edges=0"
        )
