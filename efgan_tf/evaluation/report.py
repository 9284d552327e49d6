"""Reports of evaluations and comparisons as text and pictures, for people."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from efgan_tf.common import sheets
from efgan_tf.common.images import to_uint8
from efgan_tf.evaluation import groups, tables
from efgan_tf.evaluation.protocol import Pairs
from efgan_tf.evaluation.tables import (
    ALL,
    EDIT,
    GROUND_TRUTH,
    LARGE,
    METRICS,
    NO_EDIT,
)

Rows = Mapping[str, Mapping[str, Mapping[str, Any]]]

_REGIONS = tuple(
    name for name in METRICS if name.rpartition("_")[2] in tables.REGIONS
)
_MAIN = tuple(name for name in METRICS if name not in _REGIONS)
_HEADINGS = {
    ALL: "All edits",
    LARGE: "Large changes: the third with the largest change of units",
}


def table(
    rows: Rows, subset: str, names: Sequence[str], features: str = ""
) -> str:
    """A Markdown table: a line for each row, a column for each metric.

    Args:
      rows: name → subset → metric → `{"mean", "low", "high"}`.
      subset: `ALL` or `LARGE`.
      names: the metrics; those that no row has are left out.
      features: whose FID and KID look through.
    """
    names = [n for n in names if any(n in row[subset] for row in rows.values())]
    heads = ["", *(_head(name, features) for name in names)]
    return tables.markdown_table(
        heads,
        [
            [label]
            + [
                tables.cell(row[subset].get(name), METRICS[name].digits)
                for name in names
            ]
            for label, row in rows.items()
        ],
    )


def _head(name: str, features: str) -> str:
    metric = METRICS[name]
    of = f" ({features})" if features and name in ("fid", "kid") else ""
    return f"{metric.title}{of} {metric.arrow}"


def all_tables(rows: Rows, features: str = "") -> str:
    """All tables of some rows, with their headings."""
    parts = []
    for subset, heading in _HEADINGS.items():
        parts += [f"### {heading}", table(rows, subset, _MAIN, features)]
        parts.append(table(rows, subset, _REGIONS))
    return "\n\n".join(parts)


def differences(rows: Rows) -> str:
    """Tables of differences, pair by pair; intervals without 0 are sure."""
    parts = []
    for subset, heading in _HEADINGS.items():
        parts += [f"#### {heading}", table(rows, subset, list(METRICS))]
    return "\n\n".join(parts)


def judges_lines(report: Mapping[str, Any]) -> str:
    """How good the judges are, and what speaks against them."""
    judges = report["judges"]
    lines = ["The judges, on unedited pictures of held-out people:"]
    lines += [
        f"- {name}: {_shown(value)}"
        for name, value in judges["scores"].items()
        if not isinstance(value, Mapping)
    ]
    lines += [f"- **beware**: {line}" for line in judges["verdicts"]]
    lines.append(f"- FID and KID look through {report['features']['name']}")
    lines += [f"- {note}" for note in report["notes"]]
    return "\n".join(lines)


def text(report: Mapping[str, Any]) -> str:
    """report.md."""
    data = report["data"]
    lines = [
        f"# Evaluation of {report['run']}",
        f"{_trained(report)}Data: {data['dataset']}, "
        f"{data['test']['people']} held-out "
        f"people, {data['pairs']} edits, {data['pairs_with_true_picture']} of "
        "them with ground truth. In brackets: 95 % intervals, people "
        "resampled.",
        all_tables(report["rows"], feature_label(report)),
        "### Edit minus no edit, pair by pair",
        differences({"difference": report["edit_minus_no_edit"]}),
        "The zero edit, whose target is what the source shows already, has a "
        f"PSNR of {tables.cell(report['zero_edit_psnr'], 2)} dB to the source.",
    ]
    if report["unit_errors"][EDIT]:
        lines += ["### Unit by unit", _by_unit(report)]
    if report["groups"]:
        lines += ["### Kinds of people", groups.text(report["groups"])]
    if "augmentation" in report:
        lines.append("### Edited pictures as training data")
        lines.append(_list(report["augmentation"]))
    lines += ["### The judges", judges_lines(report), "### Definitions"]
    lines.append(
        "\n".join(f"- {m.title}: {m.definition}." for m in METRICS.values())
    )
    return "\n\n".join(lines) + "\n"


def comparison_text(comparison: Mapping[str, Any]) -> str:
    """report.md of several runs, as `comparison.compare` found them."""
    parts = [all_tables(comparison["rows"], feature_label(comparison))]
    if comparison["minus_before"]:
        parts.append(
            "### Each row minus the one before, pair by pair\n\nWhere the "
            "interval leaves out 0, these people tell the rows apart. It says "
            "nothing of other training seeds."
        )
        parts.append(differences(comparison["minus_before"]))
    if len(comparison["minus_first"]) > 1:
        parts.append("### Each row minus the first")
        parts.append(differences(comparison["minus_first"]))
    parts.append(judges_lines(comparison))
    return "\n\n".join(parts) + "\n"


def _trained(report: Mapping[str, Any]) -> str:
    training = report["training"]
    if training is None:
        return ""
    return (
        f"Checkpoint {training['checkpoint']}, {training['images']:,} images "
        "seen. "
    )


def feature_label(report: Mapping[str, Any]) -> str:
    """What stands behind FID and KID in a table's head."""
    name = report["features"]["name"]
    return "judge" if name.startswith("the judge") else name.split(" ")[0]


