"""Judges a run by edits of people whom it has never seen.

    python -m efgan_tf.evaluate --run_dir=runs/synthetic
    python -m efgan_tf.evaluate --compare=runs/a,runs/b --out=DIR

prints a table, and writes report.json, report.md, plots and a contact sheet.
Independent judges read action units, expression and identity; they are trained
once for each data set, on its training split alone. Where the data has true
pictures of the wanted expressions, edits are compared with them. --compare
puts runs that were evaluated already into one table.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from efgan_tf import commands, config, outputs
from efgan_tf.errors import UserError
from efgan_tf.evaluation.settings import EvaluateConfig

REPORT = "report.json"


def main(values: flags.FlagValues) -> None:
    """Runs the command."""
    settings = config.from_flags(values, EvaluateConfig)
    out = Path(settings.out or Path(settings.run_dir, "evaluation"))
    outputs.check_free(out, settings.overwrite)
    if settings.compare:
        _compare(settings, out)
    else:
        commands.quiet_tensorflow()
        _evaluate(settings, out)
    print(f"\nreport: {out / 'report.md'}")


def _evaluate(settings: EvaluateConfig, out: Path) -> None:
    from PIL import Image

    from efgan_tf.evaluation import evaluator, plots, report

    found = evaluator.evaluate_run(settings)
    with outputs.atomic_folder(out, settings.overwrite) as folder:
        content = json.dumps(found.report, indent=2, allow_nan=False)
        (folder / REPORT).write_text(content + "\n", "utf-8")
        (folder / "report.md").write_text(report.text(found.report), "utf-8")
        sheet = plots.contact_sheet(found.pairs, found.edited)
        Image.fromarray(sheet).save(folder / "edits.png")
        plots.plot_training([Path(settings.run_dir)], folder / "training.png")
        if found.control:
            plots.plot_control(found.control, folder / "control.png")
    print(report.tables(found.report["rows"]))


def _compare(settings: EvaluateConfig, out: Path) -> None:
    from efgan_tf.evaluation import plots, report

    runs = {
        _label(run, settings.compare): Path(run) for run in settings.compare
    }
    rows = report.compared(
        {
            name: read_report(run / "evaluation" / REPORT)
            for name, run in runs.items()
        }
    )
    with outputs.atomic_folder(out, settings.overwrite) as folder:
        content = json.dumps(rows, indent=2)
        (folder / REPORT).write_text(content + "\n", "utf-8")
        (folder / "report.md").write_text(report.tables(rows) + "\n", "utf-8")
        plots.plot_training(list(runs.values()), folder / "training.png")
    print(report.tables(rows))


def _label(run: str, runs: Sequence[str]) -> str:
    """A run's name; its path where another run has that name."""
    name = Path(run).name
    return name if [Path(r).name for r in runs].count(name) == 1 else run


def read_report(path: Path) -> dict:
    """A report.json.

    Raises:
      UserError: there is none, or it cannot be read.
    """
    if not path.exists():
        raise UserError(
            f"there is no {path}; evaluate that run first, with --run_dir="
            f"{path.parents[1]}"
        )
    try:
        return json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise UserError(f"{path} cannot be read: {error}") from error


if __name__ == "__main__":
    sys.exit(commands.run(main, EvaluateConfig))
