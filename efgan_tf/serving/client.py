"""A client of a served model.

    client = Client("localhost:8500")
    client.edit("photo.jpg", expression="happy").save("happy.png")

It edits whole photos, whose faces are detected here and edited there, or
aligned faces.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from efgan_tf.editing.editor import Editor
from efgan_tf.editing.inputs import Photo
from efgan_tf.editing.results import EditedPhoto
from efgan_tf.trained.remote.connection import Connection


class Client(Connection):
    """A connection to a served model that edits photos with it, too."""

    @functools.cached_property
    def editor(self) -> Editor:
        """Edits photos with the served model."""
        return Editor(self.model)

    def edit(
        self,
        image: Photo | Sequence[Photo],
        expression: str | Mapping[str, float] | None = None,
        **options: Any,
    ) -> EditedPhoto | list[EditedPhoto]:
        """Edits the faces of photos; the arguments are those of `Editor.edit`.

        Faces are detected, aligned and put back here; only the aligned faces
        are sent to the server.

        Raises:
          UserError: as `Editor.edit`, or as `edit_faces`.
        """
        return self.editor.edit(image, expression, **options)
