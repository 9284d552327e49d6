"""What the page says of a visitor's work, in words."""

import re

from efgan_tf import action_units
from efgan_tf.interface.session import STEP, Session

_MOST_TOLD = 5  # units, those that move the most


def status(session: Session) -> str:
    """What the picture shows, in a line."""
    moved = session.target - session.source
    largest = sorted(
        zip(action_units.NAMES, moved, strict=True),
        key=lambda pair: -abs(pair[1]),
    )
    changed = [
        f"{name} {change:+.1f}"
        for name, change in largest[:_MOST_TOLD]
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
