"""Tables in Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
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
