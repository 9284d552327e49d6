"""Which row means which photo: by path, end, name, stem or alias."""

import pytest

from efgan_tf.data.tables import match, read_table


@pytest.fixture
def table(write):
    def table(*names):
        rows = (f"{name},{i / 10000}\n" for i, name in enumerate(names))
        return read_table(write("".join(["file,AU12\n", *rows])))

    return table


def pairs(matched, names):
    """The name of each photo, known by the row's number."""
    return {
        row.file: names[round(row.action_units[8] * 10000)]
        for row in matched.rows
    }


@pytest.mark.parametrize(
    "file, name",
    [
        ("a/x.jpg", "a/x.jpg"),
        ("a/x.jpg", "a/x"),
        ("a/x.jpg", "x.jpg"),
        ("a/x.jpg", "x"),
        ("a/x.jpg", "/home/me/a/x.png"),
        ("a/x.jpg", r"C:\me\a\x.png"),
        ("a/x.jpg", "b/x.jpg"),
        ("x.JPG", "x.jpg"),
        ("x.jpg", "X.jpg"),
        ("260_19.png.jpg", "260_19.png"),
        ("x.v1.jpg", "x.v1"),
        ("Zoe\u0308.jpg", "Zo\u00eb.jpg"),
    ],
)
def test_one_photo_is_found_by_any_name(table, file, name):
    matched = match([file, "other.jpg"], table(name, "another"))
    assert [row.file for row in matched.rows] == [file]
    assert matched.rows[0].subject == file
    assert matched.without_row == ["other.jpg"]
    assert matched.without_photo == ["another"]
    assert matched.reasons == {
        "other.jpg": "has no row in the table",
        "another": "in the table, but there is no such photo",
    }


def test_names_that_are_merely_alike_do_not_match(table):
    alike = {"x.v1.jpg": "x", "x.jpg": "x.csv", "ax.jpg": "x.jpg"}
    for file, name in alike.items():
        assert not match([file], table(name)).rows


def test_the_closest_way_comes_first(table):
    files = ["x.JPG", "x.jpg", "X.jpg", "b/y.jpg", "y.jpg", "y.png"]
    names = ["X.jpg", "y.png", "x.jpg", "x.JPG", "y.jpg", "b/y"]
    matched = match(files, table(*names))
    expected = {**dict(zip(files, files, strict=True)), "b/y.jpg": "b/y"}
    assert pairs(matched, names) == expected


@pytest.mark.parametrize(
    "files, names, sure",
    [
        (["a/x.jpg", "b/x.jpg"], ["x.jpg"], 0),
        (["x.jpg", "x.png"], ["x"], 0),
        (["x.jpg"], ["a/x", "b/x"], 0),
        (["x.jpg", "X.jpg"], ["x"], 1),
        (["xy.jpg", "xY.jpg"], ["XY"], 0),
        (["a/x.jpg", "b/x.jpg"], [r"C:\me\a\x.jpg", "/me/b/x.jpg"], 2),
        (["a/x.jpg", "b/x.jpg"], ["a/x.jpg", "x.jpg"], 1),
    ],
)
def test_names_that_fit_several_match_none_and_say_so(
    table, files, names, sure
):
    matched = match(files, table(*names))
    assert len(matched.rows) == sure
    if sure != len(names):
        assert set(matched.reasons) == {
            *matched.without_row,
            *matched.without_photo,
        }
        for reason in matched.reasons.values():
            assert reason.startswith("not clear which photo and which row")


def test_an_alias_is_the_last_resort(table):
    alias = {"02_339_1.jpg": "02_339", "02_339.jpg": "02_339"}.get
    names = ["02_339"]
    one = match(["02_339_1.jpg", "z.jpg"], table(*names), alias)
    assert [row.file for row in one.rows] == ["02_339_1.jpg"]
    both = match(["02_339_1.jpg", "02_339.jpg"], table(*names), alias)
    assert [row.file for row in both.rows] == ["02_339.jpg"]
    assert both.reasons == {"02_339_1.jpg": "has no row in the table"}


def test_subjects_that_the_table_names_stay(write):
    table = read_table(write("file,subject,AU12\nx,ann,1\ny,,1\n"))
    matched = match(["x.jpg", "y.jpg"], table)
    assert [row.subject for row in matched.rows] == ["ann", "y.jpg"]


def test_every_photo_and_name_is_accounted_for_once(table):
    files = [f"{i % 7}/{i % 5}/{i % 90}.{'jpg' if i % 2 else 'PNG'}"
             for i in range(130)]  # fmt: skip
    files = sorted(set(files))
    names = sorted({f"{i % 5}/{i % 80}" for i in range(300)})
    matched = match(files, table(*names))
    used = pairs(matched, names)
    assert 0 < len(used) == len(set(used.values())) < len(files)
    assert sorted([*used, *matched.without_row]) == files
    assert sorted([*used.values(), *matched.without_photo]) == names
