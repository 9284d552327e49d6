"""Draws `docs/images/networks.png` from the networks as they are built.

    python docs/draw_networks.py

Boxes, arrows and sizes are read from the functional models of the reference
configuration; only where a box stands is decided here.
"""

import io
import pathlib
import re

import keras
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from PIL import Image

from efgan_tf.config import ModelConfig
from efgan_tf.models import build_cascade, build_critics, build_efgan

KINDS = {
    "image": ("#333333", "images"),
    "attention": ("#d9730d", "attention"),
    "units": ("#2f6fb0", "action units"),
}
STAGE_HEIGHT = 0.66  # of the boxes in the cascade's picture
FILL = {"network": "#dcebd9", "input": "#eeeeee", "layer": "#ffffff"}
# Rows of the EF-GAN's picture, from the bottom.
ROWS = {"mouth": 0, "nose": 1, "eyes": 2, "image": 2.9, "face": 4}
ROWS |= {"stitch": 1, "stitch_attention": 0, "refiner_input": 2, "refiner": 2}
ROWS |= {"base": 4, "base_attention": 0, "refiner_blend": 2.9}
ROWS |= {"combined_attention": 0, "action_units": 5}
COLUMNS = {"base": 6.2, "base_attention": 6.2, "combined_attention": 8.6}
COLUMNS |= {"refiner_blend": 8.6, "refiner": 7.4, "refiner_input": 6.2}
BENDS = {
    ("action_units", "refiner"): -0.28,
    ("image", "stitch"): -0.12,
    ("image", "refiner_input"): -0.04,
    ("face", "base_attention"): 0.04,
}
COLUMNS |= {"stitch": 4.9, "stitch_attention": 4.9, "action_units": 0}


def kind_of(tensor) -> str:
    """`"units"`, `"attention"` or `"image"`, by shape."""
    if len(tensor.shape) == 2:
        return "units"
    return "attention" if tensor.shape[-1] == 1 else "image"


def arrows_of(model: keras.Model) -> list[tuple[str, str, str]]:
    """(from, to, kind) for each tensor that passes between operations."""
    arrows = set()
    for operation in model.operations:
        for node in operation._inbound_nodes:
            for tensor in node.input_tensors:
                origin = tensor._keras_history.operation.name
                arrows.add((origin, operation.name, kind_of(tensor)))
    return sorted(arrows)


def depths_of(model: keras.Model) -> dict[str, int]:
    """Operation → longest way from an input."""
    depths = {}
    parents = {}
    for origin, end, _ in arrows_of(model):
        parents.setdefault(end, []).append(origin)
    for operation in model.operations:
        above = [depths[name] for name in parents.get(operation.name, [])]
        depths[operation.name] = 1 + max(above, default=-1)
    return depths


def fill_of(operation) -> str:
    """Color of an operation's box."""
    if isinstance(operation, keras.Model):
        return FILL["network"]
    is_input = isinstance(operation, keras.layers.InputLayer)
    return FILL["input" if is_input else "layer"]


def draw_box(axes, x, y, text, fill, width=0.84, height=0.52):
    """A rounded box with its text, centered on (x, y)."""
    axes.add_patch(
        FancyBboxPatch(
            (x - width / 2, y - height / 2),
            width,
            height,
            boxstyle="round,pad=0,rounding_size=0.08",
            facecolor=fill,
            edgecolor="#555555",
            linewidth=0.8,
            zorder=3,
        )
    )
    axes.text(x, y, text, ha="center", va="center", fontsize=7, zorder=4)


