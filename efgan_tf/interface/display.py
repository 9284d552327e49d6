"""What the page shows of a session: words, and pictures inside the page."""

import base64
import io
import re
from collections.abc import Iterable

import numpy as np
from PIL import Image

from efgan_tf import action_units
from efgan_tf.interface.session import STEP, Session

_MOST_NAMED = 5  # units, those that move the most


def status(session: Session) -> str:
    """What the picture shows, in a line."""
    moved = session.target - session.source
    largest = sorted(
        zip(action_units.NAMES, moved, strict=True),
        key=lambda pair: -abs(pair[1]),
    )
    changed = [
        f"{name} {change:+.1f}"
        for name, change in largest[:_MOST_NAMED]
        if abs(change) >= STEP
    ]
    says = f"changed: {', '.join(changed)}" if changed else "as in the photo"
    if len(session.expression_targets) > 1:
        says = f"face {session.selected + 1}: {says}"
    return "; ".join([says[0].upper() + says[1:], *session.notes])


def caption(title: str) -> str:
    """The title of a picture of `Session.stage_pictures`, spelled out."""
    known = {"source": "as the model sees it", "A cascade": "attention: all"}
    return known.get(title, re.sub("^A ", "attention: ", title))


def picture_url(pixels: np.ndarray) -> str:
    """uint8 `[height, width, 3]` as a `data:` address, in JPEG."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=92, subsampling=0)
    encoded = base64.b64encode(file.getvalue()).decode()
    return f"data:image/jpeg;base64,{encoded}"


def choices(
    captions: Iterable[str],
    pictures: Iterable[np.ndarray],
    chosen: int | None = None,
) -> list[dict]:
    """What the page's templates take: pictures with captions, one chosen."""
    return [
        {
            "caption": caption,
            "picture": picture_url(picture),
            "chosen": index == chosen,
        }
        for index, (caption, picture) in enumerate(
            zip(captions, pictures, strict=True)
        )
    ]
