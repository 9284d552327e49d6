"""Explains a model on a face: every picture, the numbers, and the page."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

import efgan_tf
from efgan_tf import action_units
from efgan_tf.editing.choice import parse_choice
from efgan_tf.editing.editor import Editor
from efgan_tf.editing.loading import editing_model, load_network
from efgan_tf.editing.results import EditedFace
from efgan_tf.editing.strip import sweep
from efgan_tf.editing.subjects import (
    Subject,
    close_up,
    raised,
    reduced,
    to_network,
)
from efgan_tf.editing.wanted import known_units, make_wish
from efgan_tf.errors import UserError
from efgan_tf.explaining import edit_sheets, map_sheets, maps
from efgan_tf.explaining.drawing import Sheet
from efgan_tf.explaining.localization import densities
from efgan_tf.explaining.maximization import maximize
from efgan_tf.explaining.page import Section, Table, render
from efgan_tf.explaining.readers import Reader, critics_of, estimator_of
from efgan_tf.explaining.settings import MAPS, VisualizeConfig
from efgan_tf.outputs import atomic_folder
from efgan_tf.progress import Progress

REPORT, ARRAYS = "report.html", "maps.npz"

_STRIP_SIDE = 128
_PHOTO_SIDE = 720

_HOW_TO_READ = {
    "face": (
        "The face is found, turned upright and brought to a fixed frame. "
        "Everything below happens in that frame."
    ),
    "edit": (
        "The edit goes from what the face shows to what was asked for, in "
        "stages. Attention says where a branch puts new pixels, the residuals "
        "say what changed."
    ),
    "strip": (
        "A row for each slider. A slider does its work if the picture changes "
        "where the unit shows and nowhere else, and if the curve rises."
    ),
    "maps": (
        "Each map says which pixels a unit is read from. SmoothGrad is the "
        "sharpest and the most faithful here. The others look through the "
        "network's last maps, which are few and coarse; of a network that "
        "ends in a layer for each place, as this one does, Grad-CAM, "
        "Grad-CAM++ and ScoreCAM say little about where. A map shows what the "
        "network uses, not what a person would look at."
    ),
    "maximization": (
        "The face was changed step by step so that a unit is read as strong. "
        "What appears is what the network takes for that unit; colours that "
        "no face has show how easily it is fooled."
    ),
}


class Explainer:
    """A model, a face, and everything that can be drawn of them.

    Args:
      config: what is wanted.
      photo: uint8 `[height, width, 3]`, or as `Editor.take` has it.

    Raises:
      UserError: there is no such model or face, or the model lacks what is
        wanted of it.
    """

    def __init__(self, config: VisualizeConfig, photo: np.ndarray):
        self.config = config
        trained = load_network(config.source)
        self.editor = Editor(editing_model(config.source, trained))
        model = self.editor.model
        self.wish = config.wish()
        self.wish.check_learned(model.learned, model.name)
        self.units = _units(config, model.learned, model.name)
        self.boxes = trained.info.model.boxes
        if not trained.info.model.local_branches:
            self.boxes = {}
        self.readers = self._readers(trained)
        (taken,) = self.editor.take([photo], parse_choice(config.face))
        self.subject = raised(
            taken, config.image, "frame one with --face=x,y,width,height"
        )
        self.face = to_network(self.subject.faces[0].aligned)
        self.arrays: dict[str, np.ndarray] = {}

    def _readers(self, trained) -> list[Reader]:
        wanted, found = self.config.networks, []
        if not wanted or "estimator" in wanted:
            found.append(estimator_of(trained))
        if not wanted or "critics" in wanted:
            critics = critics_of(self.config.source)
            if not critics and wanted:
                raise UserError(
                    f"--networks: {self.config.source} has no critics; only "
                    "the folder of a run keeps them"
                )
            found += critics
        return [r for r in found if self._of(r)]

    def _of(self, reader: Reader) -> list[str]:
        """Those of the wanted units that a reader reads."""
        return [name for name in self.units if name in reader.units]

    @property
    def notes(self) -> list[str]:
        """What the user should know, in sentences."""
        notes = list(self.subject.notes)
        if len(self.readers) == 1 and not self.config.networks:
            notes.append(
                f"{self.config.source} holds no critics, only the estimator "
                "is explained; the folder of a run keeps them"
            )
        return notes

    def sections(self) -> Iterator[tuple[int, Callable[[], Section]]]:
        """The sections in order: how much work, and what makes them."""
        methods = self.config.methods
        if "regions" in methods:
            yield 1, self._face_section
        if {"attention", "residuals"} & set(methods):
            yield 1, self._edit_section
        if "strip" in methods:
            yield len(self.units), self._strip_section
        for reader in self.readers:
            count = len(self._of(reader))
            if set(MAPS) & set(methods):
                yield count, lambda reader=reader: self._map_section(reader)
            if "maximization" in methods:
                yield count, lambda reader=reader: self._climb_section(reader)

    def _face_section(self) -> Section:
        small = reduced(self.subject, _PHOTO_SIDE)
        sheet = edit_sheets.draw_regions(small, self.boxes)
        return Section("The face", _HOW_TO_READ["face"], [sheet])

    def _edit_section(self) -> Section:
        (edited,) = self.editor.grant([self.subject], self.wish)
        (face,) = edited.faces
        sheets = []
        if "attention" in self.config.methods:
            sheets.append(edit_sheets.draw_attention(face, self.boxes))
            self.arrays["attention"] = face.edits.attention[0, ..., 0]
            for name, attention in face.edits.branches.items():
                self.arrays[f"attention/{name}"] = attention[0, ..., 0]
        if "residuals" in self.config.methods:
            sheets.append(edit_sheets.draw_residuals(face))
            self.arrays["residuals"] = edit_sheets.residuals(face)
        return Section(
            "An edit, stage by stage",
            _HOW_TO_READ["edit"],
            sheets,
            _targets(face),
        )

    def _strip_section(self) -> Section:
        near = close_up(self.subject, 0, _STRIP_SIDE)
        swept = {name: sweep(self.editor, near, name) for name in self.units}
        readings = {
            name: self._readings(name, edits) for name, edits in swept.items()
        }
        self.arrays |= {f"strip/{n}": read for n, read in readings.items()}
        sheets = [
            edit_sheets.draw_strip(names, swept, readings, region)
            for region, names in map_sheets.groups(self.units).items()
        ]
        return Section("Every slider", _HOW_TO_READ["strip"], sheets)

    def _readings(self, name: str, edits: Sequence) -> np.ndarray:
        """What the estimator reads of one unit in edited faces."""
        results = np.stack([e.faces[0].edits.images[0, -1] for e in edits])
        index = action_units.NAMES.index(name)
        return self.editor.model.estimate(results)[:, index]

    def _map_section(self, reader: Reader) -> Section:
        units = self._of(reader)
        made = self._maps(reader, units)
        self.arrays |= {
            f"{reader.name}/{method}": values for method, values in made.items()
        }
        self.arrays[f"{reader.name}/units"] = np.array(units)
        sheets = []
        for region, names in map_sheets.groups(units).items():
            rows = [units.index(name) for name in names]
            chosen = {method: values[rows] for method, values in made.items()}
            sheets.append(
                map_sheets.draw_maps(reader, self.face, names, chosen, region)
            )
        table = None
        if reader.region == "face" and "smoothgrad" in made and self.boxes:
            table = self._density_table(reader, units, made["smoothgrad"])
        return Section(
            f"What the {reader.name} looks at",
            _HOW_TO_READ["maps"],
            sheets,
            table,
        )

    def _maps(
        self, reader: Reader, units: Sequence[str]
    ) -> dict[str, np.ndarray]:
        made, config = {}, self.config
        for method in MAPS:
            if method not in config.methods:
                continue
            if method == "smoothgrad":
                made[method] = maps.smoothgrad(
                    reader, self.face, units, config.samples, config.seed
                )
            else:
                made[method] = maps.CAMS[method](reader, self.face, units)
        return made

    def _density_table(
        self, reader: Reader, units: Sequence[str], saliency: np.ndarray
    ) -> Table:
        inside, readings = (
            densities(saliency, self.boxes),
            reader.read(self.face),
        )
        return Table(
            "SmoothGrad inside each box, as a multiple of its mean over the "
            "whole face: above 1 the network looks there more than elsewhere",
            ["unit", "", "reads (0–5)", *inside],
            [
                [
                    name,
                    action_units.DESCRIPTIONS[name],
                    f"{readings[name]:.2f}",
                    *(f"{values[row]:.2f}" for values in inside.values()),
                ]
                for row, name in enumerate(units)
            ],
        )

    def _climb_section(self, reader: Reader) -> Section:
        units, config = self._of(reader), self.config
        pictures = maximize(reader, self.face, units, config.steps, config.seed)
        self.arrays[f"{reader.name}/maximization"] = pictures
        sheet = map_sheets.draw_maximized(reader, self.face, units, pictures)
        return Section(
            f"What the {reader.name} would like to see",
            _HOW_TO_READ["maximization"],
            [sheet],
        )


def explain(
    config: VisualizeConfig, photo: np.ndarray
) -> tuple[list[str], list[str]]:
    """Draws everything into `config.out`, which appears whole or not at all.

    Args:
      config: what is wanted.
      photo: `[height, width, 3]`, uint8, uint16, or floats in 0–1.

    Returns:
      Names of the files, and what the user should know.

    Raises:
      UserError: as `Explainer`, or the folder cannot be written.
    """
    with atomic_folder(config.out, config.overwrite) as folder:
        explainer = Explainer(config, photo)
        for note in explainer.notes:
            print(note)
        work = list(explainer.sections())
        progress = Progress("explaining", sum(n for n, _ in work), "rows")
        sections = []
        for count, make in work:
            sections.append(make())
            _write_sheets(sections[-1].sheets, folder)
            progress.advance(count)
        progress.finish()
        np.savez_compressed(folder / ARRAYS, **explainer.arrays)
        page = render(
            f"What {config.source} sees and does",
            _facts(explainer),
            sections,
        )
        (folder / REPORT).write_text(page, "utf-8")
        names = sorted(path.name for path in folder.iterdir())
    return names, explainer.notes


def _write_sheets(sheets: Sequence[Sheet], folder: Path) -> None:
    for sheet in sheets:
        (folder / f"{sheet.name}.png").write_bytes(sheet.png)


def _facts(explainer: Explainer) -> list[str]:
    config, model = explainer.config, explainer.editor.model
    return [
        f"On the {config.face} face of {Path(config.image).name}; {model.stages} "
        f"stages of {model.size}×{model.size} pixels; efgan_tf "
        f"{efgan_tf.__version__}.",
        *(f"{note[0].upper()}{note[1:]}." for note in explainer.notes),
    ]


def _units(
    config: VisualizeConfig, learned: np.ndarray, model: str
) -> list[str]:
    """The units to explain, in the order of `action_units.NAMES`."""
    if not config.aus:
        return known_units(learned)
    wanted = {action_units.canonical_name(name): 0.0 for name in config.aus}
    make_wish(wanted).check_learned(learned, model)
    return [name for name in action_units.NAMES if name in wanted]


def _targets(face: EditedFace) -> Table:
    rows = zip(
        action_units.NAMES,
        face.source_action_units,
        face.target_action_units,
        strict=True,
    )
    return Table(
        "The action units of the face before and after, 0–5",
        ["unit", "", "source", "target"],
        [
            [
                name,
                action_units.DESCRIPTIONS[name],
                f"{source:.2f}",
                f"{target:.2f}",
            ]
            for name, source, target in rows
        ],
    )
