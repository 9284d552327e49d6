"""Hair styles: where hair grows and how far it stands off."""

import dataclasses

import numpy as np

from efgan_tf.synthetic.head import EAR_HEIGHT


@dataclasses.dataclass(frozen=True)
class HairStyle:
    """Where hair grows and how far it stands off.

    Attributes:
      name: for the eye of the reader.
      front: height of the hairline above the eyes, in eye distances.
      temple: how far the temples recede, in radians.
      side: azimuth of the edge beside the face below the temples.
      bottom: height at which hair ends at the back.
      volume: distance of the outermost shell from the skull.
      puff: extra distance at the top.
      curl: 0 straight strands ... 1 isotropic curls.
      sweep: how much strands turn sidewards.
      shells: number of shells; 0 paints the skin alone.
    """

    name: str
    front: float = 1.0
    temple: float = 0.0
    side: float = 1.35
    bottom: float = -0.8
    volume: float = 0.12
    puff: float = 0.0
    curl: float = 0.0
    sweep: float = 0.0
    shells: int = 3


STYLES = {
    style.name: style
    for style in (
        HairStyle("buzz", volume=0.03, shells=0),
        HairStyle("short", volume=0.13, puff=0.04),
        HairStyle("brushed", volume=0.14, puff=0.16, sweep=0.5),
        HairStyle("fringe", front=0.5, volume=0.15, side=1.3),
        HairStyle("receding", front=1.25, temple=0.35, volume=0.08),
        HairStyle("bald", front=9.0, side=1.75, volume=0.04, shells=1),
        HairStyle("bob", volume=0.24, side=1.2, bottom=-1.7, sweep=0.2),
        HairStyle(
            "long_fringe", front=0.5, volume=0.22, side=1.15, bottom=-3.2
        ),
        HairStyle("long", volume=0.24, side=1.2, bottom=-3.3, sweep=0.4),
        HairStyle("tied", volume=0.09, side=1.4, bottom=-0.7, sweep=0.1),
        HairStyle("curly", volume=0.36, puff=0.1, curl=1.0, shells=4),
        HairStyle(
            "wavy", volume=0.3, side=1.2, bottom=-2.2, curl=0.45, shells=4
        ),
    )
}


def inside_hair(
    style: HairStyle, azimuth: np.ndarray, height: np.ndarray
) -> np.ndarray:
    """Signed distance into the hair, about in eye distances; > 0 is hair.

    Args:
      style: the style.
      azimuth: angle from straight ahead, radians, any shape.
      height: above the eyes, in eye distances, same shape.
    """
    azimuth = np.abs(azimuth)
    # The edge runs from the middle of the forehead down to the ear.
    knots = [EAR_HEIGHT - 0.1, 0.0, 0.55, 0.85, 1.0, 1.5]
    rise = max(style.front, 0.4) - 1.0
    edge = np.interp(
        height - rise * np.exp(-((azimuth / 1.1) ** 2)),
        knots,
        [style.side, style.side, 1.02, 0.72, 0.0, -1.5],
    )
    edge = edge - style.temple * np.exp(-(((azimuth - 0.65) / 0.35) ** 2)) * (
        height < 1.4
    )
    if style.front > 5:  # bald: a wreath from ear to ear
        edge = np.where(height > 0.45, 9.0, style.side)
    inward = 1.25 * (azimuth - edge)
    # Short hair ends above the ear at the side and in the neck behind.
    behind = np.clip((azimuth - 1.45) / 0.5, 0, 1)
    low: np.ndarray | float = style.bottom
    if style.bottom > -1:
        low = (1 - behind) * -0.2 + behind * style.bottom
    return np.minimum(inward, (height - low) * 0.9)
