"""Preparation through Apache Beam: on this machine's cores or on a cluster.

The same jobs are aligned by the same function as without Beam, so the same
examples come out. Apache Beam is an extra (`pip install efgan_tf[beam]`);
only a preparation that uses it imports this module.
"""

import contextlib
import dataclasses
import errno
import io
import json
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path

import apache_beam
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions
from apache_beam.runners import create_runner

from efgan_tf.common.errors import UserError
from efgan_tf.data import aligning
from efgan_tf.data.aligning import PhotoSource
from efgan_tf.data.plan import NothingKept, Plan
from efgan_tf.data.preparation_report import Record
from efgan_tf.data.tables import Row

_NO_SPACE, _FORBIDDEN, _READ_ONLY = (
    os.strerror(number) for number in (errno.ENOSPC, errno.EACCES, errno.EROFS)
)


class AlignedExamples(apache_beam.PTransform):
    """A split's examples; what became of every photo goes to files.

    Args:
      plan: of the whole data set.
      split: which part of it.
      records: prefix of the files, in a folder that all machines see.
    """

    def __init__(self, plan: Plan, split: str, records: Path):
        super().__init__()
        self._jobs = plan.jobs(split)
        self._align = _Align(plan.source, plan.size)
        self._split = split
        self._records = f"{records}-{split}"

    def expand(self, pipeline):
        """The examples, as key and features for TFDS."""
        outcomes = (
            pipeline
            | apache_beam.Create(self._jobs)
            | apache_beam.Reshuffle()
            | apache_beam.ParDo(self._align)
        )
        _ = (
            outcomes
            | "Record" >> apache_beam.Map(_record_line, self._split)
            | apache_beam.io.WriteToText(self._records, ".jsonl")
        )
        return (
            outcomes
            | apache_beam.Filter(lambda outcome: outcome.png is not None)
            | apache_beam.Map(aligning.example)
        )


class _Align(apache_beam.DoFn):
    """A job's rows → their outcomes. Each worker loads its own detector."""

    def __init__(self, source: PhotoSource, size: int):
        self._source = source
        self._size = size

    def setup(self):
        from efgan_tf.faces import detection

        self._detector = detection.Detector()

    def process(
        self, element: list[Row]
    ) -> Iterator[aligning.AlignmentOutcome]:
        yield from aligning.align_job(
            element, self._source, self._size, self._detector
        )


def _record_line(outcome: aligning.AlignmentOutcome, split: str) -> str:
    return json.dumps(dataclasses.asdict(outcome.record(split)))


def collect_records(records: Path) -> list[Record]:
    """Reads the files that `AlignedExamples` wrote, and deletes them."""
    collected = []
    for path in sorted(records.parent.glob(f"{records.name}-*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            values = json.loads(line)
            for name in ("action_units", "flaws", "landmarks"):
                values[name] = tuple(values[name])
            collected.append(Record(**values))
        path.unlink()
    return collected


def pipeline(runner: str, options: str) -> tuple[str, PipelineOptions]:
    """Checks the runner and reads its options.

    Args:
      runner: its name.
      options: as TFDS's own command takes them: `name=value,…`.

    Raises:
      UserError: one of them is wrong, or unknown to the Beam that is there.
    """
    flags = [f"--{part.strip()}" for part in options.split(",") if part.strip()]
    with _quiet():
        try:
            create_runner(runner)
        except ValueError as error:
            raise UserError(f"--beam_runner={runner}: {error}") from error
        unknown = [flag[2:] for flag in flags if not _is_known(flag)]
    if unknown:
        raise UserError(
            f"--beam_options: Apache Beam does not know {', '.join(unknown)}"
        )
    known = PipelineOptions(flags)
    if known.view_as(DirectOptions).direct_num_workers < 0:
        raise UserError(
            "--beam_options: direct_num_workers must be at least 0, which is "
            "one for each core"
        )
    return runner, known


def _is_known(flag: str) -> bool:
    options = PipelineOptions([flag])
    with contextlib.redirect_stderr(io.StringIO()) as output:
        try:
            known = options.get_all_options()
            kept = options.get_all_options(retain_unknown_options=True)
        except (SystemExit, ValueError) as error:  # of argparse
            problem = output.getvalue().rpartition("error: ")[2].strip()
            raise UserError(f"--beam_options: {problem or flag[2:]}") from error
    return kept.keys() == known.keys()


@contextlib.contextmanager
def as_user_error() -> Iterator[None]:
    """Turns what a user can fix into a `UserError`; keeps Beam quiet."""
    try:
        with _quiet():
            yield
    except UserError:
        raise
    except Exception as error:
        # Runners wrap what their workers raise, each in its own way.
        text = str(error)
        empty = re.search(r"generated examples is 0 for split (\w+)", text)
        if empty:
            raise NothingKept(
                f"no face was kept in the {empty[1]} split; "
                "--beam_runner=none says why"
            ) from error
        refused = re.search(f"{_NO_SPACE}|{_FORBIDDEN}|{_READ_ONLY}", text)
        if refused:
            raise UserError(f"--data_dir: {refused[0]}") from error
        raise


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    logger = logging.getLogger("apache_beam")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
