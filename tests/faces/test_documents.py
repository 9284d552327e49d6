"""What a photo file holds survives an edit of its pixels."""

import io
import struct

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms, PngImagePlugin

from efgan_tf.common.errors import UserError
from efgan_tf.faces import documents, writers
from efgan_tf.faces.documents import (
    from_image,
    read_document,
    write_document,
)
from efgan_tf.faces.photos import PhotoError, read_photo

ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'
TURNED = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/" '
    b'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="%d"/>'
)
SHAPE = (40, 60)
TOUCHED = np.s_[10:20, 30:45]
MAKE, EXPOSURE, LATITUDE = 0x010F, 0x829A, 2


def noise(channels=3, dtype=np.uint8, shape=SHAPE):
    rng = np.random.default_rng(channels)
    shape = (*shape, channels) if channels > 1 else shape
    return rng.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def smooth(shape=SHAPE):
    """What a JPEG can hold well."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    return np.uint8(np.stack([4 * x, 6 * y, 2 * x + 2 * y], -1) % 256)


def edit(document, by=9):
    pixels = document.pixels.copy()
    pixels[TOUCHED] ^= by
    return pixels


def exif(orientation=1):
    block = Image.Exif()
    block[MAKE], block[0x0112] = "Maker", orientation
    block.get_ifd(0x8769)[EXPOSURE] = 0.125
    block.get_ifd(0x8825)[LATITUDE] = (46.0, 57.0, 5.0)
    return block


UNTOUCHED = np.ones(SHAPE, bool)
UNTOUCHED[TOUCHED] = False


def assert_has_metadata(image):
    """The profile and the values of `exif`."""
    assert image.info["icc_profile"] == ICC
    block = image.getexif()
    assert block[MAKE] == "Maker"
    assert float(block.get_ifd(0x8769)[EXPOSURE]) == 0.125
    assert block.get_ifd(0x8825)[LATITUDE] == (46.0, 57.0, 5.0)


def rewrite(tmp_path, image, suffix, out=None, **options):
    """Saves, reads, edits and writes; document, edit and the file written."""
    path = tmp_path / f"in.{suffix}"
    image.save(path, **options)
    document = read_document(path)
    np.testing.assert_array_equal(document.pixels, read_photo(path))
    edited = edit(document)
    result = tmp_path / f"out.{out or suffix}"
    write_document(result, document, edited)
    return document, edited, result


def test_a_bmp_holds_the_edit_exactly(tmp_path):
    _, edited, path = rewrite(tmp_path, Image.fromarray(noise()), "bmp")
    np.testing.assert_array_equal(read_photo(path), edited)


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
def test_metadata_travels_into_every_format(tmp_path, suffix):
    image = Image.fromarray(smooth())
    _, _, path = rewrite(
        tmp_path, image, "jpg", suffix,
        icc_profile=ICC, exif=exif(), xmp=XMP, dpi=(300, 300),
    )  # fmt: skip
    with Image.open(path) as found:
        found.load()
        assert_has_metadata(found)
        xmp = found.info["xmp"]
        assert (xmp if isinstance(xmp, bytes) else xmp.encode()) == XMP
        if suffix != "webp":  # which has no field for it
            assert found.info["dpi"] == pytest.approx((300, 300), abs=0.01)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
def test_turned_photos_are_written_upright(tmp_path, suffix, orientation):
    xmp = TURNED % orientation
    options = {"exif": exif(orientation), "quality": 95, "xmp": xmp}
    image = Image.fromarray(smooth())
    document, edited, path = rewrite(tmp_path, image, suffix, **options)
    assert document.pixels.shape == (
        (60, 40, 3) if orientation > 4 else (40, 60, 3)
    )
    error = np.abs(read_photo(path) - edited.astype(float)).mean()
    assert error < (1.5 if suffix == "jpg" else 1e-9)  # measured: 0.9
    with Image.open(path) as found:
        assert found.size == document.pixels.shape[1::-1]
        assert found.getexif()[0x0112] == 1
        if suffix == "jpg":
            assert found.info["xmp"] == TURNED % 1


def test_a_broken_value_of_exif_is_left_out(tmp_path):
    block = exif(6)
    block[0x011A] = 72.0
    data = block.tobytes().replace(b"\x01\x1a\x00\x05", b"\x01\x1a\x00\x02")
    Image.fromarray(smooth()).save(tmp_path / "in.jpg", exif=data)
    document = read_document(tmp_path / "in.jpg")
    assert document.notes == ("broken values of EXIF were left out (1)",)
    assert document.pixels.shape == (60, 40, 3)
    write_document(tmp_path / "out.jpg", document, document.pixels)
    with Image.open(tmp_path / "out.jpg") as found:
        assert found.getexif()[MAKE] == "Maker"
        assert 0x011A not in found.getexif()


def test_thumbnails_of_the_old_face_are_left_out(tmp_path):
    thumbnail = io.BytesIO()
    Image.fromarray(smooth((8, 8))).save(thumbnail, "JPEG")
    path = tmp_path / "in.jpg"
    block = with_thumbnail(thumbnail.getvalue())
    Image.fromarray(smooth()).save(path, exif=block)
    with Image.open(path) as found:
        assert found.getexif().get_ifd(ExifTags.IFD.IFD1)
    document = read_document(path)
    write_document(tmp_path / "out.jpg", document, edit(document))
    with Image.open(tmp_path / "out.jpg") as found:
        assert not found.getexif().get_ifd(ExifTags.IFD.IFD1)
        assert found.getexif()[MAKE] == "abc"
    assert thumbnail.getvalue() not in (tmp_path / "out.jpg").read_bytes()


def with_thumbnail(thumbnail):
    """An EXIF block of a maker and a second folder that holds a JPEG."""
    first = struct.pack(">HHHI4sI", 1, MAKE, 2, 4, b"abc", 8 + 18)
    jpeg = struct.pack(">HHII", 0x0201, 4, 1, 8 + 18 + 30)
    size = struct.pack(">HHII", 0x0202, 4, 1, len(thumbnail))
    second = struct.pack(">H", 2) + jpeg + size + struct.pack(">I", 0)
    start = b"Exif\0\0MM\0*" + struct.pack(">I", 8)
    return start + first + second + thumbnail


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bit_colors_stay_exact_where_they_were_not_edited(
    tmp_path, suffix, channels
):
    pixels = noise(channels, np.uint16)
    swapped = pixels[..., [2, 1, 0, 3][:channels]]
    cv2.imwrite(str(tmp_path / f"in.{suffix}"), swapped)
    document = read_document(tmp_path / f"in.{suffix}")
    assert document.color.dtype == np.uint16
    for out in ("png", "tif"):
        path = tmp_path / f"out.{out}"
        write_document(path, document, edit(document))
        found = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        found = found[..., [2, 1, 0, 3][:channels]]
        assert found.dtype == np.uint16
        np.testing.assert_array_equal(found[UNTOUCHED], pixels[UNTOUCHED])
        # The edit itself is what it was in 8 bits.
        change = edit(document).astype(float) - document.pixels
        expected = np.clip(pixels[..., :3] + 257 * change, 0, 65535)
        np.testing.assert_allclose(found[..., :3], expected, atol=0.51)
        np.testing.assert_array_equal(found[..., 3:], pixels[..., 3:])


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bit_colors_keep_their_metadata(tmp_path, suffix):
    encode = {"png": writers.encode_png, "tif": writers.encode_tiff}
    pixels = noise(3, np.uint16)
    for orientation in (1, 6, 7):
        data = encode[suffix](
            pixels, exif=exif(orientation).tobytes(), icc_profile=ICC
        )
        (tmp_path / f"in.{suffix}").write_bytes(data)
        document = read_document(tmp_path / f"in.{suffix}")
        upright = {
            1: pixels,
            6: np.rot90(pixels, -1),
            7: np.rot90(pixels, 2).swapaxes(0, 1),
        }[orientation]
        np.testing.assert_array_equal(document.color, upright)
        # Pillow takes the upper byte.
        np.testing.assert_allclose(document.pixels, upright / 257, atol=1.01)
        out = tmp_path / f"out.{suffix}"
        write_document(out, document, document.pixels)
        np.testing.assert_array_equal(read_document(out).color, upright)
        with Image.open(out) as found:
            assert_has_metadata(found)


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_gray_photos_stay_gray(tmp_path, suffix, dtype):
    gray = noise(1, dtype)
    document, _, path = rewrite(tmp_path, Image.fromarray(gray), suffix)
    with Image.open(path) as found:
        pixels = np.asarray(found)
    assert pixels.dtype == dtype and pixels.shape == SHAPE
    np.testing.assert_array_equal(pixels[UNTOUCHED], gray[UNTOUCHED])
    assert (pixels[~UNTOUCHED] != gray[~UNTOUCHED]).all()
    write_document(tmp_path / "out.jpg", document, edit(document))
    with Image.open(tmp_path / "out.jpg") as found:
        assert found.mode == "L"


def test_a_colored_edit_of_a_gray_photo_becomes_its_luma(tmp_path):
    document = from_image(Image.new("L", SHAPE[::-1], 100))
    edited = document.pixels.copy()
    edited[TOUCHED] = (150, 100, 50)
    write_document(tmp_path / "out.png", document, edited)
    # 100 + 0.299 · 50 − 0.114 · 50 = 109.25
    with Image.open(tmp_path / "out.png") as found:
        assert found.mode == "L"
        assert set(np.unique(np.asarray(found))) == {100, 109}


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_alpha_stays_and_so_do_the_colors_below_it(tmp_path, suffix, mode):
    pixels = noise(len(mode))
    pixels[:5, :, -1], pixels[5:20, :, -1] = 0, 255
    image = Image.fromarray(pixels)
    _, edited, path = rewrite(tmp_path, image, "png", suffix)
    with Image.open(path) as found:
        assert found.mode == (mode if suffix != "webp" else "RGBA")
        found = np.asarray(found.convert("RGBA"))
    before = np.asarray(image.convert("RGBA"))
    np.testing.assert_array_equal(found[UNTOUCHED], before[UNTOUCHED])
    np.testing.assert_array_equal(found[..., 3], before[..., 3])
    if mode == "RGBA":
        np.testing.assert_array_equal(found[TOUCHED][..., :3], edited[TOUCHED])


def test_formats_without_alpha_get_a_white_ground(tmp_path):
    clear = Image.new("RGBA", SHAPE[::-1], (200, 0, 0, 0))
    for suffix in ("jpg", "bmp"):
        document = from_image(clear)
        write_document(tmp_path / f"o.{suffix}", document, document.pixels)
        assert (read_photo(tmp_path / f"o.{suffix}") == 255).all()


def test_palettes_become_colors(tmp_path):
    image = Image.fromarray(noise()).convert(
        "P", palette=Image.Palette.ADAPTIVE
    )
    for options in ({}, {"transparency": 3}):
        _, edited, path = rewrite(tmp_path, image, "png", **options)
        found = read_photo(path).astype(int)
        np.testing.assert_array_equal(found[UNTOUCHED], edited[UNTOUCHED])


def test_cmyk_becomes_rgb_without_its_profile(tmp_path):
    image = Image.fromarray(smooth()).convert("CMYK")
    document, edited, path = rewrite(
        tmp_path, image, "jpg", quality=95, icc_profile=ICC
    )
    assert document.metadata.icc_profile is None
    with Image.open(path) as found:
        assert found.mode == "RGB" and "icc_profile" not in found.info
        assert np.abs(np.asarray(found) - edited.astype(float)).mean() < 3


def test_a_jpeg_is_compressed_as_it_was(tmp_path):
    image = Image.fromarray(smooth((48, 64)))
    for options in (
        {"quality": 60, "subsampling": 2},
        {"quality": 92, "subsampling": 0, "progressive": True},
    ):
        path = tmp_path / "in.jpg"
        image.save(path, comment=b"hello", **options)
        document = read_document(path)
        write_document(tmp_path / "out.jpg", document, document.pixels)
        with Image.open(path) as old, Image.open(tmp_path / "out.jpg") as new:
            assert new.quantization == old.quantization
            assert new.layer == old.layer  # its subsampling
            assert new.info["comment"] == b"hello"
            assert new.info.get("progressive") == old.info.get("progressive")
            error = np.asarray(new) - np.asarray(old).astype(float)
        assert np.abs(error).mean() < 0.7  # measured: 0.5


def test_others_become_jpegs_of_high_quality(tmp_path):
    _, edited, path = rewrite(tmp_path, Image.fromarray(smooth()), "png", "jpg")
    with Image.open(path) as found:
        assert [layer[1:3] for layer in found.layer] == [(1, 1)] * 3
        assert np.abs(np.asarray(found) - edited.astype(float)).mean() < 1.5


def test_the_texts_of_a_png_stay(tmp_path):
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Title", "a face")
    texts.add_itxt("Author", "é → ü")
    image = Image.fromarray(noise())
    _, _, path = rewrite(tmp_path, image, "png", pnginfo=texts)
    with Image.open(path) as found:
        assert found.text == {"Title": "a face", "Author": "é → ü"}


def test_what_cannot_be_written_leaves_nothing(tmp_path):
    document = from_image(Image.new("RGB", (4, 4)))
    for name in ("out.gif", "out.xyz", "out"):
        with pytest.raises(UserError, match=r"\.png.*choose") as error:
            write_document(tmp_path / name, document, document.pixels)
        assert "\n" not in str(error.value)
    wide = from_image(Image.new("RGB", (16_384, 1)))
    with pytest.raises(UserError, match="cannot write .*16383"):
        write_document(tmp_path / "o.webp", wide, wide.pixels)
    with pytest.raises(ValueError):  # another photo is no edit
        write_document(tmp_path / "o.png", document, wide.pixels)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", [TypeError, OverflowError, MemoryError])
def test_any_error_of_pillow_is_one_line(kind, tmp_path, monkeypatch):
    def fail(*arguments, **options):
        raise kind()

    document = from_image(Image.new("RGB", (4, 4)))
    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(UserError, match=f"cannot write .*png: {kind.__name__}"):
        write_document(tmp_path / "o.png", document, document.pixels)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "I;16"])
def test_a_document_is_an_image_again(mode):
    if mode == "I;16":
        pixels = noise(1, np.uint16)
    else:
        pixels = noise(len(mode))
    image = Image.fromarray(pixels)
    assert image.mode == mode
    image.info |= {"icc_profile": ICC, "exif": exif().tobytes()}
    document = from_image(image)
    again = documents.to_image(document)
    assert again.mode == mode and again.info["icc_profile"] == ICC
    assert again.getexif()[MAKE] == "Maker"
    np.testing.assert_array_equal(again, pixels)
    changed = documents.edited(document, edit(document))
    other = np.asarray(documents.to_image(changed))
    np.testing.assert_array_equal(other[UNTOUCHED], pixels[UNTOUCHED])
    assert (other[TOUCHED] != pixels[TOUCHED]).any()


def test_the_limit_can_be_raised_even_beyond_pillows(tmp_path, monkeypatch):
    path = tmp_path / "large.png"
    Image.new("1", (2000, 1000)).save(path)
    with pytest.raises(PhotoError, match="--max_megapixels"):
        read_document(path, max_pixels=1_500_000)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert read_document(path, 2_000_000).pixels.shape == (1000, 2000, 3)
    assert Image.MAX_IMAGE_PIXELS == 100
