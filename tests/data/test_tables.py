"""Tables: what is read, and what each mistake is told like."""

import numpy as np
import pytest

from efgan_tf import action_units
from efgan_tf.data.tables import read_table
from efgan_tf.errors import UserError


@pytest.fixture
def write(tmp_path):
    def write(text, encoding="utf-8"):
        path = tmp_path / "aus.csv"
        path.write_text(text, encoding)
        return path

    return write


def au(name):
    return action_units.NAMES.index(name)


def test_reads_files_units_and_texts(write):
    table = read_table(
        write("file,subject,expression,view,AU12,AU01\nx.jpg,a,happy,left,3,.5")
    )
    row = table.rows["x.jpg"]
    assert (row.subject, row.expression, row.view) == ("a", "happy", "left")
    assert row.action_units.dtype == np.float32
    expected = np.zeros(17, np.float32)
    expected[[au("AU12"), au("AU01")]] = 3, 0.5
    np.testing.assert_array_equal(row.action_units, expected)
    np.testing.assert_array_equal(table.given, expected > 0)
    assert table.has_subjects and table.has_views


def test_openface_columns_in_any_order(write):
    units = "".join(f", {n}_r" for n in reversed(action_units.NAMES))
    presence = ", AU28_c, AU12_c"
    values = "".join(f", {i / 4}" for i in reversed(range(17)))
    header = f" confidence{units}{presence}, file"
    table = read_table(write(f"{header}\r\n 0.9{values}, 1, 0, x.jpg\r\n"))
    np.testing.assert_array_equal(
        table.rows["x.jpg"].action_units, np.arange(17) / 4
    )
    assert table.given.all() and not table.warnings


@pytest.mark.parametrize("header", ["file,au6", "FILE,AU06", "file , AU006_R"])
def test_names_are_free_in_case_zeros_and_spaces(write, header):
    table = read_table(write(f"{header}\nx.jpg,2\n"))
    assert table.rows["x.jpg"].action_units[au("AU06")] == 2


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separators_and_byte_order_mark(write, separator):
    text = "file,AU12\nx.jpg,2\n".replace(",", separator)
    table = read_table(write(text, "utf-8-sig"))
    assert table.rows["x.jpg"].action_units[au("AU12")] == 2


def test_without_texts_every_photo_is_its_own_subject(write):
    table = read_table(write("file,AU12\nx.jpg,2\nsub\\y.jpg,1\n"))
    assert [row.subject for row in table.rows.values()] == [
        "x.jpg",
        "sub/y.jpg",
    ]
    assert not table.has_subjects and not table.has_views


def test_blank_lines_and_cells_at_the_end_do_not_matter(write):
    table = read_table(write("\n \nfile;AU12\n\nx.jpg;2;;\n"))
    assert table.rows["x.jpg"].action_units[au("AU12")] == 2


def test_missing_and_strange_units_are_warned_about(write):
    table = read_table(write("file,AU12,AU43\nx.jpg,2,1\n"))
    assert table.given.sum() == 1
    missing, strange = table.warnings
    assert "AU01, AU02" in missing and "AU12" not in missing
    assert "AU43" in strange


def test_repeated_rows_are_dropped_and_counted(write):
    table = read_table(write("file,AU12\nx.jpg,2\n\nx.jpg,2.0\n./x.jpg,2\n"))
    assert len(table.rows) == 1
    assert table.repeated == 2


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "is empty"),
        ("file,AU12\n", "no rows"),
        ("name,AU12\nx.jpg,1\n", "no column 'file'.*name, AU12"),
        ("file,smile\nx.jpg,1\n", "no column of action units.*file, smile"),
        ("file,AU12_c\nx.jpg,1\n", "no column of action units"),
        ("file,AU12,AU12_r\nx.jpg,1,1\n", "AU12 twice.*'AU12_r'"),
        ("file,AU12\nx.jpg,nan\n", "line 2, column AU12: nan is not within"),
        ("file,AU12\nx.jpg,inf\n", "inf is not within 0 to 5"),
        ("file,AU12\nx.jpg,1\ny.jpg,5.1\n", "line 3, column AU12: 5.1"),
        ("file,AU12\nx.jpg,-1\n", "-1 is not within 0 to 5"),
        ("file,AU12\nx.jpg,much\n", "'much' is not a number"),
        ("file,AU12\nx.jpg,\n", "an empty cell is not a number"),
        ("file,AU12\nx.jpg\n", "an empty cell is not a number"),
        (
            "file,AU01,AU02,AU04\nx.jpg,0,5,1,5,2,0\n",
            "line 2: 7 cells under 4 columns; decimal commas?",
        ),
        ("file,AU12\n,1\n", "line 2, column file: no name"),
        ("file,AU12\nx.jpg,1\nx.jpg,2\n", "lines 2 and 3 contradict.*x.jpg"),
    ],
)
def test_mistakes_name_file_row_and_column(write, text, message):
    path = write(text)
    with pytest.raises(UserError, match=message) as error:
        read_table(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_table_names_the_flag(tmp_path):
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(UserError, match="--aus"):
            read_table(path)


def test_a_table_that_is_no_text(tmp_path):
    path = tmp_path / "aus.xls"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
    with pytest.raises(UserError, match="save the table as CSV"):
        read_table(path)
