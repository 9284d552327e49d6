"""CSV tables of no tool: what is read, and how what each mistake says."""

import re

import numpy as np
import pytest

from efgan_tf import action_units
from efgan_tf.common.errors import UserError
from efgan_tf.data.tables import read_table


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
    np.testing.assert_array_equal(table.au_mask, expected > 0)
    assert table.has_subjects and table.has_views


@pytest.mark.parametrize(
    "text",
    [
        "file,au12\nx.jpg,2\n",
        "FILE , AU012_R\nx.jpg,2\n",
        "file;AU12\nx.jpg;2\n",
        "file\tAU12\nx.jpg\t2\n",
        "\n \nfile;AU12\n\nx.jpg;2;;\n",
        "sep=;\r\nfile;AU12\r\nx.jpg;2",
        '"sep=\t"\r\nfile\tAU12\r\nx.jpg\t2',
        "Path,AU12\nx.jpg,2\n",
        "name,input,AU12,file\na,b,2,x.jpg\n",
        "name,input,AU12\na,x.jpg,2\n",
    ],
)
def test_however_it_is_written_a_table_is_read(write, text):
    (row,) = read_table(write(text, encoding="utf-8-sig")).rows.items()
    assert row[0] == "x.jpg"
    assert row[1].action_units[au("AU12")] == 2


def test_without_texts_every_photo_is_its_own_subject(write):
    table = read_table(write("file,AU12\nx.jpg,2\nsub\\y.jpg,1\n"))
    subjects = [row.subject for row in table.rows.values()]
    assert subjects == ["x.jpg", "sub/y.jpg"]
    assert not table.has_subjects and not table.has_views


def test_missing_and_strange_units_are_warned_about(write):
    table = read_table(write("file,AU12,AU18,AU28_c\nx.jpg,2,1,1\n"))
    assert table.au_mask.sum() == 1
    missing, strange = table.warnings
    assert "AU01, AU02" in missing and "AU12" not in missing
    assert strange.endswith(": AU18")


def test_repeated_rows_are_dropped_and_counted(write):
    table = read_table(write("file,AU12\nx.jpg,2\n\nx.jpg,2.0\n./x.jpg,2\n"))
    assert len(table.rows) == 1
    places = [(name, place.split(", ")[-1]) for name, place in table.repeated]
    assert places == [("x.jpg", "line 4"), ("x.jpg", "line 5")]


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "is empty"),
        ("file,AU12\n", "no rows"),
        ("photo,AU12\nx.jpg,1\n", "no column 'file'.*photo, AU12"),
        ("file,smile\nx.jpg,1\n", "no column of action units.*file, smile"),
        ("file,AU12_c\nx.jpg,0.5\n", "0.5 is neither 0 .absent. nor 1"),
        ("file;AU12\nx.jpg;0,5\n", "'0,5' is not a number.*with a point"),
        ('file,AU12\n"x.jpg,' + "1" * 200_000, "is not a CSV file"),
        ("file,AU12,AU12_r\nx.jpg,1,1\n", "AU12 twice.*'AU12_r'"),
        ("file,AU12\nx.jpg,1\ny.jpg,5.1\n", "line 3, column AU12: 5.1"),
        (
            "file,AU01,AU02,AU04\nx.jpg,0,5,1,5,2,0\n",
            "line 2: 7 cells under 4 columns; decimal commas?",
        ),
        ("file,AU12\n,1\n", "line 2: its row names no photo"),
        ("file,AU12\nx.jpg,1\nx.jpg,2\n", "lines 2 and 3 contradict.*x.jpg"),
    ],
)
def test_mistakes_name_file_row_and_column(write, text, message):
    path = write(text)
    with pytest.raises(UserError, match=message) as error:
        read_table(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "row, name, reason",
    [
        ("bad.jpg,NaN,1", "bad.jpg", "column AU12: 'NaN' is not finite"),
        ("bad.jpg,1.#IND,1", "bad.jpg", "'1.#IND' is not a number"),
        ("bad.jpg,2", "bad.jpg", "column AU25: an empty cell"),
        ("./ ,2,1", "line 3", "its row names no photo"),
    ],
)
def test_a_bad_row_costs_its_own_photo_alone(write, row, name, reason):
    text = f"file,AU12,AU25\na.jpg,1,1\n{row}\nb.jpg,3,0\n"
    table = read_table(write(text))
    assert list(table.rows) == ["a.jpg", "b.jpg"]
    ((dropped, why),) = table.dropped
    assert dropped.endswith(name) and reason in why


