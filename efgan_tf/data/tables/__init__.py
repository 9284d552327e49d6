"""Tables of action units: which photo shows what, and who it is.

People have tables of many tools: a CSV file with a `file` column, or what
OpenFace or py-feat wrote, for all photos or one file per photo. All are read
into one form (`read_table`) and joined with the photos that they mean
(`match`). A mistake in a table stops the work with one line that names the
file, the row and the column: a table is quickly mended, and one on another
scale would silently teach the wrong thing. A row that lacks a number or a name
costs only its own photo.
"""

from efgan_tf.data.tables.matching import Matched, match
from efgan_tf.data.tables.reading import read_table, table_files
from efgan_tf.data.tables.rows import Row, Table

__all__ = [
    "Matched",
    "Row",
    "Table",
    "match",
    "read_table",
    "table_files",
]
