"""Shows what a model looks at and what it does to a face.

    python -m efgan_tf.visualize --image=photo.jpg --out=explained
    python -m efgan_tf.visualize --model=runs/mine --image=photo.jpg \\
        --units=AU12,AU04 --methods=smoothgrad,attention --out=explained

Writes pictures, report.html (one page that holds them all and loads nothing)
and maps.npz (the numbers). SmoothGrad, Grad-CAM, Grad-CAM++, LayerCAM and
ScoreCAM say which pixels each action unit is read from, by the estimator and,
of a run's folder, by the critics; activation maximization what they would like
to see. Of an edit it shows the attention of every branch and stage, what each
stage changes, and the response to each slider. docs/explain.md is the guide.
"""

import sys
from pathlib import Path

from absl import flags

from efgan_tf import commands
from efgan_tf import config as config_lib
from efgan_tf.common import outputs
from efgan_tf.common.options import require
from efgan_tf.editing.editing_settings import PhotoConfig
from efgan_tf.editing.inputs import is_video, names_several, output_folders
from efgan_tf.explaining.visualize_settings import VisualizeConfig
from efgan_tf.faces import documents


def main(values: flags.FlagValues) -> None:
    """Runs the command; everything that can be is checked before the model."""
    config = config_lib.from_flags(values, VisualizeConfig)
    require(
        not names_several(config.image) and not is_video(config.image),
        f"--image={config.image}: one photo is explained at a time",
    )
    outputs.check_free(config.out, config.overwrite)
    limit = PhotoConfig(max_megapixels=config.max_megapixels).max_pixels
    document = documents.read_document(config.image, limit)
    commands.import_tensorflow()
    from efgan_tf.explaining.explain import REPORT, explain

    with output_folders([Path(config.out).resolve().parent]):
        names = explain(config, document.pixels)
    print(f"wrote {len(names)} files; open {Path(config.out) / REPORT}")


if __name__ == "__main__":
    sys.exit(commands.run(main, VisualizeConfig))