def _by_unit(report: Mapping[str, Any]) -> str:
    """Errors, the judge's own quality, and what each slider does."""
    errors, control = report["unit_errors"], report.get("control")
    scores = report["judges"]["scores"]
    heads = [
        "unit", "error of no edit", "of edits", "of ground truth",
        "the judge's agreement", "the judge's slope",
    ]  # fmt: skip
    if control:
        heads += ["slider's slope", "rising", "largest cross-talk"]
    rows = []
    for unit in errors[EDIT]:
        cells = [errors.get(name, {}).get(unit) for name in
                 (NO_EDIT, EDIT, GROUND_TRUTH)]  # fmt: skip
        cells += [
            scores.get(f"unit {name} by unit", {}).get(unit)
            for name in ("agreement", "slope")
        ]
        texts = ["–" if c is None else f"{c:.2f}" for c in cells]
        rows.append([unit, *texts, *_control(control, unit)])
    return (
        f"{tables.markdown_table(heads, rows)}\n\n"
        "Errors are mean absolute ones, 0–5. A slider's slope is the change of "
        "the judge's reading for each unit of the slider; compare it with the "
        "judge's own slope over real pictures: a judge that is unsure reads an "
        "average."
    )


def _control(control: Mapping[str, Any] | None, unit: str) -> list[str]:
    if control is None:
        return []
    index = control["units"].index(unit)
    others = {
        name: value
        for name, value in zip(
            control["units"], control["cross_talk"][index], strict=True
        )
        if name != unit
    }
    cells = [f"{control[name][index]:.2f}" for name in ("slopes", "rising")]
    if not others:
        return [*cells, "–"]
    worst = max(others, key=lambda name: abs(others[name]))
    return [*cells, f"{worst} {others[worst]:+.2f}"]


def _list(values: Mapping[str, Any]) -> str:
    return "\n".join(f"- {n}: {_shown(value)}" for n, value in values.items())


def _shown(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


_SHEET_ROWS = 12


def contact_sheet(pairs: Pairs, edited: np.ndarray) -> np.ndarray:
    """Source, edit and ground truth of evenly spread pairs, four abreast.

    Returns:
      uint8 `[height, width, 3]`.
    """
    count = 4 * min(_SHEET_ROWS, max(1, len(pairs) // 4))
    chosen = np.linspace(0, len(pairs) - 1, count).astype(int)
    columns = {}
    for group in range(4):
        rows = chosen[group::4]
        mark = " " * group  # titles are keys
        columns[f"source{mark}"] = to_uint8(pairs.images[rows])
        columns[f"edit{mark}"] = to_uint8(edited[rows])
        columns[f"ground truth{mark}"] = to_uint8(pairs.ground_truth[rows])
    return sheets.grid(columns)
