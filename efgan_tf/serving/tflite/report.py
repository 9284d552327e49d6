"""A parity report as Markdown."""

from collections.abc import Mapping
from typing import Any


def text(report: Mapping[str, Any]) -> str:
    """What `parity.measure` found, as tables.

    Args:
      report: of `parity.measure`.
    """
    keras = report["keras"]
    threads = list(report["files"][0]["milliseconds"])
    head = [
        "file", "MB", "PSNR, mean (least)", "max error", "AU error",
        *[f"ms, {count} thread{'s' * (count != '1')}" for count in threads],
        f"of TensorFlow's {keras['milliseconds']:.1f} ms",
    ]  # fmt: skip
    lines = [_row(head), _row(["---"] * len(head))]
    lines += [_row(_cells(row, keras, threads)) for row in report["files"]]
    return "\n".join(
        [
            f"{report['model']}, {report['size']} pixels, "
            f"{report['stages']} stages; {report['interpreter']}, TensorFlow "
            f"{report['tensorflow']}; {report['machine']}.",
            "",
            f"Faces: {report['faces']}. PSNR and the largest error (of 1) are "
            "against the float Keras model. AU error: mean absolute, 0 to 5, "
            f"read by {report['judge']}; the Keras model's is "
            f"{keras['au_error']:.3f}. Times are medians of "
            f"{report['repeats']} single faces.",
            "",
            *lines,
            "",
            "Operations, over all signatures:",
            "",
            *_operations(report["files"]),
            "",
        ]
    )


def _cells(row, keras, threads):
    times = [row["milliseconds"][count] for count in threads]
    # TensorFlow had as many threads as the most.
    most = row["milliseconds"][max(threads, key=int)]
    return [
        row["file"],
        f"{row['bytes'] / 1e6:.2f}",
        f"{row['psnr']:.1f} ({row['least_psnr']:.1f}) dB",
        f"{row['max_error']:.4f}",
        f"{row['au_error']:.3f}",
        *[f"{time:.1f}" for time in times],
        f"{most / keras['milliseconds']:.2f}",
    ]


def _row(cells) -> str:
    return f"| {' | '.join(cells)} |"


def _operations(files):
    for row in files:
        counts = ", ".join(
            f"{name} {count}" for name, count in row["operations"].items()
        )
        yield f"- {row['file']}: {counts}; at most {row['largest_rank']} axes"
