"""Measures edits of photographs of people whom no model has seen.

    python -m efgan_tf.evaluate_photos --photos=DIR --readers=readers \
        --out=DIR

edits every listed person from a neutral face to each expression, from a broad
smile to others, and unit by unit, and prints what networks that were trained on
photographs see before and after. It writes report.json, report.md, scores.csv
and sheets of the best and the worst people; only those whose edits the list
says may be shown are on them. docs/photo_results.md says how to install the
readers, and what the numbers mean.
"""

import csv
import json
import sys
from pathlib import Path

from absl import flags

from efgan_tf import commands, config
from efgan_tf.common import outputs
from efgan_tf.evaluation.evaluation_settings import EvaluatePhotosConfig


def main(values: flags.FlagValues) -> None:
    """Runs the command."""
    settings = config.from_flags(values, EvaluatePhotosConfig)
    outputs.check_free(settings.out, settings.overwrite)
    commands.import_tensorflow()
    from PIL import Image

    from efgan_tf.evaluation.photographs import photo_evaluator, photo_report

    found, scores = photo_evaluator.evaluate(settings)
    text = photo_report.text(found)
    with outputs.atomic_folder(settings.out, settings.overwrite) as folder:
        content = json.dumps(found, indent=2, allow_nan=False)
        (folder / "report.json").write_text(content + "\n", "utf-8")
        (folder / "report.md").write_text(text, "utf-8")
        with open(folder / "scores.csv", "w", newline="") as file:
            csv.writer(file).writerows(photo_report.score_rows(scores))
        for name, sheet in photo_report.sheets_of(scores).items():
            Image.fromarray(sheet).save(folder / f"{name}.jpg", quality=90)
    print(text)
    print(f"report: {Path(settings.out, 'report.md')}")


if __name__ == "__main__":
    sys.exit(commands.run(main, EvaluatePhotosConfig))
