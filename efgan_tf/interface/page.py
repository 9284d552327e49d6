"""The page: what happens when.

Each visitor has a `Session` of their own. A mistake is shown on the page, in
the words of the commands, and the page lives on.
"""

import html
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from efgan_tf.common.errors import UserError
from efgan_tf.editing.editor import Editor
from efgan_tf.interface.display import caption, choices, picture_url, status
from efgan_tf.interface.layout import Layout
from efgan_tf.interface.sample_photos import SAMPLES, sample_path
from efgan_tf.interface.session import Session, open_photo

FORGOTTEN_AFTER = 3600
"""Seconds after which the work of a visitor who does nothing is dropped."""

_SWEEP = 600  # seconds from one look for old files to the next

_SAVE_FILE = """(file) => {
  const link = document.createElement("a");
  link.href = file.url;
  link.download = file.orig_name ?? file.path.split("/").pop();
  link.click();
}"""


def build_page(editor: Editor, max_pixels: int) -> gr.Blocks:
    """The page for one model.

    Args:
      editor: with the model.
      max_pixels: larger photos are refused.
    """
    with gr.Blocks(
        title="Cascade EF-GAN",
        analytics_enabled=False,
        delete_cache=(_SWEEP, FORGOTTEN_AFTER),
    ) as page:
        _Page(editor, max_pixels).wire()
    return page