def test_a_table_that_is_not_there_or_no_text(tmp_path):
    for path in (tmp_path / "none.csv", tmp_path / "none.xls", tmp_path):
        with pytest.raises(UserError, match="--aus"):
            read_table(path)
    for path in (tmp_path / "aus.dat", tmp_path / "a.XLSX"):
        path.write_bytes(b"PK\x03\x04\x14\x00\x06\x00\x08\x00\xff\xfe")
        with pytest.raises(UserError, match="the table as CSV"):
            read_table(path)


def test_units_of_other_coders_count_as_their_neighbors(write):
    table = read_table(
        write("file,AU23,AU24,AU26,AU27,AU43\nx,1,2,4,3,5\ny,2,1,0,1,0\n")
    )
    names = ("AU23", "AU26", "AU45")
    x, y = (
        [row.action_units[au(name)] for name in names]
        for row in table.rows.values()
    )
    assert (x, y) == ([2, 4, 5], [2, 1, 0])
    assert table.au_mask.sum() == 3
    assert any("AU43 as AU45" in warning for warning in table.warnings)


def test_presence_alone_becomes_the_middle_of_the_scale(write):
    table = read_table(write("file,AU12_c,AU04_c,AU28_c\nx,1,0,1\n"))
    row = table.rows["x"]
    assert row.action_units.sum() == row.action_units[au("AU12")] == 3
    assert table.au_mask.sum() == 2
    assert table.source == "CSV presence"
    assert "strength was not measured" in table.warnings[-1]
    assert not any("AU28" in warning for warning in table.warnings)


def test_presence_does_not_count_beside_intensities(write):
    table = read_table(write("file,AU12_r,AU12_c,AU04_c\nx,2,1,1\n"))
    assert table.au_mask.sum() == 1
    assert table.rows["x"].action_units.sum() == 2
    assert table.source == "CSV"


@pytest.mark.parametrize(
    "values, warned",
    [
        ([0.5, 1], "exceeds 1.* multiply them by 3"),
        ([0, 1], "exceeds 1.* multiply them by 3"),
        ([0.5, 1.01], None),
        ([0, 0], "every number of the table is 0"),
    ],
)
def test_numbers_of_an_unlikely_scale_are_warned_about(write, values, warned):
    units = ",".join(action_units.NAMES)
    rows = [f"{i}.jpg{f',{v}' * 17}" for i, v in enumerate(values)]
    table = read_table(write("\n".join([f"file,{units}", *rows])))
    assert len(table.warnings) == bool(warned)
    assert not warned or re.search(warned, table.warnings[0])
    assert table.rows["1.jpg"].action_units[0] == np.float32(values[-1])


def test_closed_eyes_without_a_blink_are_py_feats(write):
    table = read_table(write("file,AU12,AU43\nx.jpg,0.5,1\ny.jpg,0.1,0\n"))
    row = table.rows["x.jpg"]
    assert [row.action_units[au(n)] for n in ("AU12", "AU45")] == [1.5, 3]
    assert table.source == "py-feat probabilities"
    assert "p became 3·p" in table.warnings[-1]
    for text in ("AU12,AU43\nx,0.5,2\n", "AU12,AU43,AU45\nx,0.5,1,1\n"):
        table = read_table(write(f"file,{text}"))
        assert table.rows["x"].action_units[au("AU12")] == 0.5


def test_tables_of_a_folder_are_named_by_their_files_or_themselves(
    write, tmp_path
):
    write("AU12,subject\n1,ann\n", "a.csv")
    write("file,AU12\nb.jpg,2\nc.jpg,3\n", "others/all.csv")
    table = read_table(tmp_path)
    assert list(table.rows) == ["a", "b.jpg", "c.jpg"]
    assert table.has_subjects and table.source == "CSV"
    write("file,AU12\nb.jpg,1\n", "others/too.csv")
    with pytest.raises(UserError, match="all.csv, line 2 and .*too.csv, line"):
        read_table(tmp_path)
