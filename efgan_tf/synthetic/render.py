"""Renders a person with any expression in any view.

    renderer = Renderer(sample_identity(seed=0, subject=3))
    view = sample_view(seed=0, subject=3, view=0)
    image = renderer.render(action_units, view, size=256)

What depends on the person alone is baked once, in `Renderer(...)`: the neutral
mesh with hair, clothes and glasses, and the skin texture.
"""

import functools

import cv2
import numpy as np

from efgan_tf.synthetic import creases, shade, unit_offsets
from efgan_tf.synthetic import head as head_lib
from efgan_tf.synthetic.background import paint_background
from efgan_tf.synthetic.camera import (
    Pose,
    develop,
    gaze,
    light_view,
    lights,
    occlusion,
)
from efgan_tf.synthetic.identity import Identity, View
from efgan_tf.synthetic.person import bake
from efgan_tf.synthetic.raster import (
    new_buffer,
    rasterize,
    rasterize_cutout,
    vertex_normals,
)
from efgan_tf.synthetic.texture import texel_positions, to_linear

_SUPERSAMPLE = 2
_SHADOW_SIDE, _SHADOW_REACH = 224, 2.9


class Renderer:
    """Draws one person.

    Args:
      identity: the person.
    """

    def __init__(self, identity: Identity):
        self.identity = identity
        self._person = bake(identity)
        self.vertices = self._person.vertices
        self._background: tuple = (None, None)

    def deform(self, action_units: np.ndarray) -> np.ndarray:
        """The bare head with an expression, float32 [V, 3], decimeters.

        Args:
          action_units: [17] or, for the person's left and right side,
              [2, 17]; 0–5.
        """
        left, right = _both_sides(action_units)
        return self.vertices + unit_offsets.offsets(left, right)

    def landmarks(
        self, action_units: np.ndarray, view: View, size: int
    ) -> np.ndarray:
        """True landmarks in pixels, float32 [5, 2] (x, y).

        Order as MTCNN's: the eye, nose tip and mouth corner seen on the
        image's left come first: left eye, right eye, nose, left mouth corner,
        right mouth corner. Pixel centers are at whole numbers and a half.

        Args:
          action_units: [17] or [2, 17], 0–5.
          view: pose, camera, light and background.
          size: side of the image in pixels.
        """
        head = head_lib.load_head()
        points = self.deform(action_units)
        pose = Pose.of(self.vertices, view)
        eyes = head.eye_centers(points)
        eyes[:, 2] += 0.22 * pose.unit  # the iris lies in front of the center
        nose, left, right = _landmark_vertices()
        places = np.stack(
            [eyes[1], eyes[0], points[nose], points[right], points[left]]
        )
        # The rasterizer has pixel centers at whole numbers.
        return pose.project(pose.turn(places), size)[:, :2] + 0.5

    def render(
        self, action_units: np.ndarray, view: View, size: int, index: int = 0
    ) -> np.ndarray:
        """An image, uint8 [size, size, 3], RGB.

        Args:
          action_units: [17] or, for the person's left and right side,
              [2, 17]; 0–5.
          view: pose, camera, light and background.
          size: side in pixels.
          index: number of the image in its view; it changes nothing but the
              sensor noise.
        """
        light = self.render_linear(action_units, view, size)
        return develop(light, view, size, index)

    def render_linear(
        self, action_units: np.ndarray, view: View, size: int
    ) -> np.ndarray:
        """The image before the camera: linear light, float32 [s, s, 3]."""
        side = size * _SUPERSAMPLE
        left, right = _both_sides(action_units)
        bare = self.vertices + unit_offsets.offsets(left, right)
        pose = Pose.of(self.vertices, view)
        points = np.concatenate(
            [bare + self._person.dressing, self._person.attached]
        )
        turned = pose.turn(points)
        pixels = pose.project(turned, side)
        buffer = new_buffer(side, side)
        rasterize(pixels, self._person.body, 0, False, *buffer)
        self._attach(pixels, buffer)
        out = self._shade(bare, turned, pixels, buffer, view, (left, right))
        self._draw_lashes(pixels, buffer, out, view.eye_share * side)
        out = cv2.resize(out, (size, size), interpolation=cv2.INTER_AREA)
        behind = self._paint_behind(view, size)
        return out[..., :3] + behind * (1 - out[..., 3:])

    def _attach(
        self, pixels: np.ndarray, buffer: tuple, sparse: bool = False
    ) -> None:
        """Draws hair and glasses over the body; `sparse` draws one shell."""
        person = self._person
        first, count = len(person.body), len(person.hair)
        shells = max(1, person.looks.style.shells)
        drawn = slice(0, count // shells if sparse else count)
        rasterize_cutout(
            pixels,
            person.hair[drawn],
            person.corners[first : first + count][drawn],
            person.levels[drawn],
            person.strands,
            first,
            *buffer,
        )
        rasterize(pixels, person.rims, first + count, True, *buffer)

    def _shadow(
        self, turned: np.ndarray, buffer: tuple, view: View, scale: float
    ) -> np.ndarray:
        """Share of the key light that reaches each pixel, soft-edged."""
        seen = light_view(turned, view.light, _SHADOW_SIDE, _SHADOW_REACH)
        lit = new_buffer(_SHADOW_SIDE, _SHADOW_SIDE)
        rasterize(seen, self._person.body, 0, True, *lit)
        self._attach(seen, lit, sparse=True)  # a shadow shows no strands
        shadow = shade.shadow_mask(
            buffer[1],
            buffer[2],
            self._person.faces,
            seen,
            lit[0],
            _SHADOW_SIDE,
            0.05 * _SHADOW_SIDE / 2 / _SHADOW_REACH,
        )
        return 0.15 + 0.85 * cv2.GaussianBlur(shadow, (0, 0), 0.035 * scale)

    def _shade(
        self,
        bare: np.ndarray,
        turned: np.ndarray,
        pixels: np.ndarray,
        buffer: tuple,
        view: View,
        sides: tuple[np.ndarray, np.ndarray],
    ) -> np.ndarray:
        """Linear RGB and coverage of every pixel, float32 [n, n, 4]."""
        person, looks = self._person, self._person.looks
        depth, face, weights = buffer
        scale = view.eye_share * len(depth)  # pixels per eye distance
        lit = (
            lights(view),
            occlusion(depth, face, scale),
            self._shadow(turned, buffer, view, scale),
        )
        normals = vertex_normals(turned, person.faces)
        surface = (face, weights, person.faces, person.material)
        mouth = (depth, pixels[_upper_teeth(), 2].max(), 0.4 * scale)
        out = np.zeros((*depth.shape, 4), np.float32)
        shade.shade_skin(
            *surface,
            person.corners,
            normals,
            person.lips,
            person.inside,
            person.cloth,
            self._wrinkled(sides),
            to_linear(looks.lips),
            to_linear(looks.cloth),
            looks.cloth_stripes,
            *lit,
            *mouth,
            out,
        )
        shade.shade_eyes(
            *surface,
            person.eye_side,
            normals,
            self._eye_directions(bare),
            gaze(view),
            to_linear(looks.iris),
            *lit,
            out,
        )
        for kind, gloss in ((shade.MOUTH, 0.25), (shade.RIM, 0.5)):
            shade.shade_plain(
                *surface, kind, person.colors, gloss, normals, *lit, *mouth, out
            )
        shade.shade_hair(
            *surface,
            person.corners,
            normals,
            person.strands,
            to_linear(looks.hair),
            *lit,
            out,
        )
        return out

    def _wrinkled(self, sides: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        """The skin texture with the creases of an expression."""
        left, right = (creases.crease_strengths(units) for units in sides)
        if not (left.any() or right.any()):
            return self._person.skin
        maps, area = creases.crease_maps()
        wrinkled = self._person.skin.copy()
        used = (left > 0) | (right > 0)
        shade.deepen(
            self._person.skin,
            (area[0].start, area[1].start),
            maps[used],
            left[used],
            right[used],
            _left_share(),
            wrinkled,
        )
        return wrinkled

    def _eye_directions(self, bare: np.ndarray) -> np.ndarray:
        """Unit vectors from the eyeballs' centers, float32 [P, 3]."""
        head = head_lib.load_head()
        local = np.zeros(
            (len(bare) + len(self._person.attached), 3), np.float32
        )
        for vertices in (head.left_eye, head.right_eye):
            d = bare[vertices] - bare[vertices].mean(0)
            local[vertices] = d / np.linalg.norm(d, axis=1, keepdims=True)
        return local

    def _draw_lashes(
        self, pixels: np.ndarray, buffer: tuple, out: np.ndarray, scale: float
    ) -> None:
        """Lashes as a thin dark veil over what lies behind them."""
        depth, face, weights = new_buffer(*buffer[0].shape)
        depth[:] = buffer[0] - 0.02 * scale
        rasterize(pixels, self._person.lashes, 0, True, depth, face, weights)
        veil = (face >= 0) & (out[..., 3] > 0)
        out[veil, :3] *= 0.42

    def _paint_behind(self, view: View, size: int) -> np.ndarray:
        key = (view.background, view.background_seed, size)
        if self._background[0] != key:
            self._background = (key, paint_background(*key))
        return self._background[1]


def _both_sides(action_units: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    units = np.asarray(action_units, np.float32)
    return (units, units) if units.ndim == 1 else (units[0], units[1])


@functools.cache
def _landmark_vertices() -> tuple[int, int, int]:
    """Nose tip and the person's left and right mouth corner."""
    head = head_lib.load_head()
    skin_vertices = np.unique(head.triangles[head.part == head_lib.SKIN])
    face = skin_vertices[head.rest[skin_vertices, 1] > -2]
    nose = face[np.argmax(head.rest[face, 2])]
    lips = np.flatnonzero((head.lips > 0.5) & (head.inside < 0.5))
    x = head.rest[lips, 0]
    return int(nose), int(lips[np.argmax(x)]), int(lips[np.argmin(x)])


@functools.cache
def _upper_teeth() -> np.ndarray:
    head = head_lib.load_head()
    return np.unique(head.triangles[head.part == head_lib.UPPER_TEETH])


@functools.cache
def _left_share() -> np.ndarray:
    """1 on the person's left, over the creases' part of the texture."""
    _, area = creases.crease_maps()
    x = texel_positions()[area][..., 0]
    return np.clip(0.5 + x / 0.2, 0, 1).astype(np.float32)
