"""Exports a trained model as a SavedModel, a .keras file or TFLite files.

    python -m efgan_tf.export --model=runs/mine --out=models
    python -m efgan_tf.export --model=preset:photos128 --out=models

Writes models/efgan/1, a SavedModel with all signatures, and with
--formats=saved_model,keras also models/efgan.keras. A further export writes
models/efgan/2: TF Serving changes over to the highest version. With
--signature_check a version appears only if its signatures answer as the Keras
model does.

    python -m efgan_tf.export --model=preset:photos128 --out=phone \\
        --formats=tflite --quantize=float16,dynamic,int8

writes phone/efgan.float16.tflite and so on, for phones: docs/mobile.md.
"""

import dataclasses
import functools
import os
import re
import sys
from pathlib import Path

from absl import flags

from efgan_tf import commands
from efgan_tf import config as config_lib
from efgan_tf.common.options import check_at_least, option, require
from efgan_tf.common.outputs import check_free_file, check_writable
from efgan_tf.common.progress import say
from efgan_tf.serving.tflite.tflite_settings import TfliteConfig

FORMATS = ("saved_model", "keras", "tflite")

# The server holds the results of a warm-up request in memory.
_MAX_WARMUP = 128


@dataclasses.dataclass(frozen=True)
class ExportConfig:
    """What to export, in which formats, and to which folder."""

    model: str = option(
        "", "a trained run's folder, preset:NAME or a .keras file"
    )
    out: str = option("", "folder to write")
    formats: tuple[str, ...] = option(
        ("saved_model",), "what to write: saved_model, keras, tflite"
    )
    stages: int = option(
        0, "only the first so many stages, which make larger steps; 0: all"
    )
    warmup_batches: tuple[int, ...] = option(
        (1, 4),
        "SavedModel: numbers of faces of TF Serving's warm-up requests; none "
        "above its max_batch_size; empty: no warm-up",
    )
    signature_check: bool = option(
        False,
        "SavedModel: write it only if every signature, loaded again, answers "
        "as the Keras model does",
    )
    name: str = option("efgan", "of the model: --out/NAME/1, --out/NAME.keras")
    overwrite: bool = option(
        False,
        "replace .keras and .tflite files; SavedModels get a new version each",
    )
    tflite: TfliteConfig = dataclasses.field(default_factory=TfliteConfig)

    def __post_init__(self):
        require(
            bool(self.model),
            "give --model=RUN, a trained run's folder, or --model=preset:NAME",
        )
        require(bool(self.out), "give --out=FOLDER, where to write")
        check_at_least(self, 0, "stages")
        require(bool(self.formats), "--formats names none")
        for name in self.formats:
            require(
                name in FORMATS,
                f"--formats: {name!r} is none of {', '.join(FORMATS)}",
            )
        sizes = set(self.warmup_batches)
        require(
            sizes <= set(range(1, _MAX_WARMUP + 1))
            and len(sizes) == len(self.warmup_batches),
            f"--warmup_batches={','.join(map(str, self.warmup_batches))} "
            f"must be different numbers from 1 to {_MAX_WARMUP}",
        )
        require(
            not self.signature_check or "saved_model" in self.formats,
            "--signature_check checks the SavedModel; add saved_model to "
            "--formats",
        )
        # A bare number would be read as a version.
        require(
            re.fullmatch(r"[A-Za-z_][\w.-]*", self.name) is not None,
            f"--name={self.name} must begin with a letter and have no more "
            "than letters, digits, '_', '-' and '.'",
        )

    @property
    def versions(self) -> Path:
        """Folder of the SavedModel's numbered versions."""
        return Path(self.out) / self.name

    @property
    def keras_file(self) -> Path:
        """The one-file form."""
        return Path(self.out) / f"{self.name}.keras"

    @property
    def tflite_files(self) -> dict[str, Path]:
        """Quantization → TFLite file."""
        return {
            name: Path(self.out) / f"{self.name}.{name}.tflite"
            for name in self.tflite.quantize
        }


def main(values: flags.FlagValues) -> None:
    """Runs the command."""
    config = config_lib.from_flags(values, ExportConfig)
    files = {
        "keras": [config.keras_file], "tflite": config.tflite_files.values(),
    }  # fmt: skip
    for name in config.formats:
        for file in files.get(name, ()):
            check_free_file(file, config.overwrite)
    check_writable(config.out)
    # Accelerators round otherwise, and may be busy training.
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    commands.import_tensorflow()
    for path in export(config):
        print(f"{path}  {_size(path) / 1e6:.1f} MB")
    following = commands.next_command(
        "edit",
        model=path,
        image="photo.jpg",
        expression="happy",
        out="out.png",
    )
    print(f"next: {following}")


def export(config: ExportConfig) -> list[Path]:
    """Writes every format; returns the paths.

    Raises:
      UserError: there is no such model, it has too few stages, or a format
        cannot be written.
    """
    from efgan_tf.trained.keras_file import write_keras
    from efgan_tf.trained.loading import load_network
    from efgan_tf.trained.network import first_stages

    trained = load_network(config.model)
    if config.stages:
        trained = first_stages(trained, config.stages)
    written = []
    for name in config.formats:
        if name == "saved_model":
            written.append(_saved_model(trained, config))
        elif name == "keras":
            write_keras(trained, config.keras_file, config.overwrite)
            written.append(config.keras_file)
        else:
            written += _write_tflite(trained, config)
    return written


def _saved_model(trained, config: ExportConfig) -> Path:
    from efgan_tf.serving import model_card
    from efgan_tf.serving.check import check_signatures
    from efgan_tf.serving.saved_model import write_saved_model

    return write_saved_model(
        trained,
        config.versions,
        model_card.model_origin(config.model),
        config.warmup_batches,
        functools.partial(check_signatures, trained=trained)
        if config.signature_check
        else None,
    )


def _write_tflite(trained, config: ExportConfig) -> list[Path]:
    """Writes a file for each quantization."""
    from efgan_tf.serving.tflite.conversion import write_tflite
    from efgan_tf.serving.tflite.faces import read_faces

    faces, settings = None, config.tflite
    if "int8" in settings.quantize:
        faces = read_faces(
            settings.representative,
            trained,
            settings.representative_faces,
            split="train",
            model=config.model,
        )
        say(f"int8 is calibrated with {faces.source}")
    write_tflite(trained, config.tflite_files, faces, config.overwrite)
    return list(config.tflite_files.values())


def _size(path: Path) -> int:
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())


if __name__ == "__main__":
    sys.exit(commands.run(main, ExportConfig))
