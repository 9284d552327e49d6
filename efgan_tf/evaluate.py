"""Judges a run by edits of people whom it has never seen.

    python -m efgan_tf.evaluate --run_dir=runs/synthetic
    python -m efgan_tf.evaluate --model=preset:faces128 \
        --data_of=configs/faces128_test.flags --out=DIR
    python -m efgan_tf.evaluate --compare=runs/a,runs/b --out=DIR

prints a table, and writes report.json, report.md, plots and contact sheets.
Independent judges read action units, expression and identity; they are trained
once for each data set, on its training split alone. Where the data has ground
truth for the target expressions, edits are compared with them. A model that
is no run of yours is judged on the data of a run, or of a flag file. --compare
puts what was evaluated already into one table.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from absl import flags

from efgan_tf import commands, config
from efgan_tf.common import outputs
from efgan_tf.evaluation.evaluation_settings import EvaluateConfig


def main(values: flags.FlagValues) -> None:
    """Runs the command."""
    settings = config.from_flags(values, EvaluateConfig)
    out = Path(settings.out or Path(settings.run_dir, "evaluation"))
    outputs.check_free(out, settings.overwrite)
    commands.import_tensorflow()
    if settings.compare:
        _compare(settings, out)
    else:
        _evaluate(settings, out)


def _evaluate(settings: EvaluateConfig, out: Path) -> None:
    from PIL import Image

    from efgan_tf.evaluation import (
        comparison,
        control,
        evaluator,
        report,
        tables,
        training_logs,
        training_plots,
    )

    # A damaged log is reported now, not after the work.
    runs = [settings.run_dir] if settings.run_dir else []
    training = training_logs.read_training(runs)
    found = evaluator.evaluate(settings)
    with outputs.atomic_folder(out, settings.overwrite) as folder:
        for name, one in found.items():
            place = folder / name
            place.mkdir(exist_ok=True)
            _write_json(place / tables.REPORT, one.report)
            (place / "report.md").write_text(report.text(one.report), "utf-8")
            one.saved.write(place / comparison.SCORES)
            for file, chosen in (
                ("edits.png", slice(None)),
                ("edits_large.png", one.saved.large),
            ):
                sheet = report.contact_sheet(
                    one.pairs.chosen(chosen), one.edited[chosen]
                )
                Image.fromarray(sheet).save(place / file)
            if training:
                training_plots.plot_training(training, place / "training.png")
            if "control" in one.report:
                control.plot_control(
                    one.report["control"], place / "control.png"
                )
    for name, one in found.items():
        if name:
            print(f"# {name}\n")
        label = report.feature_label(one.report)
        print(report.all_tables(one.report["rows"], label))
        print(f"\n{report.judges_lines(one.report)}")
        print(f"\nreport: {out / name / 'report.md'}")


def _compare(settings: EvaluateConfig, out: Path) -> None:
    from efgan_tf.evaluation import (
        comparison,
        report,
        tables,
        training_logs,
        training_plots,
    )

    names = training_logs.names_of(settings.compare)
    found = comparison.compare(
        {
            name: comparison.EvaluatedRun.read(Path(run))
            for name, run in zip(names, settings.compare, strict=True)
        }
    )
    training = training_logs.read_training(settings.compare)
    text = report.comparison_text(found)
    with outputs.atomic_folder(out, settings.overwrite) as folder:
        _write_json(folder / tables.REPORT, found)
        (folder / "report.md").write_text(text, "utf-8")
        training_plots.plot_training(training, folder / "training.png")
    print(f"{text}\nreport: {out / 'report.md'}")


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    text = json.dumps(content, indent=2, allow_nan=False)
    path.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(commands.run(main, EvaluateConfig))