def draw_arrow(axes, start, end, kind, width=0.84, bend=None):
    """From the right edge of one box to the left edge of another.

    Or up, from the top of one to the bottom of the one that stands above it.
    """
    if bend is None:
        bend = 0.12 if kind == "attention" else 0.0
    shift = {"image": 0.07, "attention": -0.07, "units": 0.0}[kind]
    begin = start[0] + width / 2, start[1] + shift
    finish = end[0] - width / 2, end[1] + shift
    if start[0] == end[0]:
        begin = start[0], start[1] + STAGE_HEIGHT / 2
        finish = end[0], end[1] - STAGE_HEIGHT / 2
    axes.add_patch(
        FancyArrowPatch(
            begin,
            finish,
            connectionstyle=f"arc3,rad={bend}",
            arrowstyle="-|>",
            mutation_scale=7,
            color=KINDS[kind][0],
            linewidth=0.9,
            alpha=0.8,
            zorder=2,
        )
    )


def size_text(tensor) -> str:
    """`"48×80×3"`."""
    return "×".join(str(side) for side in tensor.shape[1:])


def label_of(operation) -> str:
    """Name and, of networks and inputs, the size of what goes in."""
    name = operation.name.replace("_attention", "\nattention")
    name = name.replace("_", " ")
    if isinstance(operation, keras.Model):
        image = operation.input["image"]
        name = f"{name} branch" if name != "refiner" else name
        return f"{name}\n{size_text(image)}"
    if isinstance(operation, keras.layers.InputLayer):
        return f"{name}\n{size_text(operation.output)}"
    return name


def draw_efgan(axes, model):
    """The whole graph of an EF-GAN, branches as boxes."""
    depths, places = depths_of(model), {}
    for operation in model.operations:
        name = operation.name
        region = name.split("_")[0]
        row = ROWS[name] if name in ROWS else ROWS[region]
        column = COLUMNS.get(name, 1.2 * depths[name])
        if region == "face":
            column = {"face": 2.4, "face_blend": 3.6}[name]
        places[name] = (column, row)
        draw_box(axes, column, row, label_of(operation), fill_of(operation))
    for origin, end, kind in arrows_of(model):
        bend = BENDS.get((origin, end))
        draw_arrow(axes, places[origin], places[end], kind, bend=bend)
    finish(axes, "One EF-GAN: expression transformer and refiner", 9.2, 5.4)
    for index, (color, name) in enumerate(KINDS.values()):
        axes.text(7.0 + 0.75 * index, 5.1, name, color=color, fontsize=8)


def blocks_of(branch: keras.Model) -> list[tuple[str, tuple]]:
    """(kind, output shape) of each convolution or residual block."""
    parts = re.compile(r"(in|down|up)(_\d+)?_conv|(block)_\d+_add|(heads)")
    blocks = []
    for layer in branch.layers:
        if match := parts.fullmatch(layer.name):
            kind = match[1] or match[3] or match[4]
            blocks.append((kind, layer.output.shape[1:]))
    return blocks


def draw_branch(axes, branch):
    """Convolutions as bars: height is resolution, text the channels."""
    texts = {
        "in": "conv\n7×7", "down": "conv\n4×4 ↓2", "block": "residual\n3×3",
        "up": "up-conv\n4×4 ↑2", "heads": "heads\n7×7",
    }  # fmt: skip
    top = branch.input["image"].shape[1]
    for index, (kind, shape) in enumerate(blocks_of(branch)):
        height = 0.6 + 2.2 * shape[0] / top
        x = 0.5 + 0.78 * index
        draw_box(axes, x, 2.2, str(shape[2]), "#dcebd9", 0.4, height)
        axes.text(x, 0.45, texts[kind], ha="center", va="center", fontsize=6.5)
        axes.text(
            x, 3.85, f"{shape[0]}²", ha="center", va="center", fontsize=6.5
        )
    end = 0.5 + 0.78 * (index + 1)
    axes.text(end - 0.42, 2.75, "color 3, tanh", fontsize=7, va="center")
    axes.text(
        end - 0.42, 1.65, "attention 1,\nsigmoid", fontsize=7, va="center",
        color=KINDS["attention"][0],
    )  # fmt: skip
    axes.text(
        0.3,
        -0.1,
        "film (the default): action units scale and shift every normalized "
        "map; concat: they are 17 more channels of the first convolution's "
        "input",
        fontsize=7,
        color=KINDS["units"][0],
    )
    axes.text(
        0.3,
        -0.5,
        "color head image (the default): tanh of the heads' output; change: "
        "tanh of that plus the artanh of the picture that goes in",
        fontsize=7,
    )
    finish(axes, "A branch (the global one)", end + 1.0, 4.2)


