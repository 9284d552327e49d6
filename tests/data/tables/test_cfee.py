"""CFEE's sheet, as far as its layout is known or assumed.

The workbooks are real .xls files, but made here: the sheet itself is not ours
to hand out.
"""

import sys

import pytest

from efgan_tf import action_units
from efgan_tf.data.tables import emotion_names, match, read_table
from efgan_tf.errors import UserError

SUMMARY = [
    ["Category", "Emotion"],
    [1, "Neutral"],
    [2, "Happy"],
    [3, "Sad"],
    [4, "Sad"],
]


@pytest.fixture
def workbook(tmp_path):
    xlwt = pytest.importorskip("xlwt")

    def workbook(summary=SUMMARY, **sheets):
        book = xlwt.Workbook()
        if summary:
            sheets = {"summary": summary, **sheets}
        for name, rows in sheets.items():
            sheet = book.add_sheet(name)
            for r, row in enumerate(rows):
                for c, value in enumerate(row):
                    if value == "#NULL!":
                        sheet.row(r).set_cell_error(c, value)
                    elif value is not None:
                        sheet.write(r, c, value)
        path = tmp_path / "AU_annotation_all_subjects.xls"
        book.save(str(path))
        return path

    return workbook


def present(row):
    return {
        name: value
        for name, value in zip(
            action_units.NAMES, row.action_units.tolist(), strict=True
        )
        if value
    }


def test_one_sheet_for_each_expression(workbook):
    path = workbook(
        **{
            "02": [
                ["AUs of happy"],
                [],
                ["Subject", 1, 6, 12, 18, 24],
                [339, None, 1, 1, 1, 0],
                [],
                ["s19", 1, 0, "x", None, 1],
            ],
            "3_sad": [["", "AU 1", "AU4"], [339.0, 1, True]],
            "Sheet2": [],
        }
    )
    table = read_table(path)
    assert {name: present(row) for name, row in table.rows.items()} == {
        "02_339": {"AU06": 3, "AU12": 3},
        "02_019": {"AU01": 3, "AU12": 3, "AU23": 3},
        "03_339": {"AU01": 3, "AU04": 3},
    }
    row = table.rows["03_339"]
    assert (row.subject, row.expression, row.view) == ("339", "sad", "")
    assert table.source == "CFEE annotation sheet"
    assert table.has_subjects and not table.has_views
    assert table.given.sum() == 5
    assert any("AU18" in warning for warning in table.warnings)
    assert "present became 3" in table.warnings[-1]
    files = ["01-04/Images1/02_339_3470.jpg", "01-04/Images1/03_339.JPG"]
    matched = match(files, table, {files[0]: "02_339"}.get)
    assert [row.file for row in matched.rows] == files
    assert matched.without_photo == ["02_019"]


@pytest.mark.parametrize(
    "emotion, name", [(2, "02_101"), ("02", "02_101"), ("happy ", "02_101")]
)
def test_one_sheet_with_a_column_for_the_expression(workbook, emotion, name):
    rows = [
        ["Subject code", "Emotion", "1", "AU12"],
        [101, emotion, 0, 1],
    ]
    table = read_table(workbook(all=rows))
    assert {key: present(row) for key, row in table.rows.items()} == {
        name: {"AU12": 3}
    }


def test_emotions_are_told_by_the_summary(workbook):
    path = workbook()
    assert emotion_names(path) == {1: "neutral", 2: "happy", 3: "sad", 4: "sad"}
    sheet = [["subject", 1, 2, 4], [101, 0, 1, 0]]
    path = workbook(None, **{"26": sheet})
    assert emotion_names(path) == {}
    assert read_table(path).rows["26_101"].expression == ""


HEADINGS = ["subject", 1, 2, 4]


@pytest.mark.parametrize(
    "sheets, message",
    [
        (
            {"02": [HEADINGS, [101, 0, 2, 0]]},
            "'02', row 2, column C: '2' under",
        ),
        (
            {"02": [HEADINGS, [101, 0, 1, "A"]]},
            "row 2, column D: 'A' under AU04",
        ),
        (
            {"02": [HEADINGS, [101, 0, "#NULL!", 0]]},
            "row 2, column C: '#NULL!' under AU02",
        ),
        (
            {"02": [HEADINGS, ["total", 0, 1, 0]]},
            "row 2, column A: 'total' is no",
        ),
        (
            {"02": [HEADINGS, [None, 0, 1, 0]]},
            "column A: a blank cell is no sub",
        ),
        (
            {"02": [["subject", "AU1", "AU01"]]},
            "row 1, column C: 'AU01' is there",
        ),
        (
            {"02": [[1, 2, 4], [101, 1, 0]]},
            "row 1, column A: '1' and the others",
        ),
        ({"02": [["subject", 1, 2, 3, 4]]}, "sheet '02': none of the first 20"),
        (
            {"02": [["subject", "smile"]]},
            "sheet '02': none of the first 20 rows",
        ),
        ({"Sheet1": [HEADINGS, [101, 0, 1, 0]]}, "'Sheet1', row 2: no column"),
        ({"sad": [HEADINGS, [101, 0, 1, 0]]}, "'sad', row 2: no column tells"),
        ({"05": [HEADINGS, [101, 0, 1, 0]]}, "'05', row 2: no column tells"),
        (
            {"a": [["code", *HEADINGS], ["glad", 101, 0, 1, 0]]},
            "sheet 'a', row 2, column A: 'glad' is no expression's code",
        ),
        (
            {"02": [HEADINGS, [101, 0, 1, 0], [101, 0, 1, 1]]},
            "sheet '02': rows 2 and 3 contradict each other on 02_101",
        ),
        ({"02": [["subject", "AU18"], [101, 1]]}, "has none of the action"),
        ({}, "no rows but in the sheet 'summary'"),
        ({"02": [HEADINGS]}, "no rows but in the sheet 'summary'"),
    ],
)
def test_what_is_not_understood_is_refused_by_cell(workbook, sheets, message):
    path = workbook(**sheets)
    with pytest.raises(UserError, match=message) as error:
        read_table(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_without_xlrd_one_line_says_what_to_install(workbook, monkeypatch):
    path = workbook()
    monkeypatch.setitem(sys.modules, "xlrd", None)
    for read in (read_table, emotion_names):
        with pytest.raises(UserError, match="pip install xlrd"):
            read(path)


def test_damaged_workbooks_are_refused_in_one_line(workbook):
    path = workbook(**{"02": [HEADINGS, [101, 0, 1, 0]]})
    content = path.read_bytes()
    for damaged in (b"", b"file,AU12\nx,1\n", content[:600], content[:-2000]):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match="is no .xls workbook") as error:
            read_table(path)
        assert "\n" not in str(error.value)
