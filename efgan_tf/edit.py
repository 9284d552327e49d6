"""Changes the expression of faces in photos, and keeps the person.

    python -m efgan_tf.edit --image=photo.jpg --expression=happy \\
        --intensity=0.8 --out=happy.png
    python -m efgan_tf.edit --image=photo.jpg --au=AU12=3,AU06=2 \\
        --out=out.png --sheet=sheet.png --animate=out.gif
    python -m efgan_tf.edit --model=runs/mine --image='album/**/*.jpg' \\
        --face=all --expression=happy --out=edited
    python -m efgan_tf.edit --image=photo.jpg --list_faces

--image is a photo, a folder or a quoted glob of photos, or a video. Intensities
of action units are 0 (absent) to 5 (maximal). docs/editing.md is the guide.
Ends with status 0 if no photo failed, with 2 if one did.
"""

import functools
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from absl import flags

import efgan_tf
from efgan_tf import config as config_lib
from efgan_tf.commands import USER_ERROR_STATUS, import_tensorflow, run
from efgan_tf.common import outputs
from efgan_tf.common.errors import UserError
from efgan_tf.common.options import require
from efgan_tf.editing import batch, clip, single
from efgan_tf.editing.editing_settings import (
    FaceConfig,
    PhotoConfig,
    ResultConfig,
    TargetConfig,
    TrainedConfig,
)
from efgan_tf.editing.editor import Editor
from efgan_tf.editing.inputs import (
    is_video,
    list_jobs,
    list_others,
    names_several,
    output_folders,
)
from efgan_tf.editing.request import Request, make_request
from efgan_tf.editing.results import faces_to_json
from efgan_tf.faces import documents, video, video_writing
from efgan_tf.faces.detection import Detector
from efgan_tf.faces.search import find_faces
from efgan_tf.trained import presets
from efgan_tf.trained.loading import needs_tensorflow
from efgan_tf.trained.remote.connection_settings import (
    is_address,
    parse_address,
)

CONFIGS = (TrainedConfig, PhotoConfig, TargetConfig, FaceConfig, ResultConfig)

Load = Callable[[], Editor]


def main(values: flags.FlagValues) -> int | None:
    """Runs the command."""
    trained, photo, target, faces, result = (
        config_lib.from_flags(values, config) for config in CONFIGS
    )
    if not faces.list_faces:
        _check_model(trained.model)
    load = functools.partial(_load, trained.model)
    return edit_with(load, photo, target, faces, result)


def edit_with(
    load: Load,
    photo: PhotoConfig,
    target: TargetConfig,
    faces: FaceConfig,
    result: ResultConfig,
) -> int | None:
    """Edits as the settings say.

    Args:
      load: makes the editor; called once everything that can be checked
        without a model is.
      photo: what to edit.
      target: what the faces should show.
      faces: which are meant.
      result: what else to write.

    Returns:
      The command's exit status.

    Raises:
      UserError: the settings cannot be met.
    """
    require(bool(photo.image), "give --image=PHOTO, a folder, glob or video")
    if faces.list_faces:
        return _list_faces(photo)
    request = make_request(photo, target, faces, result)
    load = functools.partial(_load_set, load, result.carry_detail)
    if is_video(photo.image):
        _edit_video(load, photo, request, result)
        return None
    if names_several(photo.image):
        return _edit_several(load, photo, request, result)
    print("\n".join(single.edit_photo(load, photo, request, result)))
    return None


def _load_set(load: Load, carry_detail: bool) -> Editor:
    editor = load()
    editor.carry_detail = carry_detail
    return editor


def _check_model(model: str) -> None:
    """Raises a `UserError` if there is no such model, as far as is known."""
    require(bool(model), "give --model=RUN, a trained model")
    if is_address(model):
        parse_address(model)
    elif model.startswith(presets.PREFIX):
        presets.check_name(model)
    elif not os.path.exists(model):
        raise UserError(f"--model={model} does not exist")


def _load(path: str) -> Editor:
    if needs_tensorflow(path):
        import_tensorflow()
    return efgan_tf.load(path)


def _list_faces(photo: PhotoConfig) -> int | None:
    """Prints the faces of a photo, or name → faces of several."""
    detector = functools.cache(Detector)

    def faces_of(path):
        document = documents.read_document(path, photo.max_pixels)
        return faces_to_json(find_faces(detector(), [document.pixels])[0])

    if not names_several(photo.image):
        print(json.dumps(faces_of(photo.image), indent=2))
        return None
    status = None
    listed: dict[str, Any] = {}
    for job in list_jobs(photo.image):
        try:
            listed[job.name] = faces_of(job.path)
        except UserError as error:
            listed[job.name] = {"error": str(error)}
            status = USER_ERROR_STATUS
    for job, reason in list_others(photo.image).items():
        listed[job.name] = {"error": reason}
    print(json.dumps(listed, indent=2))
    return status


def _edit_several(
    load: Load, photo: PhotoConfig, request: Request, result: ResultConfig
) -> int | None:
    _refuse_extras("several photos", result)
    require(bool(photo.out), "give --out=FOLDER: --image names several photos")
    jobs, out = list_jobs(photo.image, photo.out), Path(photo.out)
    others = list_others(photo.image, photo.out)
    paths = batch.output_paths(jobs, out)
    batch.check_outputs([*paths, out / batch.REPORT], photo.overwrite)
    with output_folders([out]):
        entries = batch.edit_photos(
            load(), request, jobs, out, photo.max_pixels, others
        )
    counts = batch.counts(entries)
    print(
        ", ".join(f"{count} {status}" for status, count in counts.items())
        + f"; {out / batch.REPORT} tells of each"
    )
    return USER_ERROR_STATUS if counts["failed"] else None


def _edit_video(
    load: Load, photo: PhotoConfig, request: Request, result: ResultConfig
) -> None:
    _refuse_extras("a video", result)
    require(
        request.on_no_face == "error",
        "--on_no_face is for photos; frames without a face stay as they are",
    )
    require(bool(photo.out), "give --out=VIDEO.mp4: --image is a video")
    video_writing.check_video_suffix(photo.out)
    outputs.check_free_file(photo.out, photo.overwrite)
    # In full: to decoders a colon or a dash in a name may mean something.
    source = video.open_video(os.path.abspath(photo.image))
    with output_folders([os.path.dirname(photo.out)]):
        made = clip.edit_video(
            load(), request, source, photo.out, photo.overwrite
        )
    print("\n".join([*made.lines(), f"wrote {photo.out}"]))


def _refuse_extras(what: str, result: ResultConfig) -> None:
    """Sheets and the like are made of one photo."""
    for flag, value in {**result.files(), "strip": result.strip}.items():
        require(not value, f"--{flag} is made of one photo, not of {what}")


if __name__ == "__main__":
    sys.exit(run(main, *CONFIGS))
