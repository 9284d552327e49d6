"""Which models to serve: by flags, or by TensorFlow Serving's messages."""

from pathlib import Path

import grpc
from tensorflow_serving.config import model_server_config_pb2

from efgan_tf.errors import UserError
from efgan_tf.serving.local.messages import read_message
from efgan_tf.serving.local.model import ModelConfig
from efgan_tf.serving.local.settings import ServeConfig
from efgan_tf.serving.local.status import Refused, invalid
from efgan_tf.serving.local.versions import MODEL_FILE, Policy, find_versions

PLATFORM = "tensorflow"


def model_configs(config: ServeConfig) -> list[ModelConfig]:
    """The models that the options name.

    Raises:
      UserError: there are none.
    """
    if config.model_config_file:
        return read_model_configs(config.model_config_file)
    folder = Path(config.model_dir)
    if not folder.is_dir():
        raise UserError(
            f"--model_dir={folder} is no folder; make one with "
            "python -m efgan_tf.export"
        )
    if (folder / MODEL_FILE).is_file():
        raise UserError(
            f"--model_dir={folder} is one version of a model; give the folder "
            f"that holds it, --model_dir={folder.resolve().parent}"
        )
    policy = _policy_of(config.version_policy)
    if not policy.choose(find_versions(folder)):
        raise UserError(
            f"--model_dir={folder} holds no version that --version_policy="
            f"{config.version_policy} takes (folders 1, 2, … with {MODEL_FILE})"
            "; make one with python -m efgan_tf.export"
        )
    pairs = [label.split("=") for label in config.version_labels]
    labels = {label: int(version) for label, version in pairs}
    return [ModelConfig(config.name, folder, policy, labels)]


def _policy_of(text):
    kind, _, numbers = text.partition(":")
    if kind == "specific":
        return Policy(specific=frozenset(map(int, numbers.split(","))))
    return Policy(latest=int(numbers or 1) if kind == "latest" else None)


def read_model_configs(path: str) -> list[ModelConfig]:
    """The models of a `--model_config_file`.

    Raises:
      UserError: it cannot be read or is not such a file.
    """
    config = read_message(
        path, model_server_config_pb2.ModelServerConfig(), "model_config_file"
    )
    try:
        models = parse_model_configs(config)
    except Refused as error:
        raise UserError(f"--model_config_file={path}: {error}") from error
    if not models:
        raise UserError(f"--model_config_file={path} names no model")
    return models


def parse_model_configs(
    config: model_server_config_pb2.ModelServerConfig,
) -> list[ModelConfig]:
    """The models that a message names.

    Raises:
      Refused: with the codes and words of TensorFlow Serving.
    """
    if config.WhichOneof("config") != "model_config_list":
        raise invalid(
            "ServerModelConfig type not supported by "
            "HandleReloadConfigRequest. Only ModelConfigList is currently "
            "supported"
        )
    models = {}
    for model in config.model_config_list.config:
        if model.name in models:
            raise invalid(
                f"Illegal to list model {model.name} multiple times in config "
                "list"
            )
        models[model.name] = _model_config(model)
    return list(models.values())


def _model_config(model):
    if not model.model_platform:
        raise invalid(
            "Illegal setting neither model_type(deprecated) nor model_platform."
        )
    if model.model_platform != PLATFORM:
        raise Refused(
            grpc.StatusCode.FAILED_PRECONDITION,
            "Cannot transition to requested model platform. It is only legal "
            "to transition to the same model platform.",
        )
    folder = Path(model.base_path)
    if not folder.is_absolute():
        raise invalid(
            f"Expected model {model.name} to have an absolute path or URI; got "
            f"base_path()={model.base_path}"
        )
    return ModelConfig(
        name=model.name,
        folder=folder,
        policy=_policy(model.model_version_policy),
        labels=dict(model.version_labels),
    )


def _policy(policy):
    choice = policy.WhichOneof("policy_choice")
    if choice == "all":
        return Policy()
    if choice == "specific":
        return Policy(specific=frozenset(policy.specific.versions))
    return Policy(latest=policy.latest.num_versions or 1)
