"""`benchmarks.parity`: TFLite files held against their model."""

from benchmarks import parity
from efgan_tf import commands
from efgan_tf.serving.tflite.tflite_settings import QUANTIZATIONS
from tests.serving.test_tflite import LEAST_PSNR, make_phone_files
from tests.trained.conftest import make_exported


def _parity(*flags):
    return commands.run(
        parity.main, parity.ParityConfig, argv=["parity", *map(str, flags)]
    )


def _rows(printed, files):
    """File → the numbers of its row in the table."""
    rows = {}
    for line in printed.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0] in files:
            numbers = " ".join(cells[1:]).replace("(", "").replace(")", "")
            rows[cells[0]] = [
                float(word) for word in numbers.replace("dB", "").split()
            ]
    return rows


def test_the_report_says_how_near_the_files_come(capsys):
    folder, run = make_phone_files(), make_exported().run
    names = {f"efgan.{name}.tflite": name for name in QUANTIZATIONS}
    files = ",".join(str(folder / name) for name in names)
    assert _parity(
        f"--files={files}", f"--model={run}", "--faces=4", "--repeats=1",
        "--representative=rendered", "--threads=1",
    ) == 0  # fmt: skip
    printed = capsys.readouterr().out
    rows = _rows(printed, names)
    assert set(rows) == set(names)
    for name, row in rows.items():
        megabytes, mean, least, error, au_error, ms, _ = row
        assert megabytes == round((folder / name).stat().st_size / 1e6, 2)
        assert mean >= least and mean > LEAST_PSNR[names[name]]
        assert 0 <= error < 0.5 and 0 < au_error < 5 and ms > 0
        assert f"- {name}: " in printed
    errors = [row[3] for row in rows.values()]
    assert errors[0] < 1e-4 < errors[-1]
    assert "no independent judge" in printed and "CONV_2D" in printed


def test_a_file_of_another_model_is_refused(capsys):
    file = make_phone_files() / "efgan.none.tflite"
    flags = [f"--files={file}", f"--model={make_exported().run}", "--stages=1"]
    assert _parity(*flags) == 2
    assert "made of another model" in capsys.readouterr().err
