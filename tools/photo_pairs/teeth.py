"""Upper teeth below the lip of an opened mouth."""

import cv2
import numpy as np

from tools.photo_pairs import mesh
from tools.photo_pairs.face import Face
from tools.photo_pairs.shading import light_ratio, polygon

LEAST_OPENING = 0.12
"""Height of a smile's opening by width from which its teeth are clear."""

_HALF_ARCH = 0.42
"""Half the width of the row, as a share of the opening's."""
_MOST = 0.42
"""Share of the opening's height below the lip that teeth fill at most."""
_SEEN = 0.8
"""Share of the donor's opening, from above, that is teeth."""


def add_upper_teeth(face: Face, donor: Face) -> Face:
    """Paints the upper teeth of a smile into an opened mouth.

    Upper teeth do not move with the jaw, so that they keep their size,
    measured in distances of the eyes, however far the mouth opens.

    Args:
      face: whose lips are apart.
      donor: who smiles and shows the upper teeth; may be the same person.
    """
    height, width = face.picture.shape[:2]
    y, x = np.mgrid[:height, :width] + 0.5
    scale = mesh.eye_distance(donor.points) / mesh.eye_distance(face.points)
    left, right = face.points[[78, 308], 0]
    from_center = donor.points[[78, 308], 0].mean()
    from_x = from_center + (x - (left + right) / 2) * scale
    above, below = mesh.opening_edges(face.points, x)
    from_above, from_below = mesh.opening_edges(donor.points, from_x)
    down = y - above
    # The lip's own edge, a pixel of the donor, is not teeth.
    from_y = from_above + 1 + down * scale
    row = cv2.remap(
        donor.picture,
        np.float32(from_x - 0.5),
        np.float32(from_y - 0.5),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT,
    )
    across = np.clip((x - left) / (right - left), 0, 1)
    arch = np.sqrt(np.clip(1 - ((across - 0.5) / _HALF_ARCH) ** 2, 0, 1))
    shown = _SEEN * (from_below - from_above) / scale
    length = arch * np.minimum(shown, _MOST * (below - above))
    # Their edge is soft; a row of less than a pixel is left out.
    share = np.where(length > 1, np.clip((length - down) / 1.5 + 0.5, 0, 1), 0)
    opening = np.float32(polygon(face, face.points[mesh.MOUTH_OPENING])) / 255
    share = cv2.GaussianBlur(np.float32(share) * opening, (0, 0), 0.7)
    # The lip casts a shadow; teeth at the sides lie deeper.
    shade = 0.6 + 0.4 * np.clip(down / 3, 0, 1)
    shade *= 0.55 + 0.45 * np.clip(np.minimum(across, 1 - across) / 0.35, 0, 1)
    light = min(light_ratio(face, donor), 1)
    row = np.clip(row * (shade * light)[..., None], 0, 255)
    joined = face.picture + (row - face.picture) * share[..., None]
    return Face(np.uint8(joined.round()), face.points)
