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
from efgan_tf import action_units
from efgan_tf import config as config_lib
from efgan_tf.commands import USER_ERROR_STATUS, quiet_tensorflow, run
from efgan_tf.common import outputs
from efgan_tf.common.errors import UserError
from efgan_tf.common.options import require
from efgan_tf.editing import batch, clip, single
from efgan_tf.editing.editor import Editor
from efgan_tf.editing.expression import (
    ExpressionTarget,
    load_expression,
    make_target,
    parse_units,
)
from efgan_tf.editing.face_selection import find_faces, parse_choice
from efgan_tf.editing.inputs import (
    is_video,
    list_jobs,
    list_others,
    names_several,
    output_folders,
)
from efgan_tf.editing.request import Request
from efgan_tf.editing.results import (
    edit_lines,
    faces_to_json,
    photo_lines,
)
from efgan_tf.editing.settings import (
    FaceConfig,
    PhotoConfig,
    ResultConfig,
    TargetConfig,
    TrainedConfig,
)
from efgan_tf.faces import animations, documents, video, video_writing
from efgan_tf.faces.detection import Detector
from efgan_tf.trained import presets
from efgan_tf.trained.loading import needs_tensorflow
from efgan_tf.trained.remote.settings import is_address, parse_address

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
      target: what the faces shall show.
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
    request = _request(photo, target, faces, result)
    load = functools.partial(_load_set, load, result.carry_detail)
    if is_video(photo.image):
        _edit_video(load, photo, request, result)
        return None
    if names_several(photo.image):
        return _edit_several(load, photo, request, result)
    _edit_one(load, photo, request, result)
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


def _request(
    photo: PhotoConfig,
    target: TargetConfig,
    faces: FaceConfig,
    result: ResultConfig,
) -> Request:
    """The request, as far as it is known without a model."""
    wanted = _strip_target(target, result) if result.strip else _target(target)
    from_photo = None
    if target.from_photo:
        document = documents.read_document(target.from_photo, photo.max_pixels)
        from_photo = document.pixels
    return Request(
        target=wanted,
        choice=parse_choice(faces.face),
        on_no_face=faces.on_no_face,
        from_photo=from_photo,
        source=_units(target.source_au),
        stages=target.stages or None,
    )


def _target(target: TargetConfig) -> ExpressionTarget:
    whole = {
        f"--{name}": getattr(target, name)
        for name in ("expression", "from_photo", "load_expression")
        if getattr(target, name)
    }
    require(
        len(whole) <= 1,
        f"{' and '.join(whole)} are two targets; give one, and single units "
        "with --au",
    )
    require(
        bool(whole or target.au),
        "say what is wanted: --expression=happy, --au=AU12=3, "
        "--from_photo=FILE or --load_expression=FILE",
    )
    vector = None
    if target.from_photo:
        # Until the model has estimated what it shows.
        vector = action_units.preset("neutral")
    if target.load_expression:
        saved = load_expression(target.load_expression)
        vector = saved.change if target.relative else saved.target
    return make_target(
        target.expression or None,
        target.intensity,
        target.relative,
        parse_units(target.au, target.relative),
        vector,
    )


def _strip_target(
    target: TargetConfig, result: ResultConfig
) -> ExpressionTarget:
    """A strip goes through all intensities of its unit, and of no other."""
    for flag in (
        "expression", "au", "from_photo", "load_expression", "relative",
        "intensity",
    ):  # fmt: skip
        require(
            getattr(target, flag) == getattr(TargetConfig, flag),
            f"--strip={result.strip} shows that unit from 0 to 5; leave "
            f"--{flag} out",
        )
    return make_target({result.strip: action_units.MAX_INTENSITY})


def _units(text: str):
    return action_units.to_vector(action_units.parse(text)) if text else None


def _load(path: str) -> Editor:
    if needs_tensorflow(path):
        quiet_tensorflow()
    return efgan_tf.load(path)


def _list_faces(photo: PhotoConfig) -> int | None:
    """Prints the faces of a photo, or name → faces of several."""
    if not names_several(photo.image):
        document = documents.read_document(photo.image, photo.max_pixels)
        found = find_faces(Detector(), [document.pixels])[0]
        print(json.dumps(faces_to_json(found), indent=2))
        return None
    jobs, status = list_jobs(photo.image), None
    listed: dict[str, Any] = {}
    detector = Detector()
    for job in jobs:
        try:
            document = documents.read_document(job.path, photo.max_pixels)
            found = find_faces(detector, [document.pixels])[0]
            listed[job.name] = faces_to_json(found)
        except UserError as error:
            listed[job.name] = {"error": str(error)}
            status = USER_ERROR_STATUS
    for job, reason in list_others(photo.image).items():
        listed[job.name] = {"error": reason}
    print(json.dumps(listed, indent=2))
    return status


def _edit_one(
    load: Load, photo: PhotoConfig, request: Request, result: ResultConfig
) -> None:
    document = documents.read_document(photo.image, photo.max_pixels)
    paths = _check_outputs(photo, result)
    with output_folders(map(_folder, paths)):
        editor, name = load(), photo.image
        out, overwrite = photo.out, photo.overwrite
        if result.strip:
            unit = action_units.canonical_name(result.strip)
            aligned_photo = single.draw_strip(
                editor, request, document, name, unit, out, overwrite
            )
            faces = len(aligned_photo.faces)
            lines = [*document.notes, *photo_lines(aligned_photo)]
        else:
            edited = single.edit_photo(
                editor, request, document, name, out, result, overwrite
            )
            faces = len(edited.faces)
            lines = edit_lines(edited)
    written = paths if faces else []
    print("\n".join([*lines, *(f"wrote {path}" for path in written)]))


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
    with output_folders([_folder(photo.out)]):
        made = clip.edit_video(
            load(), request, source, photo.out, photo.overwrite
        )
    print("\n".join([*made.lines(), f"wrote {photo.out}"]))


def _refuse_extras(what: str, result: ResultConfig) -> None:
    """Sheets and the like are made of one photo."""
    for flag, value in {**result.files(), "strip": result.strip}.items():
        require(not value, f"--{flag} is made of one photo, not of {what}")


def _check_outputs(photo: PhotoConfig, result: ResultConfig) -> list[str]:
    """The files that are wanted.

    Raises:
      UserError: one exists, is wanted twice or is of no known format.
    """
    files = {"out": photo.out, **result.files()}
    wanted = {flag: path for flag, path in files.items() if path}
    require(
        bool(wanted) and (bool(photo.out) or not result.strip),
        "give --out=FILE, the picture to write",
    )
    if photo.out:
        documents.check_suffix(photo.out)
    if result.sheet:
        documents.check_suffix(result.sheet)
    if result.animate:
        animations.check_animation(result.animate, result.fps)
    for path in wanted.values():
        same = [f for f, p in wanted.items() if _same(path, p)]
        require(
            len(same) == 1,
            f"--{' and --'.join(same)} name the same file, {path}",
        )
        outputs.check_free_file(path, photo.overwrite)
    return list(wanted.values())


def _folder(path: str) -> str:
    return os.path.dirname(path) or os.curdir


def _same(one: str, other: str) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


if __name__ == "__main__":
    sys.exit(run(main, *CONFIGS))
