"""How near mouths that tools/photo_pairs closes are to true closed ones.

    python -m benchmarks.photo_closing --photos=DIR --aus=london.csv

For each person on a neutral and a smiling photo the smile is closed as all the
others close theirs, and compared with the neutral photo, laid upon the smiling
one by one similarity: absolute differences within the cheeks and the chin, of
pictures blurred by one pixel, less the mean difference of each channel.
"""

import sys

import cv2
import numpy as np
from absl import flags

from benchmarks import harness
from benchmarks.labeled_photos import LabeledPhotosConfig
from efgan_tf import commands, config
from efgan_tf.common.errors import UserError
from tools.photo_pairs import mesh, vary
from tools.photo_pairs.closing import Closing
from tools.photo_pairs.face import Face
from tools.photo_pairs.weights import Weights


def main(values: flags.FlagValues) -> None:
    """Runs the command."""
    settings = config.from_flags(values, LabeledPhotosConfig)
    commands.import_tensorflow()
    from tools.photo_pairs import photographs

    report = harness.Report(settings.out)
    found = photographs.read(settings.photos, settings.aus, settings.held_out)
    shape = mesh.mean_shape(found.points)
    place = Weights(shape).mouth_shows > 0.05
    pairs = [
        (found.face(neutral), found.face(smiling))
        for neutral, smiling in found.smiles()
    ]
    if len(pairs) <= vary.LEAST_SMILES:
        raise UserError(
            f"{settings.aus}: {len(pairs)} people with a neutral and a smiling "
            f"photo, at least {vary.LEAST_SMILES + 1} are needed"
        )
    rows = []
    for number, (neutral, smiling) in enumerate(pairs):
        others = pairs[:number] + pairs[number + 1 :]
        closing = Closing(shape, *map(list, zip(*others, strict=True)))
        rows.append(
            [
                _apart(face, neutral, smiling.points, place)
                for face in (smiling, closing(smiling))
            ]
        )
    smiles, closed = np.mean(rows, axis=0)
    nearer = np.mean([after < before for before, after in rows])
    report.add(
        "Distance to the neutral photo, of 255",
        [
            {
                "people": len(rows),
                "the smile": smiles,
                "the closed mouth": closed,
                "share of people with it nearer": nearer,
            }
        ],
    )
    report.write()


def _apart(
    face: Face, neutral: Face, points: np.ndarray, place: np.ndarray
) -> float:
    """Mean absolute difference within the hull of some of `points`."""
    height, width = face.picture.shape[:2]
    true = cv2.warpAffine(
        neutral.picture, mesh.fit(neutral.points, points), (width, height),
        flags=cv2.INTER_CUBIC,
    )  # fmt: skip
    mask = np.zeros((height, width), np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.int32(points[place])), 1)
    difference = np.subtract(
        *(
            cv2.GaussianBlur(np.float32(each), (0, 0), 1)[mask > 0]
            for each in (face.picture, true)
        )
    )
    return float(np.abs(difference - difference.mean(axis=0)).mean())


if __name__ == "__main__":
    sys.exit(commands.run(main, LabeledPhotosConfig))
