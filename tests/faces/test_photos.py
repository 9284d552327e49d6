"""Photos of every kind come out upright, as 8-bit RGB, or are refused."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from efgan_tf.common.images import eight_bits
from efgan_tf.faces import documents, photos
from efgan_tf.faces.photos import PhotoError, read_photo

RED, WHITE = (255, 0, 0), (255, 255, 255)


def picture(mode="RGB", size=(6, 4), color=0):
    return Image.new(mode, size, color)


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
def test_photos_are_turned_as_pillow_turns_them(tmp_path, suffix):
    path = tmp_path / f"photo.{suffix}"
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    exif = Image.Exif()
    for orientation in range(1, 9):
        exif[0x0112] = orientation
        Image.fromarray(pixels).save(path, exif=exif)
        with Image.open(path) as image:
            expected = np.asarray(ImageOps.exif_transpose(image))
        found = read_photo(path)
        assert found.dtype == np.uint8 and found.flags.writeable
        np.testing.assert_array_equal(found, expected)
        found = read_photo(io.BytesIO(path.read_bytes()))
        np.testing.assert_array_equal(found, expected)


def test_transparent_parts_lie_over_white(tmp_path):
    for mode, color, expected in (
        ("RGBA", (255, 0, 0, 255), RED),
        ("RGBA", (255, 0, 0, 0), WHITE),
        ("RGBA", (0, 0, 0, 128), (127, 127, 127)),
        ("LA", (0, 0), WHITE),
        ("1", 1, WHITE),
    ):
        picture(mode, color=color).save(tmp_path / "photo.png")
        assert (read_photo(tmp_path / "photo.png") == expected).all()


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bit_grays_are_scaled(tmp_path, suffix):
    ramp = np.array([[0, 257, 100 * 257, 65535]], np.uint16)
    Image.fromarray(ramp).save(tmp_path / f"photo.{suffix}")
    found = read_photo(tmp_path / f"photo.{suffix}")
    np.testing.assert_array_equal(found[0, :, 0], [0, 1, 100, 255])


def test_unreadable_files_are_refused_with_the_reason(tmp_path):
    (tmp_path / "text.jpg").write_text("not a picture at all")
    (tmp_path / "empty.jpg").touch()
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    for suffix in ("jpg", "png", "gif", "webp", "bmp", "tif"):
        whole = io.BytesIO()
        Image.fromarray(noise).save(
            whole, {"jpg": "JPEG", "tif": "TIFF"}.get(suffix, suffix)
        )
        cut = whole.getvalue()[: len(whole.getvalue()) // 2]
        (tmp_path / f"cut.{suffix}").write_bytes(cut)
    reasons = {
        "text.jpg": "known format",
        "empty.jpg": "empty file",
        "none.jpg": "no such file",
        "text.jpg/in.jpg": "no such file",
        ".": "folder",
        "cut.jpg": "cut off or damaged",
        "cut.png": "cut off or damaged",
        "cut.gif": "cut off or damaged",
        "cut.bmp": "cut off or damaged",
        "cut.webp": "cut off or damaged|known format",
        "cut.tif": "cut off or damaged|known format",
    }
    for name, reason in reasons.items():
        with pytest.raises(PhotoError, match=reason) as error:
            read_photo(tmp_path / name)
        assert str(error.value) == f"{tmp_path / name}: {error.value.reason}"


@pytest.mark.parametrize(
    "kind, reason",
    [
        (TypeError, "damaged"),
        (RuntimeError, "damaged \\(RuntimeError\\)"),
        (MemoryError, "more memory"),
    ],
)
def test_any_error_of_pillow_is_a_reason(kind, reason, tmp_path, monkeypatch):
    def fail(*arguments):
        raise kind()

    picture().save(tmp_path / "photo.png")
    monkeypatch.setattr(Image.Image, "convert", fail)
    with pytest.raises(PhotoError, match=f"photo.png: .*{reason}"):
        read_photo(tmp_path / "photo.png")


@pytest.mark.parametrize("side", [10_001, 20_000])
def test_huge_photos_are_refused_before_they_are_decoded(tmp_path, side):
    Image.new("1", (side, 10_000)).save(tmp_path / "huge.png")
    with pytest.raises(PhotoError, match="over 100 megapixels"):
        read_photo(tmp_path / "huge.png")


def test_floats_beyond_their_range_are_clipped_or_refused(tmp_path):
    pixels = np.array([[[-1e-7, 0.5, 1 + 1e-6]]])
    assert eight_bits(pixels).tolist() == [[[0, 128, 255]]]
    for low, high, found in (
        (-0.5, 0.5, "these are from -0.5 to 0.5"),
        (0, 65535, "these are from 0 to 65535"),
        (np.nan, 1, "1 of these are NaN"),
    ):
        with pytest.raises(ValueError, match=found):
            eight_bits(np.array([[[low, 0.25, high]]]))
    picture("F").save(tmp_path / "photo.tif")
    with pytest.raises(PhotoError, match="floating-point"):
        read_photo(tmp_path / "photo.tif")


@pytest.mark.parametrize(
    "suffix", ["avif", "jfif", "jpe", "jp2", "heic", "hif"]
)
def test_formats_of_phones_and_browsers_are_read(tmp_path, suffix):
    exif = Image.Exif()
    exif[0x0112] = 6
    image = picture(size=(64, 48), color=(200, 100, 50))
    if suffix in ("heic", "hif"):
        heif = pytest.importorskip("pillow_heif", reason="needs pillow-heif")
        heif.from_pillow(image).save(
            tmp_path / f"p.{suffix}", exif=exif.tobytes()
        )
    else:
        kind = {"avif": "AVIF", "jp2": "JPEG2000"}.get(suffix, "JPEG")
        options = {} if suffix == "jp2" else {"exif": exif}
        image.save(tmp_path / f"p.{suffix}", kind, **options)
    assert f".{suffix}" in photos.SUFFIXES
    found = read_photo(tmp_path / f"p.{suffix}")
    assert found.shape == ((48, 64, 3) if suffix == "jp2" else (64, 48, 3))
    assert np.abs(found.astype(int) - (200, 100, 50)).max() <= 6


def test_heic_without_its_package_is_one_line(tmp_path, monkeypatch):
    heif = pytest.importorskip("pillow_heif", reason="needs pillow-heif")
    heif.from_pillow(picture(size=(64, 48))).save(tmp_path / "p.heic")
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    monkeypatch.setattr(Image, "OPEN", dict(Image.OPEN))
    monkeypatch.setattr(Image, "ID", [i for i in Image.ID if i != "HEIF"])
    with pytest.raises(PhotoError, match=r'pip install "efgan_tf\[heic\]"'):
        read_photo(tmp_path / "p.heic")


@pytest.mark.parametrize("suffix", ["gif", "avif"])
def test_further_pictures_are_noted(tmp_path, suffix):
    first, *others = [picture(size=(32, 32), color=c) for c in (RED, 90, WHITE)]
    path = tmp_path / f"photo.{suffix}"
    first.save(path, save_all=True, append_images=others)
    document = documents.read_document(path)
    (note,) = document.notes
    assert "of 3 frames" in note
    assert np.abs(document.pixels.astype(int) - RED).max() <= 6
    first.save(path)
    assert not documents.read_document(path).notes
