"""The data sets, as TensorFlow Datasets builders.

TFDS lays the files out and reads them back, by itself or through Apache Beam;
what goes in is made by `efgan_tf.data.aligning`, for all alike.
"""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from efgan_tf import action_units
from efgan_tf.common.errors import UserError
from efgan_tf.common.files import CHANGED
from efgan_tf.common.progress import Progress, say
from efgan_tf.config import DataConfig
from efgan_tf.data import aligning, plan
from efgan_tf.data.preparation_report import Record, Report
from efgan_tf.faces import detection

LOCAL_RUNNER = "DirectRunner"
"""Beam's runner on this machine."""


@dataclasses.dataclass(eq=False)
class FacesConfig(tfds.core.BuilderConfig):
    """A data set with given settings.

    Attributes:
      data: where it comes from and how it is split.
      image_size: side of the aligned pictures.
      work_dir: an empty folder for what is needed while it is prepared.
      beam_runner: name of the Apache Beam runner; empty for none.
      held_out: see `splits.split_subjects`.
    """

    data: DataConfig = dataclasses.field(default_factory=DataConfig)
    image_size: int = 128
    work_dir: Path = Path()
    beam_runner: str = ""
    held_out: float | frozenset[str] = 0.0


class FacesBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """What the data sets share: features, splits, metadata, report.

    Attributes:
      plan: what is prepared, once that has begun.
    """

    VERSION = tfds.core.Version("1.0.0")

    SETTINGS: tuple[str, ...] = ()
    """Fields of `DataConfig` that the data depends on, besides `held_out`."""

    # TFDS 4.9.10 would find this out with `importlib_resources`, a package
    # that it does not say it needs.
    code_path = Path(__file__)

    def fingerprint(self) -> str:
        """A hash of its sources; empty if they are absent."""
        raise NotImplementedError

    def make_plan(self) -> plan.Plan:
        """What is to be prepared.

        Raises:
          UserError: photos or table are missing or wrong.
        """
        raise NotImplementedError

    def _info(self) -> tfds.core.DatasetInfo:
        size = self.builder_config.image_size
        return self.dataset_info_from_configs(
            description="Aligned faces with action units.",
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(
                        shape=(size, size, 3), encoding_format="png"
                    ),
                    "action_units": tfds.features.Tensor(
                        shape=(action_units.COUNT,), dtype=np.float32
                    ),
                    "subject": tfds.features.Text(),
                    "expression": tfds.features.Text(),
                    "view": tfds.features.Text(),
                    "filename": tfds.features.Text(),
                }
            ),
            metadata=tfds.core.MetadataDict(),
        )

    def _download_and_prepare(self, dl_manager, download_config) -> None:
        before = self.fingerprint()
        self.plan = self.make_plan()
        self._records: list[Record] = []
        super()._download_and_prepare(dl_manager, download_config)
        self._conclude(before)

    def _conclude(self, fingerprint: str) -> None:
        """Writes report and metadata once all photos are processed."""
        if self.fingerprint() != fingerprint:
            raise UserError(CHANGED)
        report = self.plan.report
        report.add(self._records, self.plan.au_mask)
        report.register(
            self._records, self.plan.size, self.plan.source.fixed_pose
        )
        report.write(Path(self.data_dir))
        kept = [record for record in self._records if record.kept]
        self.info.metadata.update(
            fingerprint=fingerprint,
            units=list(action_units.NAMES),
            mask=report.au_mask().tolist(),
            table=report.table,
            subjects={
                name: sorted({r.subject for r in kept if r.split == name})
                for name in report.splits
            },
        )

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Any]:
        del dl_manager  # nothing is downloaded
        if not self.builder_config.beam_runner:
            total = sum(map(len, self.plan.rows.values()))
            progress = Progress("preparing faces", total)
            detector = detection.Detector()
            return {
                split: self._generate_examples(split, detector, progress)
                for split in self.plan.rows
            }
        from efgan_tf.data import beam

        runner = self.builder_config.beam_runner
        say(f"preparing faces with Apache Beam's {runner}")
        return {
            split: beam.AlignedExamples(self.plan, split, self._records_file)
            for split in self.plan.rows
        }

    def _generate_examples(
        self, split: str, detector: detection.Detector, progress: Progress
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        records = []
        for job in self.plan.jobs(split):
            for outcome in aligning.align_job(
                job, self.plan.source, self.plan.size, detector
            ):
                progress.advance()
                records.append(outcome.record(split))
                if outcome.png is not None:
                    yield aligning.example(outcome)
        if not any(record.kept for record in records):
            raise _nothing_kept(split, records)
        self._records += records
        if split == list(self.plan.rows)[-1]:
            progress.finish()

    @property
    def _records_file(self) -> Path:
        return Path(self.data_dir) / "records"

    def _process_pipeline_result(self, pipeline_result) -> None:
        from efgan_tf.data import beam

        self._records = beam.collect_records(self._records_file)


def _nothing_kept(split: str, records: list[Record]) -> plan.NothingKept:
    """The error that no face of a split could be used."""
    report = Report(dropped=[(r.file, r.reason) for r in records])
    reasons = "; ".join(f"{n} × {r}" for r, n in report.reasons().items())
    return plan.NothingKept(
        f"no face was kept of the {len(records)} photos in the {split} split: "
        f"{reasons}"
    )