class _Page:
    """What happens to the components of a `Layout`."""

    def __init__(self, editor: Editor, max_pixels: int):
        self._editor, self._max_pixels = editor, max_pixels
        self._session = gr.State(time_to_live=FORGOTTEN_AFTER)
        self._at = Layout(editor.model)

    def wire(self) -> None:
        """Says what happens when."""
        self._wire_photos()
        self._wire_sliders()
        self._wire_changes()
        self._wire_files()

    def _wire_photos(self) -> None:
        at = self._at
        outputs = [
            at.start, at.work, at.photo, at.trouble, at.faces, at.to_all,
            *self._target_inputs, *self._results,
        ]  # fmt: skip
        ways = _ways("full", at.trouble)
        # Not `input`, which also comes when a way to choose is left, with no
        # photo, and would take the next one away.
        at.photo.upload(self._open, [at.photo], outputs, **ways)
        at.samples.select(self._open_sample, None, outputs, **ways)
        at.other_photo.click(
            lambda: (None, gr.Column(visible=True), gr.Row(visible=False)),
            None,
            [self._session, at.start, at.work],
            **_ways(),
        )

    def _wire_sliders(self) -> None:
        """The picture follows while they move, as fast as it can be made."""
        sliders = [*self._at.sliders, self._at.intensity]
        gr.on(
            [slider.input for slider in sliders],
            self._changing(_move, echo=False),
            [self._session, *sliders],
            self._results,
            trigger_mode="always_last",
            **_ways(),
        )

    def _wire_changes(self) -> None:
        """Everything else that changes an expression moves the sliders."""
        at = self._at
        changes: list[
            tuple[Callable, list[gr.components.Component], Callable[..., None]]
        ] = [
            (button.click, [], lambda session, name=name:
             session.show_preset(name))
            for name, button in at.presets.items()
        ]  # fmt: skip
        changes += [
            (at.reset.click, [], Session.reset),
            (at.to_all.click, [], Session.give_to_all),
            (at.load.upload, [at.load], Session.load),
            (at.from_photo.upload, [at.from_photo], self._show_as_in),
            (at.stages.input, [at.stages], Session.use_stages),
        ]
        for event, inputs, change in changes:
            event(
                self._changing(change),
                [self._session, *inputs],
                [*self._target_inputs, *self._results],
                **_ways("minimal", at.status),
            )
        at.faces.select(
            self._select,
            [self._session],
            [at.faces, *self._target_inputs, *self._results],
            **_ways(),
        )

    def _wire_files(self) -> None:
        at = self._at
        for button, write in (
            (at.get_photo, Session.write_photo),
            (at.get_animation, Session.write_animation),
            (at.save, Session.write_expression),
        ):
            button.click(
                self._writing(write),
                [self._session],
                [at.made],
                **_ways("full", at.status),
            ).success(None, [at.made], None, js=_SAVE_FILE)

    @property
    def _target_inputs(self) -> list[gr.components.Component]:
        """Input components: the selected face's target."""
        return [*self._at.sliders, self._at.intensity, self._at.stages]

    @property
    def _results(self) -> list[gr.components.Component]:
        """Output components: the session and what shows the edit."""
        at = self._at
        return [self._session, at.viewer, at.figures, at.status]

    def _open(self, path: str) -> dict:
        at = self._at
        # Whatever happens, the photo's component gets a value: outputs that are
        # left out Gradio makes anew, without what the layout did to them.
        try:
            session = open_photo(self._editor, path, self._max_pixels)
            shown = self._edit(session)
        except UserError as error:
            return {at.photo: None, **_tell(error, at.trouble)}
        several = len(session.expression_targets) > 1
        return {
            at.start: gr.Column(visible=False),
            at.work: gr.Row(visible=True),
            at.photo: None,
            at.trouble: "",
            at.faces: gr.HTML(self._faces(session), visible=several),
            at.to_all: gr.Button(visible=several),
            **self._target(session),
            **shown,
            at.viewer: gr.HTML(
                shown[at.viewer], photo=picture_url(session.photo)
            ),
        }

    def _open_sample(self, event: gr.EventData) -> dict:
        return self._open(str(sample_path(list(SAMPLES)[event.index])))

    def _select(self, session: Session | None, event: gr.EventData) -> dict:
        shown = self._changing(Session.select)(session, event.index)
        if session is not None:
            shown[self._at.faces] = self._faces(session)
        return shown

    def _show_as_in(self, session: Session, path: str) -> None:
        session.show_as_in(path, self._max_pixels)

    def _changing(
        self, change: Callable[..., None], echo: bool = True
    ) -> Callable[..., dict]:
        """An event: a change of the session, and the page after it.

        Args:
          change: takes the session and the event's inputs.
          echo: the sliders are moved to what the session says.
        """

        def run(session: Session | None, *inputs: Any) -> dict:
            shown: dict = {}
            try:
                session = _present(session)
                change(session, *inputs)
                if echo:
                    shown |= self._target(session)
                shown |= self._edit(session)
            except UserError as error:
                shown |= _tell(error, self._at.status)
            return shown

        return run

    def _writing(
        self, write: Callable[[Session, str], Path]
    ) -> Callable[[Session | None], str]:
        """An event: a file for the visitor to keep."""

        def run(session: Session | None) -> str:
            # In Gradio's own folder, so that it is swept up like an upload.
            cache = Path(self._at.made.GRADIO_CACHE)
            cache.mkdir(parents=True, exist_ok=True)
            folder = tempfile.mkdtemp(dir=cache)
            try:
                return str(write(_present(session), folder))
            except UserError as error:
                raise gr.Error(
                    _as_html(error), print_exception=False
                ) from error

        return run

    def _target(self, session: Session) -> dict:
        values = [
            *session.shown_units(),
            session.expression_target.intensity,
            session.stages,
        ]  # fmt: skip
        return dict(zip(self._target_inputs, values, strict=True))

    def _edit(self, session: Session) -> dict:
        edited = session.edited()
        figures = session.stage_pictures(edited)
        return {
            self._session: session,
            self._at.viewer: picture_url(edited.image),
            self._at.figures: choices(map(caption, figures), figures.values()),
            self._at.status: status(session),
        }

    def _faces(self, session: Session) -> list[dict]:
        pictures = session.thumbnails()
        captions = [f"Face {number + 1}" for number in range(len(pictures))]
        return choices(captions, pictures, session.selected)


def _ways(progress: str = "hidden", where: gr.HTML | None = None) -> dict:
    """How an event runs: one at a time, and not as an API.

    Args:
      progress: "full", "minimal" or "hidden".
      where: it is shown.
    """
    return {
        "api_visibility": "private",
        "concurrency_limit": 1,
        "concurrency_id": "networks",
        "show_progress": progress,
        "show_progress_on": where,
    }


def _tell(error: UserError, line: gr.HTML) -> dict:
    """Tells of a mistake, where one looks and in a line that stays."""
    gr.Warning(_as_html(error))
    return {line: str(error)}


def _as_html(error: UserError) -> str:
    """For Gradio's messages; a file may have put anything in an error."""
    return html.escape(str(error), quote=False)


def _present(session: Session | None) -> Session:
    if session is None:
        raise UserError(
            "the photo is no longer here: the page was left for long, or the "
            "server began anew; choose the photo again"
        )
    return session


def _move(session: Session, *values: float) -> None:
    *units, intensity = values
    session.move(units, intensity)
