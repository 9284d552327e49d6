"""The model card: the description of an exported model beside its files."""

from pathlib import Path

from efgan_tf import action_units
from efgan_tf.config import Config, DataConfig, DataPart
from efgan_tf.trained import presets
from efgan_tf.trained.info import FILE_NAME as INFO_NAME
from efgan_tf.trained.info import ModelInfo
from efgan_tf.trained.run_directory import RunDirectory

FILE_NAME = "MODEL_CARD.md"

_CARD = """\
# {name}

Changes the expression of a face in a picture to a target, given as intensities
of facial action units, and keeps the identity. A cascade of
{stages} EF-GAN{plural} at {size}×{size} pixels ("Cascade EF-GAN: Progressive
Facial Expression Editing with Local Focuses", CVPR 2020, arXiv 2003.05905)
with an estimator of action units, exported by efgan_tf {version}.

## Signatures

Their inputs and outputs; b, the number of faces, is free.

| signature | inputs | outputs |
|---|---|---|
| `serving_default` | `image`, `action_units` | `image` |
| `edit_from` | `image`, `source_action_units`, `action_units` | `image` |
| `edit_bytes` | `image_bytes`, `action_units` | `image_bytes` |
| `stages` | `image`, `action_units` | `image`, `stages`, `attention` |
| `stages_from` | `image`, `source_action_units`, `action_units` | `image`, \
`stages`, `attention` |
| `estimate` | `image` | `action_units` |

| tensor | type and shape | range |
|---|---|---|
| `image` | float32 [b, {size}, {size}, 3] | 0 to 1, RGB, an aligned face |
| `image_bytes` | string [b] | in: JPEG or PNG of an aligned face, square, of \
up to 2048 pixels a side; out: PNG, {size}×{size} |
| `action_units` | float32 [b, 17] | 0 to 5; in: the target, out of \
`estimate`: what the face shows |
| `source_action_units` | float32 [b, 17] | 0 to 5, what the face shows; \
estimated where a signature has no such input |
| `stages` | float32 [b, {stages}, {size}, {size}, 3] | 0 to 1, after each \
stage |
| `attention` | float32 [b, {stages}, {size}, {size}, 1] | 0 to 1, what is \
new after each stage |

An aligned face has its eyes and its nose at the places that
`assets/{info_file}` lists under `template`, as fractions of the side. The file
also lists the action units in order, for programs.

Other shapes, empty batches, values out of range and bytes that are no square
picture are refused with INVALID_ARGUMENT.

## Action units

In this order, from 0 (absent) to 5 (maximal), as OpenFace 2.0 measures them.

| | unit | movement |
|---|---|---|
{units}

{learned}

## How to use it

With efgan_tf installed, on a photo, by a server on this machine:

    python -m efgan_tf.client --server=localhost:8500 --model_name={name} \\
        --image=photo.jpg --expression=happy --out=out.png

Without a server, from this folder:

    python -m efgan_tf.edit --model=FOLDER --image=photo.jpg \\
        --expression=happy --out=out.png

`serving/README.md` of the project shows REST and other languages.

## Where it comes from

{origin}

## Intended use

For research, demonstrations, and pictures of people who agreed to it. An edited
face shows what its person never did: edit people only with their consent, say
that a picture was edited, and do not use it to deceive. Action units are
movements of muscles, not emotions; do not judge people by them.

The model knows the faces that it was trained on. Others, in age, skin, pose,
light or glasses, may come out worse. Look at edits of pictures like yours
before you rely on it, and measure it (`docs/evaluation.md` of the project).

The code is under the Apache License 2.0. The terms of the pictures that
the weights were trained on apply as well.
"""


def model_card(name: str, info: ModelInfo, origin: str) -> str:
    """The card as Markdown.

    Args:
      name: of the model, as a server knows it.
      info: the model's metadata.
      origin: Markdown on the data that it was trained on.
    """
    rows = [
        f"| {index} | {unit} | {description} |"
        for index, (unit, description) in enumerate(
            action_units.DESCRIPTIONS.items()
        )
    ]
    missing = [unit for unit in action_units.NAMES if unit not in info.learned]
    return _CARD.format(
        name=name,
        stages=info.model.stages,
        plural="s" if info.model.stages > 1 else "",
        size=info.model.image_size,
        version=info.version,
        info_file=INFO_NAME,
        units="\n".join(rows),
        learned=(
            f"It did not learn {', '.join(missing)}: their targets are ignored."
            if missing
            else "It learned all of them."
        ),
        origin=origin.strip(),
    )


def _run_origin(config: Config) -> str:
    """The origin of a model that a run trained."""
    training = config.train
    what = "; ".join(_data(part, config.data) for part in config.data.parts)
    return f"""\
Trained by `python -m efgan_tf.train` on {what}; planned for
{training.phase1_kimg:g} thousand images in phase 1 and
{training.phase2_kimg:g} thousand in phase 2, seed {training.seed}. The run's
`config.json` has all settings. This card does not say how good it is:
`python -m efgan_tf.evaluate` measures that.
"""


def _data(part: DataPart, whole: DataConfig) -> str:
    """A description of one of a run's data sets."""
    data = part.data
    share = f"{part.share} of every batch: " if whole.mix else ""
    held_out = f"{data.held_out:.0%} of the people"
    if data.held_out_list:
        held_out = f"the people of `{Path(data.held_out_list).name}`"
    what = f"{share}dataset `{data.dataset}`"
    if data.dataset == "synthetic":
        what += (
            f" ({data.subjects} rendered people, {data.images_per_subject} "
            "pictures of each)"
        )
    return f"{what}, {held_out} held out"


def model_origin(model: str) -> str:
    """The origin of a model as Markdown; a preset has a card of its own.

    Args:
      model: a run's folder, `preset:NAME`, or the path of a `.keras` file.

    Raises:
      UserError: the run's config cannot be read.
    """
    run = RunDirectory(Path(model))
    if not run.is_new():
        return _run_origin(run.read_config())
    if model.startswith(presets.PREFIX):
        return _below_heading(presets.read_card(model))
    return (
        f"Exported from `{Path(model).name}`, which does not say what it was "
        "trained on. Add that here before you pass the model on."
    )


def _below_heading(text: str) -> str:
    """A document without its title, its headings one level down."""
    title, _, rest = text.partition("\n")
    lines = [f"`{title.removeprefix('# ')}`:", *rest.splitlines()]
    return "\n".join(
        f"#{line}" if line.startswith("#") else line for line in lines
    )
