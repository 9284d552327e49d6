"""What the benchmarks share: workers in turns, tables, the written report."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks import harness

ROOT = Path(__file__).parents[2]


def test_workers_run_in_turns(tmp_path):
    log = tmp_path / "log"
    script = tmp_path / "worker.py"
    script.write_text(
        f"""import sys
sys.path.insert(0, {str(ROOT)!r})
from benchmarks.harness import serve
def write():
    with open({str(log)!r}, "a") as file:
        file.write(sys.argv[1])
print("a library's own line")
serve({{"write": write}}, {{"name": sys.argv[1]}})
"""
    )
    contenders = [
        harness.Contender(name, [sys.executable, str(script), name])
        for name in "ab"
    ]
    results = harness.interleave(contenders, rounds=2)
    assert log.read_text() == "ab" * (harness.WARM_UP + 2)
    assert results["b"].facts == {"name": "b"}
    assert len(results["b"].seconds["write"]) == 2
    broken = harness.Contender("c", [sys.executable, "-c", "raise SystemExit"])
    with pytest.raises(RuntimeError, match="worker of c ended"):
        harness.interleave([broken], rounds=1)


def test_a_report_is_printed_and_written(tmp_path, capsys):
    report = harness.Report(tmp_path / "new" / "v1.2")
    rows = [{"": "edit", "ms": 1234.56, "faces": 3, "ratio": None}]
    report.add("One photo", rows, digits=1)
    report.add("None", [])
    report.write()
    printed = capsys.readouterr().out
    assert "| edit | 1,234.6 | 3 | – |" in printed
    content = json.loads((tmp_path / "new" / "v1.2.json").read_text())
    assert content["One photo"] == rows
    assert content["machine"]["versions"]["numpy"]
    assert content["machine"]["cores"] >= 1
    markdown = (tmp_path / "new" / "v1.2.md").read_text()
    assert markdown.startswith(printed.split("\n\n")[0])
    assert "One photo\n\n|  | ms | faces | ratio |\n" in markdown
