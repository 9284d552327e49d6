"""The report: one HTML page that needs nothing but itself.

Pictures are embedded, there is no script, and the page forbids itself to load
anything.
"""

import base64
import dataclasses
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from efgan_tf.explaining.plots import Sheet


@dataclasses.dataclass(frozen=True, eq=False)
class ReportTable:
    """A table of the report.

    Attributes:
      caption: what it shows.
      heads: of the columns; the first column heads the rows.
      rows: of texts.
    """

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclasses.dataclass(frozen=True, eq=False)
class Section:
    """A part of the report.

    Attributes:
      title: its heading.
      text: how to read what follows.
      sheets: pictures.
      table: below them, if there is one.
      arrays: the numbers behind all that, by name.
    """

    title: str
    text: str
    sheets: Sequence[Sheet] = ()
    table: ReportTable | None = None
    arrays: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)


_STYLE = """
:root { color-scheme: light dark; --line: #c8c8c8; --soft: #f3f3f3;
  --ink: #1b1b1b; --paper: #ffffff; --link: #0b57a4; }
@media (prefers-color-scheme: dark) { :root { --line: #4a4a4a;
  --soft: #262626; --ink: #e8e8e8; --paper: #161616; --link: #8ab8f0; } }
body { margin: 0 auto; max-width: 72rem; padding: 1rem;
  font: 1rem/1.5 system-ui, sans-serif; color: var(--ink);
  background: var(--paper); overflow-wrap: anywhere; }
a { color: var(--link); }
p, li { max-width: 46rem; }
section { border-top: 1px solid var(--line); margin-top: 2rem; }
figure { margin: 1.5rem 0; }
/* On a phone, sheets stay readable and scroll sideways. */
img { max-width: max(100%, 40rem); height: auto; background: #ffffff; }
figcaption, caption { max-width: 46rem; text-align: left;
  padding: 0.3rem 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--line); padding: 0.2rem 0.8rem;
  text-align: right; white-space: nowrap; }
th:first-child, td:first-of-type, th:nth-child(2) { text-align: left; }
thead th { background: var(--soft); }
"""

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def render(
    title: str, facts: Sequence[str], sections: Sequence[Section]
) -> str:
    """The page as text.

    Args:
      title: its main heading.
      facts: sentences below it.
      sections: in order; each gets an entry in the table of contents.
    """
    entries = "\n".join(
        f'<li><a href="#part-{number}">{escape(section.title)}</a></li>'
        for number, section in enumerate(sections, 1)
    )
    parts = "\n".join(
        _section(number, section) for number, section in enumerate(sections, 1)
    )
    paragraphs = "\n".join(f"<p>{escape(fact)}</p>" for fact in facts)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>{escape(title)}</title>
<link rel="icon" href="data:,">
<style>{_STYLE}</style>
</head>
<body>
<header>
<h1>{escape(title)}</h1>
{paragraphs}
</header>
<nav aria-label="Contents">
<ol>
{entries}
</ol>
</nav>
<main>
{parts}
</main>
</body>
</html>
"""


def _section(number: int, section: Section) -> str:
    figures = "\n".join(map(_figure, section.sheets))
    table = _table(section.table) if section.table else ""
    return f"""<section aria-labelledby="part-{number}">
<h2 id="part-{number}">{escape(section.title)}</h2>
<p>{escape(section.text)}</p>
{figures}
{table}
</section>"""


def _figure(sheet: Sheet) -> str:
    data = base64.b64encode(sheet.png).decode()
    width, height = sheet.size
    return f"""<figure>
<div class="wide" tabindex="0" role="region"
aria-label="{escape(sheet.name.replace("_", " "))}">
<img src="data:image/png;base64,{data}" width="{width}" height="{height}"
alt="{escape(sheet.alt)}">
</div>
<figcaption>{escape(sheet.caption)}</figcaption>
</figure>"""


def _table(table: ReportTable) -> str:
    heads = "".join(f'<th scope="col">{escape(h)}</th>' for h in table.heads)
    rows = "\n".join(
        f'<tr><th scope="row">{escape(row[0])}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in table.rows
    )
    return f"""<div class="wide" tabindex="0" role="region"
aria-label="{escape(table.caption)}">
<table>
<caption>{escape(table.caption)}</caption>
<thead><tr>{heads}</tr></thead>
<tbody>
{rows}
</tbody>
</table>
</div>"""
