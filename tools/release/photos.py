"""Puts the photos that the documents' commands name where they are run."""

import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from efgan_tf.faces.video_writing import at_rate, write_video
from efgan_tf.synthetic.synthesis import SynthesizeConfig, write_photos


def main() -> None:
    """Writes photo.jpg, photo.png, group.jpg, clip.mp4, album/, and a folder of
    photos with its table, here."""
    config = SynthesizeConfig(
        subjects=2, images_per_subject=2, size=512, seed=99
    )
    folder = write_photos("rendered_photos", config, overwrite=True)
    first, _, second, _ = sorted((folder / "photos").glob("*.jpg"))
    shutil.copy(first, "photo.jpg")
    faces = [Image.open(path) for path in (first, second)]
    faces[0].save("photo.png")
    Image.fromarray(np.hstack([np.array(face) for face in faces])).save(
        "group.jpg", quality=95
    )
    album = Path("album") / "holiday"
    album.mkdir(parents=True, exist_ok=True)
    shutil.copy(first, album / "first.jpg")
    shutil.copy(second, album / "second.jpg")
    write_video("clip.mp4", at_rate([np.array(faces[0])] * 12, 24))
    small = SynthesizeConfig(subjects=8, images_per_subject=8, size=128)
    own = write_photos("own", small, overwrite=True)
    for name in ("photos", "PHOTOS"):
        shutil.copytree(own / "photos", name, dirs_exist_ok=True)
    shutil.copy(own / "aus.csv", "aus.csv")


if __name__ == "__main__":
    main()