def draw_cascade(axes, model):
    """Stages as boxes."""
    names = {operation.name: operation for operation in model.operations}
    stages = sorted(name for name in names if name.startswith("stage_")
                    and isinstance(names[name], keras.Model))  # fmt: skip
    places = {
        "image": (0, 1.9),
        "source_action_units": (0, 0.9),
        "target_action_units": (0, -0.1),
        "stage_action_units": (1.55, 0.1),
        "attention": (1.6 + 1.5 * (len(stages) + 1), 1.4),
    }
    for index, name in enumerate(stages):
        column = 1.6 + 1.5 * (index + 1)
        places[name] = (column, 1.9)
        # With difference input, each stage is told the step it is to make.
        if f"{name}_difference" in names:
            places[f"{name}_difference"] = (column, 0.9)
    for name, (x, y) in places.items():
        text = name.replace("_action", "\naction")
        text = text.replace("_difference", "\ndifference").replace("_", " ")
        if name in stages:
            text += "\n(EF-GAN)"
        draw_box(axes, x, y, text, fill_of(names[name]), 1.28, STAGE_HEIGHT)
    for origin, end, kind in arrows_of(model):
        draw_arrow(axes, places[origin], places[end], kind, 1.28)
    finish(axes, "The cascade", 8.4, 2.7)


def draw_critics(axes, critics):
    """One line of text for each critic."""
    axes.text(0.0, 4.3, "critic", fontsize=7.5, weight="bold")
    axes.text(1.1, 4.3, "sees", fontsize=7.5, weight="bold")
    axes.text(2.6, 4.3, "channels", fontsize=7.5, weight="bold")
    axes.text(6.6, 4.3, "patch", fontsize=7.5, weight="bold")
    axes.text(8.0, 4.3, "units", fontsize=7.5, weight="bold")
    for index, (region, critic) in enumerate(critics.items()):
        y = 3.4 - 0.9 * index
        filters = [
            layer.filters
            for layer in critic.layers
            if layer.name.startswith("down") and hasattr(layer, "filters")
        ]
        cells = (
            (0.0, region),
            (1.1, size_text(critic.input)),
            (2.6, " → ".join(map(str, filters))),
            (6.6, size_text(critic.output["patch"])),
            (8.0, str(critic.output["action_units"].shape[1])),
        )
        for x, text in cells:
            axes.text(x, y, text, fontsize=7.5)
    finish(axes, "The critics: 4×4 convolutions of stride 2", 8.6, 5.0)


def finish(axes, title, width, height):
    """Frame, title and no ticks."""
    axes.set_xlim(-0.7, width)
    axes.set_ylim(-0.6, height)
    axes.set_title(title, loc="left", fontsize=9, weight="bold")
    axes.axis("off")


def main() -> None:
    config = ModelConfig()
    efgan = build_efgan(config)
    figure = plt.figure(figsize=(9.5, 10.5), layout="constrained")
    grid = figure.add_gridspec(3, 2, height_ratios=(2.6, 6, 2.6))
    draw_branch(figure.add_subplot(grid[0, :]), efgan.get_layer("face"))
    draw_efgan(figure.add_subplot(grid[1, :]), efgan)
    draw_cascade(figure.add_subplot(grid[2, 0]), build_cascade(config))
    draw_critics(figure.add_subplot(grid[2, 1]), build_critics(config))
    path = pathlib.Path(__file__).parent / "images" / "networks.png"
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=150)
    # A palette of 64 colors makes the file a third as large.
    Image.open(drawn).convert("RGB").quantize(64).save(path, optimize=True)
    print(f"{path.name}: {path.stat().st_size // 1024} kB")


if __name__ == "__main__":
    main()
