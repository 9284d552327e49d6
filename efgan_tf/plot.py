"""Draws how runs trained: losses, attention and scores over the images seen.

    python -m efgan_tf.plot runs/a --out=pictures
    python -m efgan_tf.plot runs/a runs/b --out=pictures

Reads what each run wrote down, metrics.jsonl, and what the judges said of it,
evaluation/report.json, where `python -m efgan_tf.evaluate` has been run. Writes
losses.png, attention.png and scores.png, with one color for each run. It may
be used while a run is training. docs/explain.md says how to read them.
"""

import dataclasses
import sys
from collections.abc import Sequence

from absl import flags

from efgan_tf import commands
from efgan_tf import config as config_lib
from efgan_tf.common import outputs
from efgan_tf.common.options import option, require


@dataclasses.dataclass(frozen=True)
class PlotConfig:
    """Where the pictures go."""

    out: str = option("", "folder to write")
    overwrite: bool = option(False, "replace the folder --out")


def main(values: flags.FlagValues, runs: Sequence[str]) -> None:
    """Runs the command.

    Args:
      values: the flags.
      runs: folders of runs.
    """
    config = config_lib.from_flags(values, PlotConfig)
    require(
        bool(runs),
        "name a run to draw: python -m efgan_tf.plot RUN [RUN …] --out=FOLDER",
    )
    require(bool(config.out), "give --out=FOLDER, where the pictures go")
    outputs.check_free(config.out, config.overwrite)
    from efgan_tf.evaluation import training_logs, training_plots

    found = training_logs.read_runs(runs)
    plots = {
        "losses.png": training_plots.plot_losses,
        "attention.png": training_plots.plot_attention,
        "scores.png": training_plots.plot_scores,
    }
    with outputs.atomic_folder(config.out, config.overwrite) as folder:
        drawn = {
            name: plot(found, folder / name) for name, plot in plots.items()
        }
    for name, is_there in drawn.items():
        if is_there:
            print(f"wrote {config.out}/{name}")
        else:
            print(f"no {name}: the runs wrote nothing of the kind")


if __name__ == "__main__":
    sys.exit(commands.run(main, PlotConfig, arguments=True))
