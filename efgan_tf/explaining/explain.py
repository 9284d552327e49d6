"""Explains a model on a face: every picture, the numbers, and the page."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

import efgan_tf
from efgan_tf import action_units
from efgan_tf.common.errors import UserError
from efgan_tf.common.images import to_float
from efgan_tf.common.outputs import atomic_folder
from efgan_tf.common.progress import Progress
from efgan_tf.editing.editor import Editor, unwrap
from efgan_tf.editing.expression import learned_units, make_target
from efgan_tf.editing.face_selection import parse_choice
from efgan_tf.explaining import edit_sections, map_sections
from efgan_tf.explaining.report_page import Section, render
from efgan_tf.explaining.unit_readers import (
    UnitReader,
    critics_of,
    estimator_of,
)
from efgan_tf.explaining.visualize_settings import MAPS, VisualizeConfig
from efgan_tf.trained.loading import editing_model, load_network
from efgan_tf.trained.network import TrainedNetwork

REPORT, ARRAYS = "report.html", "maps.npz"


class Explainer:
    """A model, a face, and all that can be explained of them.

    Args:
      config: what to explain.
      photo: `[height, width, 3]`, uint8, uint16, or floats in 0–1.

    Raises:
      UserError: there is no such model or face, or the model lacks a network
        or a unit that is asked for.
    """

    def __init__(self, config: VisualizeConfig, photo: np.ndarray):
        self.config = config
        trained = load_network(config.model)
        self.editor = Editor(editing_model(config.model, trained))
        self.model = self.editor.model
        self.target = config.target()
        self.target.check_learned(self.model.au_mask, self.model.name)
        self.units = self._chosen_units()
        shape = trained.info.model
        self.boxes = shape.boxes if shape.local_branches else {}
        self.readers = self._find_readers(trained)
        (detected,) = self.editor.detect_and_align(
            [photo], parse_choice(config.face)
        )
        self.aligned_photo = unwrap(
            detected, config.image, "frame one with --face=x,y,width,height"
        )
        self.face = to_float(self.aligned_photo.faces[0].aligned)

    def _chosen_units(self) -> list[str]:
        """The units to explain, in the order of `action_units.NAMES`."""
        if not self.config.units:
            return learned_units(self.model.au_mask)
        chosen = make_target(dict.fromkeys(self.config.units, 0.0))
        chosen.check_learned(self.model.au_mask, self.model.name)
        return [name for name in action_units.NAMES if name in chosen.units]

    def _find_readers(self, trained: TrainedNetwork) -> list[UnitReader]:
        chosen, found = self.config.networks, []
        if not chosen or "estimator" in chosen:
            found.append(estimator_of(trained))
        if not chosen or "critics" in chosen:
            critics = critics_of(self.config.model)
            if not critics and chosen:
                raise UserError(
                    f"--networks: {self.config.model} has no critics; only "
                    "the folder of a run keeps them"
                )
            found += critics
        return found

    @property
    def notes(self) -> list[str]:
        """What the user should know, in sentences."""
        notes = list(self.aligned_photo.notes)
        if len(self.readers) == 1 and not self.config.networks:
            notes.append(
                f"there are no critics in {self.config.model}, so only the "
                "estimator is explained; the folder of a run keeps them"
            )
        return notes

    def work(self) -> Iterator[tuple[int, Callable[[], Section]]]:
        """The sections in order: how many rows of pictures, what makes them."""
        methods = self.config.methods
        if "regions" in methods:
            yield (
                1,
                functools.partial(
                    edit_sections.face_section, self.aligned_photo, self.boxes
                ),
            )
        if {"attention", "residuals"} & set(methods):
            yield 1, self._edit_section
        if "strip" in methods:
            yield len(self.units), functools.partial(
                edit_sections.strip_section,
                self.editor, self.aligned_photo, self.units,
            )  # fmt: skip
        for reader in self.readers:
            units = [name for name in self.units if name in reader.units]
            arguments = self.config, reader, self.face, units
            if units and set(MAPS) & set(methods):
                yield (
                    len(units),
                    functools.partial(map_sections.map_section, *arguments),
                )
            if units and "maximization" in methods:
                yield (
                    len(units),
                    functools.partial(
                        map_sections.maximization_section, *arguments
                    ),
                )

    def _edit_section(self) -> Section:
        (edited,) = self.editor.apply([self.aligned_photo], self.target)
        return edit_sections.edit_section(
            edited.faces[0], self.boxes, self.config.methods
        )

    def facts(self) -> list[str]:
        """What the page begins with, in sentences."""
        photo = Path(self.config.image).name
        size, stages = self.model.size, self.model.stages
        return [
            f"Photo: {photo}, face: {self.config.face}. The model sees "
            f"{size}×{size} pixels and edits in {stages} "
            f"{'stage' if stages == 1 else 'stages'}. Made by efgan_tf "
            f"{efgan_tf.__version__}.",
            *(f"{note[0].upper()}{note[1:]}." for note in self.notes),
        ]


def explain(config: VisualizeConfig, photo: np.ndarray) -> list[str]:
    """Draws everything into `config.out`, which appears whole or not at all.

    Args:
      config: what to explain.
      photo: `[height, width, 3]`, uint8, uint16, or floats in 0–1.

    Returns:
      Names of the files.

    Raises:
      UserError: as `Explainer`, or the folder cannot be written.
    """
    with atomic_folder(config.out, config.overwrite) as folder:
        explainer = Explainer(config, photo)
        for note in explainer.notes:
            print(note)
        work = list(explainer.work())
        progress = Progress("explaining", sum(n for n, _ in work), "rows")
        sections = []
        for count, make in work:
            sections.append(make())
            for sheet in sections[-1].sheets:
                (folder / f"{sheet.name}.png").write_bytes(sheet.png)
            progress.advance(count)
        progress.finish()
        arrays = {k: v for each in sections for k, v in each.arrays.items()}
        np.savez_compressed(folder / ARRAYS, **arrays)  # type: ignore[arg-type]
        title = f"What {config.model} sees and does"
        page = render(title, explainer.facts(), sections)
        (folder / REPORT).write_text(page, "utf-8")
        return sorted(path.name for path in folder.iterdir())
