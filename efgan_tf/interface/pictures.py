"""Pictures inside the page: no file of a visitor's face is left behind."""

import base64
import io
from collections.abc import Iterable

import numpy as np
from PIL import Image


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
