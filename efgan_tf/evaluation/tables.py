"""What the rows and columns of reports are, and how tables are written."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any


@dataclasses.dataclass(frozen=True)
class Metric:
    """What a column of the report means.

    Attributes:
      title: for the table's head.
      definition: one sentence.
      better: "higher", "lower", or "1" where that is best.
      digits: behind the point.
      geometric: whether its mean is the geometric one, as for ratios.
    """

    title: str
    definition: str
    better: str
    digits: int = 2
    geometric: bool = False

    @property
    def arrow(self) -> str:
        """Which way is better, for a table's head."""
        return {"higher": "↑", "lower": "↓", "1": "→ 1"}[self.better]


REPORT = "report.json"
"""The file that holds them all."""

REGIONS = ("eyes", "nose", "mouth")

NO_EDIT, EDIT, GROUND_TRUTH = "no edit", "edit", "ground truth"
"""Whose pictures are judged: rows of the table. No edit: the sources."""

ALL, LARGE = "all", "large changes"
"""Which of the pairs: tables of the report."""

METRICS: dict[str, Metric] = {
    "au_error": Metric(
        "AU error",
        "mean absolute difference, 0-5, between the units that the judge reads "
        "off the edit and those of the target, over learned units",
        "lower",
    ),
    "expression_accuracy": Metric(
        "expression",
        "share of edits whose expression the judge sees as the target's, among "
        "the named ones",
        "higher",
    ),
    "identity": Metric(
        "identity",
        "cosine of the judge's embeddings of edit and source",
        "higher",
        3,
    ),
    "psnr": Metric(
        "PSNR", "peak signal-to-noise ratio to the ground truth, dB", "higher"
    ),
    "ssim": Metric(
        "SSIM", "structural similarity to the ground truth", "higher", 3
    ),
    **{
        f"psnr_{region}": Metric(
            f"PSNR {region}",
            f"PSNR inside the box of the {region}, dB",
            "higher",
        )
        for region in REGIONS
    },
    **{
        f"sharpness_{region}": Metric(
            f"sharp {region}",
            f"high-frequency energy inside the box of the {region}, as a share "
            "of the ground truth's (of the source's where that is unknown); "
            "geometric mean",
            "1",
            geometric=True,
        )
        for region in REGIONS
    },
    "lpips": Metric(
        "LPIPS", "perceptual distance to the ground truth", "lower", 3
    ),
    **{
        f"detail_{region}": Metric(
            f"detail {region}",
            f"share of the ground truth's high frequencies inside the box of "
            f"the {region} that the edit has at their places",
            "1",
        )
        for region in REGIONS
    },
    "ghosting": Metric(
        "ghosting",
        "how much of the source's expression is left: least-squares share of "
        "source − ground truth in edit − ground truth, of pairs that differ",
        "lower",
    ),
    "ghost_correlation": Metric(
        "ghost corr.",
        "correlation of edit − ground truth with source − ground truth, of "
        "the same pairs: what kind of error there is, not how much",
        "lower",
    ),
    "fid": Metric(
        "FID", "Fréchet distance of features to the ground truth's", "lower", 3
    ),
    "kid": Metric(
        "KID ×1000",
        "kernel distance of features to the ground truth's, times 1000",
        "lower",
    ),
}


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of texts."""
    return "\n".join(
        f"| {' | '.join(cells)} |"
        for cells in (heads, ["---"] * len(heads), *rows)
    )


def cell(value: Mapping[str, Any] | None, digits: int, sign: str = "") -> str:
    """A mean with its interval, as far as there are any.

    Args:
      value: `{"mean", "low", "high"}`, the ends may be missing or None.
      digits: behind the point.
      sign: "+" where it should stand before what is not negative.
    """
    if value is None:
        return "–"
    text = f"{value['mean']:{sign}.{digits}f}"
    if value.get("low") is None:
        return text
    ends = [f"{value[end]:{sign}.{digits}f}" for end in ("low", "high")]
    return f"{text} ({ends[0]} to {ends[1]})"
