"""Tables of action units: which photo shows what, and who it is.

People have tables of many makes: a CSV file with a `file` column, what
OpenFace or py-feat wrote, for all photos or one file per photo, or CFEE's own
sheet. All are read into one form (`read_table`) and joined with the photos
that they mean (`match`). Mistakes in a table stop the work with one line that
names the file, the row and the column: a table is quickly mended, and one that
is on another scale would silently teach the wrong thing. A row that lacks a
number or a name costs its own photo alone.
"""

from efgan_tf.data.tables.cfee import emotion_names, is_sheet
from efgan_tf.data.tables.matching import Matched, match
from efgan_tf.data.tables.reading import read_table, table_files
from efgan_tf.data.tables.rows import Row, Table

__all__ = [
    "Matched",
    "Row",
    "Table",
    "emotion_names",
    "is_sheet",
    "match",
    "read_table",
    "table_files",
]
