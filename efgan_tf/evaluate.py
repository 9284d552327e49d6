"""Judges a run by edits of people whom it has never seen.

    python -m efgan_tf.evaluate --run_dir=runs/synthetic
    python -m efgan_tf.evaluate --model=preset:faces128 \
        --data_of=configs/faces128_test.flags --out=DIR
    python -m efgan_tf.evaluate --compare=runs/a,runs/b --out=DIR

prints a table, and writes report.json, report.md, plots and contact sheets.
Independent judges read action units, expression and identity; they are trained
once for each data set, on its training split alone. Where the data has true
pictures of the wanted expressions, edits are compared with them. A model that
is no run of yours is judged on the data of a run, or of a flag file. --compare
puts what was evaluated already into one table.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from absl import flags

from efgan_tf import commands, config, outputs
from efgan_tf.evaluation.settings import EvaluateConfig


def main(values: flags.FlagValues) -> None:
    """Runs the command."""
    settings = config.from_flags(values, EvaluateConfig)
    out = Path(settings.out or Path(settings.run_dir, "evaluation"))
    outputs.check_free(out, settings.overwrite)
    commands.quiet_tensorflow()
    if settings.compare:
        _compare(settings, out)
    else:
        _evaluate(settings, out)
    print(f"\nreport: {out / 'report.md'}")


def _evaluate(settings: EvaluateConfig, out: Path) -> None:
    from PIL import Image

    from efgan_tf.evaluation import (
        columns,
        comparison,
        curves,
        evaluator,
        plots,
        report,
        training_plots,
    )

    # A damaged log is told now, not after the work.
    runs = [settings.run_dir] if settings.run_dir else []
    training = curves.read_training(runs)
    found = evaluator.evaluate(settings)
    with outputs.atomic_folder(out, settings.overwrite) as folder:
        _write_json(folder / columns.REPORT, found.report)
        (folder / "report.md").write_text(report.text(found.report), "utf-8")
        found.scores.write(folder / comparison.SCORES)
        for name, chosen in (
            ("edits.png", slice(None)),
            ("edits_large.png", found.scores.large),
        ):
            sheet = plots.contact_sheet(
                found.pairs.chosen(chosen), found.edited[chosen]
            )
            Image.fromarray(sheet).save(folder / name)
        if training:
            training_plots.plot_training(training, folder / "training.png")
        if found.control:
            plots.plot_control(found.control, folder / "control.png")
    label = report.feature_label(found.report)
    print(report.tables(found.report["rows"], label))
    print(f"\n{report.judges_lines(found.report)}")


def _compare(settings: EvaluateConfig, out: Path) -> None:
    from efgan_tf.evaluation import (
        columns,
        comparison,
        curves,
        training_plots,
    )

    names = curves.names_of(settings.compare)
    found = comparison.compare(
        {
            name: comparison.Judged.read(Path(run))
            for name, run in zip(names, settings.compare, strict=True)
        }
    )
    training = curves.read_training(settings.compare)
    told = comparison.text(found)
    with outputs.atomic_folder(out, settings.overwrite) as folder:
        _write_json(folder / columns.REPORT, found)
        (folder / "report.md").write_text(told, "utf-8")
        training_plots.plot_training(training, folder / "training.png")
    print(told)


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    text = json.dumps(content, indent=2, allow_nan=False)
    path.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(commands.run(main, EvaluateConfig))
