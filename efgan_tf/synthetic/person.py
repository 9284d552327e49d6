"""A person, baked: everything that no expression and no view changes."""

import dataclasses

import numpy as np

from efgan_tf.synthetic import clothes, shade, texture
from efgan_tf.synthetic import hair as hair_lib
from efgan_tf.synthetic import head as head_lib
from efgan_tf.synthetic.identity import Identity
from efgan_tf.synthetic.looks import Looks
from efgan_tf.synthetic.raster import vertex_normals
from efgan_tf.synthetic.skin import bake_skin

# Material of the head's parts, SKIN ... TONGUE.
_MATERIALS = np.array(
    [shade.SKIN, shade.EYE, shade.EYE, shade.MOUTH, shade.MOUTH, shade.MOUTH],
    np.uint8,
)
_TEETH, _TONGUE = (1.0, 0.92, 0.76), (0.45, 0.13, 0.13)  # linear


@dataclasses.dataclass(frozen=True, eq=False)
class Person:
    """Meshes and paint of one person (V vertices of the head, P of all).

    Attributes:
      looks: of the identity.
      vertices: float32 [V, 3], the bare neutral head.
      dressing: float32 [V, 3], how far clothes lie off the skin.
      attached: float32 [P - V, 3], hair and glasses.
      body, lashes, hair, rims: int32 [·, 3], triangles of P vertices.
      faces: int32 [F, 3], body, hair and rims in this order.
      material: uint8 [F], as in `shade`.
      corners: float32 [F, 3, 2], texture corners of body and hair.
      levels: float32 [hair], see `raster.rasterize_cutout`.
      colors: float32 [F, 3], linear, of what has no texture.
      eye_side: uint8 [F], 1 in the right eye.
      lips, inside, cloth: float32 [P], see `shade.shade_skin`.
      skin: linear RGB float32 [h, w, 3], without expression.
      strands: float32 [h, w, 2], see `hair.strand_texture`.
    """

    looks: Looks
    vertices: np.ndarray
    dressing: np.ndarray
    attached: np.ndarray
    body: np.ndarray
    lashes: np.ndarray
    hair: np.ndarray
    rims: np.ndarray
    faces: np.ndarray
    material: np.ndarray
    corners: np.ndarray
    levels: np.ndarray
    colors: np.ndarray
    eye_side: np.ndarray
    lips: np.ndarray
    inside: np.ndarray
    cloth: np.ndarray
    skin: np.ndarray
    strands: np.ndarray


def bake(identity: Identity) -> Person:
    """Makes a person's meshes and paint; a few tenths of a second."""
    head, looks = head_lib.load_head(), identity.looks
    vertices = (head.vertices + identity.shape).astype(np.float32)
    solid = head.part != head_lib.LASH
    body = np.ascontiguousarray(head.triangles[solid])
    cloth = clothes.cloth_distance(looks.collar)
    normals = vertex_normals(vertices, body)
    dressed = clothes.dress(vertices, normals, cloth)
    locks, hair, hair_corners, levels = hair_lib.build_hair(
        dressed, looks.style, looks.texture_seed
    )
    frames, rims = clothes.build_glasses(vertices, looks.glasses)
    hair = (hair + len(vertices)).astype(np.int32)
    rims = (rims + len(vertices) + len(locks)).astype(np.int32)
    part = head.part[solid]
    rest = len(hair) + len(rims)
    others = len(locks) + len(frames)
    colors = np.zeros((len(part) + rest, 3), np.float32)
    teeth = (part == head_lib.UPPER_TEETH) | (part == head_lib.LOWER_TEETH)
    colors[: len(part)][teeth] = _TEETH
    colors[: len(part)][part == head_lib.TONGUE] = _TONGUE
    colors[len(part) + len(hair) :] = texture.to_linear(looks.glasses_color)
    rim_corners = np.zeros((len(rims), 3, 2), np.float32)
    skin_corners = texture.corner_coordinates()[solid]
    right = (part == head_lib.RIGHT_EYE).astype(np.uint8)
    return Person(
        looks=looks,
        vertices=vertices,
        dressing=dressed - vertices,
        attached=np.concatenate([locks, frames]),
        body=body,
        lashes=np.ascontiguousarray(head.triangles[~solid]),
        hair=hair,
        rims=rims,
        faces=np.concatenate([body, hair, rims]),
        material=np.concatenate(
            [
                _MATERIALS[part],
                np.full(len(hair), shade.HAIR, np.uint8),
                np.full(len(rims), shade.RIM, np.uint8),
            ]
        ),
        corners=np.concatenate([skin_corners, hair_corners, rim_corners]),
        levels=levels,
        colors=colors,
        eye_side=np.pad(right, (0, rest)),
        lips=np.pad(head.lips * np.float32(looks.lip_weight), (0, others)),
        inside=np.pad(head.inside, (0, others)),
        cloth=np.pad(cloth, (0, others), constant_values=-1),
        skin=bake_skin(looks),
        strands=hair_lib.strand_texture(looks.style, looks.texture_seed),
    )
