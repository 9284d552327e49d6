"""The command `prepare`: status, one line of error, report on screen."""

import pytest

from efgan_tf import commands, prepare


def run(*arguments):
    return commands.run(prepare.main, argv=["prepare", *arguments])


@pytest.fixture
def folder(rendered, tmp_path):
    return [
        "--dataset=folder",
        f"--source_dir={rendered / 'photos'}",
        f"--aus={rendered / 'aus.csv'}",
        f"--data_dir={tmp_path / 'data'}",
        "--image_size=64",
    ]


def test_prepares_and_reports(folder, tmp_path, capsys):
    assert run(*folder) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == (
        "24 photos, 24 rows in the table: 24 faces kept, 0 dropped"
    )
    units = out.index("unit   mean  maximum  above 0")
    assert out[units + 1].startswith("AU01  ")
    assert out[units + 18].startswith(f"prepared: {tmp_path}")
    assert run(*folder) == 0
    assert "prepared already" in capsys.readouterr().out


def test_a_dry_run_writes_nothing(folder, tmp_path, capsys):
    assert run(*folder, "--dry_run") == 0
    assert "would be prepared" in capsys.readouterr().out
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "change, named",
    [
        ("--source_dir=nowhere", "nowhere"),
        ("--aus=nothing.csv", "nothing.csv"),
        ("--dataset=rafd", "rafd"),
        ("--held_out=2", "held_out"),
        ("--rafd_angles=99", "rafd_angles=99"),
        ("--rafd_angles=", "rafd_angles="),
        ("--rafd_gazes=up", "rafd_gazes=up"),
        ("--beam_options=a=1", "--beam_runner=none"),
    ],
)
def test_mistakes_are_one_line(folder, change, named, refusal):
    flags = [*folder, "--beam_runner=none", change]
    assert named in refusal(prepare.main, flags=flags)
