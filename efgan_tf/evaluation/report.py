"""The report as a table for people."""

from collections.abc import Mapping, Sequence
from typing import Any

from efgan_tf.errors import UserError
from efgan_tf.evaluation.evaluator import ALL, EDIT, LARGE, NO_EDIT
from efgan_tf.evaluation.scoring import METRICS

Rows = Mapping[str, Mapping[str, Mapping[str, Any]]]

_MAIN = (
    "au_error", "expression_accuracy", "identity", "psnr", "ssim", "lpips",
    "ghosting", "fid", "kid",
)  # fmt: skip
_REGIONS = tuple(name for name in METRICS if name not in _MAIN)
# What two reports must share for their numbers to be comparable.
_SAME = (("data", "digest"), ("data", "pairs"), ("judges", "digest"))
_ARROWS = {"higher": "↑", "lower": "↓", "1": "→ 1"}


def table(rows: Rows, subset: str, names: Sequence[str]) -> str:
    """A Markdown table: a line for each row, a column for each metric.

    Args:
      rows: name → subset → metric → `{"mean", "low", "high"}`.
      subset: `"all"` or `"large changes"`.
      names: the metrics; those that no row has are left out.
    """
    names = [n for n in names if any(n in row[subset] for row in rows.values())]
    heads = [f"{METRICS[n].title} {_ARROWS[METRICS[n].better]}" for n in names]
    lines = [_line(["", *heads]), _line(["---"] * (len(names) + 1))]
    for name, row in rows.items():
        cells = [_cell(row[subset].get(n), METRICS[n].digits) for n in names]
        lines.append(_line([name, *cells]))
    return "\n".join(lines)


def _cell(value: Mapping[str, Any] | None, digits: int) -> str:
    if value is None:
        return "–"
    text = f"{value['mean']:.{digits}f}"
    if value.get("low") is None:
        return text
    return f"{text} ({value['low']:.{digits}f}–{value['high']:.{digits}f})"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def tables(rows: Rows) -> str:
    """All tables of some rows, with their headings."""
    parts = []
    for subset, heading in (
        (ALL, "All edits"),
        (LARGE, "Large changes: the third with the largest change of units"),
    ):
        parts += [f"### {heading}", table(rows, subset, _MAIN)]
        parts.append(table(rows, subset, _REGIONS))
    return "\n\n".join(parts)


def text(report: Mapping[str, Any]) -> str:
    """report.md."""
    data, training = report["data"], report["training"]
    lines = [
        f"# Evaluation of {report['run']}",
        f"Checkpoint {training['checkpoint']}, {training['images']:,} images "
        f"seen. Data: {data['dataset']}, {data['test']['people']} held-out "
        f"people, {data['pairs']} edits, {data['pairs_with_true_picture']} of "
        "them with a true picture. In brackets: 95 % intervals, people "
        "resampled.",
        tables(report["rows"]),
        "### Edit minus no edit, pair by pair",
        table(
            {"difference": {ALL: report["edit_minus_no_edit"]}}, ALL,
            list(METRICS),
        ),
        _zero_edit(report),
    ]  # fmt: skip
    if "control" in report:
        lines += ["### Control", _control(report["control"])]
    if "augmentation" in report:
        lines.append("### Edited pictures as training data")
        lines.append(_pairs(report["augmentation"]))
    lines += ["### The judges", _judges(report)]
    lines += ["### Definitions", _definitions()]
    return "\n\n".join(lines) + "\n"


def _zero_edit(report: Mapping[str, Any]) -> str:
    zero = report["zero_edit_psnr"]
    return (
        "An edit to the expression that is there already returns the picture "
        f"with {_cell(zero, 2)} dB."
    )


def _control(control: Mapping[str, Any]) -> str:
    lines = [
        "One slider at a time from 0 to 5, read by the judge. Slope 1 and "
        "rising 1 are right.",
        "",
        _line(["unit", "slope", "rising", "rank corr.", "reads at 0 → 5"]),
        _line(["---"] * 5),
    ]
    for index, unit in enumerate(control["units"]):
        curve = control["curves"][index]
        values = [control[k][index] for k in ("slopes", "rising", "ranks")]
        cells = [f"{value:.2f}" for value in values]
        lines.append(_line([unit, *cells, f"{curve[0]:.1f} → {curve[-1]:.1f}"]))
    return "\n".join(lines)


def _pairs(values: Mapping[str, Any]) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in values.items())


def _judges(report: Mapping[str, Any]) -> str:
    judges = report["judges"]
    lines = [
        f"- {name.replace('_', ' ')}: {_shown(value)}"
        for name, value in judges["scores"].items()
        if not isinstance(value, Mapping)
    ]
    lines += [f"- **not good enough**: {line}" for line in judges["verdicts"]]
    lines += [f"- features for FID and KID: {report['features']['name']}"]
    lines += [f"- {note}" for note in report["notes"]]
    return "\n".join(lines)


def _shown(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _definitions() -> str:
    return "\n".join(
        f"- {metric.title}: {metric.definition}." for metric in METRICS.values()
    )


def compared(reports: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The rows of several runs, and what no edit gives.

    Args:
      reports: name → report of `evaluator.evaluate_run`.

    Raises:
      UserError: they were judged on different data or by different judges.
    """
    (first, known), *others = reports.items()
    for name, report in others:
        for part, key in _SAME:
            if report[part][key] != known[part][key]:
                raise UserError(
                    f"{first} and {name} were evaluated with different "
                    f"{part}, so their numbers cannot be compared; evaluate "
                    "them alike"
                )
    rows = {NO_EDIT: known["rows"][NO_EDIT]}
    rows |= {name: report["rows"][EDIT] for name, report in reports.items()}
    return rows
