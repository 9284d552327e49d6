"""Metadata travel with an edit where they can, and never stop the picture."""

import base64
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFile, PngImagePlugin, TiffImagePlugin

from efgan_tf.faces import photos, xmp
from efgan_tf.faces.documents import read_document, write_document

MAKE, MAKER_NOTE = 0x010F, 0x927C
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"


def picture(side=48):
    rng = np.random.default_rng(side)
    return Image.fromarray(rng.integers(0, 256, (side, side, 3), np.uint8))


def preview():
    file = io.BytesIO()
    picture(16).save(file, "JPEG")
    return file.getvalue()


def packet(content, **namespaces):
    names = "".join(f' xmlns:{k}="{v}"' for k, v in namespaces.items())
    return (
        '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        f'<rdf:RDF xmlns:rdf="{RDF}"{names}><rdf:Description rdf:about="">'
        f"{content}</rdf:Description></rdf:RDF></x:xmpmeta>"
        '<?xpacket end="w"?>'
    ).encode()


def rewritten(tmp_path, suffix, image=None, out=None, **options):
    """The file of an edit, and the notes on the way."""
    source = tmp_path / f"in.{suffix}"
    (image or picture()).save(source, **options)
    return rewrite(source, tmp_path / f"out.{out or suffix}")


def rewrite(source, target):
    document = read_document(source)
    left_out = write_document(target, document, document.pixels)
    return target, [*document.notes, *left_out]


def png_chunks(path):
    chunks = photos.png_chunks(path.read_bytes())
    return {kind: bytes(chunk[8:-4]) for kind, chunk in chunks}


def with_chunks(path, *chunks):
    """Puts chunks behind a PNG's header."""
    data = path.read_bytes()
    made = io.BytesIO()
    for kind, content in chunks:
        PngImagePlugin.putchunk(made, kind, content)
    path.write_bytes(data[:33] + made.getvalue() + data[33:])


@pytest.mark.parametrize("what", ["EXIF", "comment", "EXIF in WebP's file"])
def test_what_is_too_large_for_jpeg_is_left_out_and_noted(tmp_path, what):
    block = Image.Exif()
    block[MAKE], block[0x9286] = "Maker", b"x" * 70_000
    if what == "EXIF":
        path, notes = rewritten(tmp_path, "tif", out="jpg", exif=block)
    elif what == "comment":
        path, notes = rewritten(tmp_path, "jpg", out="png", comment=b"hello")
    else:
        path, notes = rewritten(
            tmp_path, "webp", out="jpg", exif=block.tobytes(), lossless=True
        )
    name = "comment" if what == "comment" else "EXIF"
    assert len(notes) == 1 and "cannot hold" in notes[0] and name in notes[0]
    assert photos.read_photo(path).shape == (48, 48, 3)


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
@pytest.mark.parametrize("rational", [(0, 0), (1, 0), (2**31, 1)])
def test_an_impossible_resolution_does_no_harm(tmp_path, suffix, rational):
    folder = TiffImagePlugin.ImageFileDirectory_v2()
    # Pillow would refuse the fraction; so a good one is replaced.
    folder[0x011A] = folder[0x011B] = TiffImagePlugin.IFDRational(1234, 567)
    path = tmp_path / "in.tif"
    picture().save(path, tiffinfo=folder)
    good, bad = (struct.pack("<II", *v) for v in ((1234, 567), rational))
    data = path.read_bytes()
    assert data.count(good) == 2
    path.write_bytes(data.replace(good, bad))
    out, _ = rewrite(path, tmp_path / f"out.{suffix}")
    assert photos.read_photo(out).shape == (48, 48, 3)


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt"])
def test_large_texts_may_stand_behind_the_pixels(tmp_path, kind):
    text = b"x" * (3 << 20)
    head = b"workflow\0" + (b"\0" if kind == b"zTXt" else b"\1\0\0\0")
    made = io.BytesIO()
    PngImagePlugin.putchunk(made, kind, head + zlib.compress(text))
    path = tmp_path / "in.png"
    picture().save(path)
    data = path.read_bytes()
    path.write_bytes(data[:-12] + made.getvalue() + data[-12:])
    before = PngImagePlugin.MAX_TEXT_CHUNK
    out, notes = rewrite(path, tmp_path / "out.png")
    assert not notes and PngImagePlugin.MAX_TEXT_CHUNK == before
    assert read_document(out).metadata.texts == {"workflow": text.decode()}


@pytest.mark.parametrize("damage", ["checksum", "too long when unpacked"])
def test_damage_outside_of_the_pixels_does_no_harm(tmp_path, damage):
    path = tmp_path / "in.png"
    info = PngImagePlugin.PngInfo()
    length = 10 if damage == "checksum" else 70 << 20
    info.add_text("Title", "x" * length, zip=True)
    picture().save(path, pnginfo=info)
    with_chunks(path, (b"gAMA", struct.pack(">I", 100_000)))
    if damage == "checksum":
        data = bytearray(path.read_bytes())
        data[data.index(b"zTXt") + 12] ^= 1
        path.write_bytes(data)
    out, notes = rewrite(path, tmp_path / "out.png")
    assert notes == ["all but the pixels was left out: the file is damaged"]
    np.testing.assert_array_equal(photos.read_photo(out), np.asarray(picture()))
    assert png_chunks(out)[b"gAMA"] == struct.pack(">I", 100_000)


@pytest.mark.parametrize("subsampling", [0, 2])
def test_a_progressive_jpeg_of_noise_is_written(
    tmp_path, subsampling, monkeypatch
):
    image = picture(700)
    with monkeypatch.context() as patch:
        patch.setattr(ImageFile, "MAXBLOCK", 1 << 24)
        image.save(
            tmp_path / "in.jpg", quality=100, progressive=True,
            subsampling=subsampling,
        )  # fmt: skip
    path, notes = rewrite(tmp_path / "in.jpg", tmp_path / "out.jpg")
    assert not notes and ImageFile.MAXBLOCK < 1 << 24
    with Image.open(path) as found:
        assert found.info["progressive"]


@pytest.mark.parametrize(
    "content",
    [
        '<g:Data xmlns:g="http://ns.google.com/photos/1.0/image/">{}</g:Data>',
        '<o:any xmlns:o="http://example.com/o/"><rdf:Bag><rdf:li>\n {}</rdf:li>'
        "</rdf:Bag></o:any>",
    ],
)
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_old_pictures_in_xmp_go_and_the_rest_stays(tmp_path, suffix, content):
    old = base64.b64encode(preview()).decode()
    text = packet(
        content.format(old) + "<dc:source>kept</dc:source>",
        dc="http://purl.org/dc/elements/1.1/",
    )
    picture().save(tmp_path / "in.jpg", xmp=text)
    path, _ = rewrite(tmp_path / "in.jpg", tmp_path / f"out.{suffix}")
    found = read_document(path).metadata.xmp
    assert b">kept<" in found and found.startswith(b"<?xpacket begin")
    assert old.encode() not in path.read_bytes()


def test_damaged_xmp_is_left_out_and_noted(tmp_path):
    path, notes = rewritten(tmp_path, "jpg", xmp=b"<x>" + preview())
    assert notes == ["XMP was left out: it is damaged"]
    assert read_document(path).metadata.xmp is None


def test_regions_go_when_the_picture_is_turned():
    regions = "http://www.metadataworkinggroup.com/schemas/regions/"
    text = packet(
        '<mwg-rs:Regions rdf:parseType="Resource"/>'
        "<tiff:Orientation>6</tiff:Orientation>",
        tiff="http://ns.adobe.com/tiff/1.0/",
        **{"mwg-rs": regions},
    )
    assert xmp.cleaned(text.replace(b">6<", b">1<")).count(b"Regions") == 1
    turned = xmp.cleaned(text, turned=True)
    assert b"Regions" not in turned
    assert b"<tiff:Orientation>1</tiff:Orientation>" in turned


@pytest.mark.parametrize(
    ("kind", "value"), [(2, b"6\0\0\0"), (7, b"\6\0\0\0"), (3, b"\x09\0\0\0")]
)
def test_an_invalid_orientation_turns_nothing(tmp_path, kind, value):
    make = struct.pack("<HHI", MAKE, 2, 4) + b"abc\0"
    wrong = struct.pack("<HHI", 0x0112, kind, 2 if kind != 3 else 1) + value
    block = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + make + wrong
    image = picture().crop((0, 0, 48, 32))
    path, _ = rewritten(tmp_path, "jpg", image, exif=block + bytes(4))
    with Image.open(path) as found:
        assert found.size == (48, 32)
        exif = found.getexif()
        assert (exif[MAKE], exif[0x0112]) == ("abc", 1)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_damaged_exif_is_left_out_and_noted(tmp_path, suffix):
    picture().save(tmp_path / f"in.{suffix}", exif=b"Exif\0\0no header")
    out, notes = rewrite(tmp_path / f"in.{suffix}", tmp_path / "out.jpg")
    assert notes == ["EXIF was left out: it is empty or damaged"]
    assert photos.read_photo(out).shape == (48, 48, 3)
    assert photos.read_photo(tmp_path / f"in.{suffix}").shape == (48, 48, 3)


@pytest.mark.parametrize("place", ["maker's note", "user's comment"])
def test_old_previews_in_exif_go(tmp_path, place):
    block = Image.Exif()
    block[MAKE] = "Maker"
    tag = MAKER_NOTE if place == "maker's note" else 0x9286
    block.get_ifd(0x8769)[tag] = b"Preview\0" + preview()
    block.get_ifd(0x8769)[0x829A] = 0.125
    path, notes = rewritten(tmp_path, "jpg", exif=block)
    assert notes == ["old previews in EXIF were left out (1)"]
    with Image.open(path) as found:
        assert found.getexif()[MAKE] == "Maker"
        assert list(found.getexif().get_ifd(0x8769)) == [0x829A]
    assert preview() not in path.read_bytes()


def test_lost_iptc_is_noted(tmp_path):
    picture().save(tmp_path / "in.jpg")
    data = (tmp_path / "in.jpg").read_bytes()
    iptc = b"\x1c\x02\x78\x00\x04text"
    block = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(iptc)) + iptc + b"\0"
    block = b"Photoshop 3.0\0" + block
    segment = b"\xff\xed" + struct.pack(">H", len(block) + 2) + block
    (tmp_path / "in.jpg").write_bytes(data[:2] + segment + data[2:])
    _, notes = rewrite(tmp_path / "in.jpg", tmp_path / "out.jpg")
    assert notes == ["IPTC's captions were left out"]


WIDE_GAMUT = struct.pack(
    ">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000
)
SRGB = struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)


@pytest.mark.parametrize(
    "chunks",
    [
        [(b"gAMA", struct.pack(">I", 55556)), (b"cHRM", WIDE_GAMUT)],
        [(b"cICP", bytes([12, 13, 0, 1]))],  # Display P3
        [(b"cICP", bytes([9, 16, 0, 1]))],  # HDR
    ],
)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_color_space_of_a_png_is_kept_or_its_loss_noted(
    tmp_path, chunks, dtype
):
    import cv2

    path = tmp_path / "in.png"
    cv2.imwrite(str(path), np.asarray(picture()).astype(dtype))
    with_chunks(path, *chunks)
    out, notes = rewrite(path, tmp_path / "out.png")
    assert not notes
    found = png_chunks(out)
    assert {kind: found[kind] for kind, _ in chunks} == dict(chunks)
    for suffix in ("jpg", "tif", "webp", "bmp"):
        _, notes = rewrite(path, tmp_path / f"out.{suffix}")
        assert any("colors may look different" in note for note in notes)


@pytest.mark.parametrize(
    "chunks",
    [
        [(b"sRGB", b"\0")],
        [(b"gAMA", struct.pack(">I", 45455)), (b"cHRM", SRGB)],
        [(b"cICP", bytes([1, 13, 0, 1]))],
    ],
)
def test_srgb_needs_no_note(tmp_path, chunks):
    picture().save(tmp_path / "in.png")
    with_chunks(tmp_path / "in.png", *chunks)
    out, notes = rewrite(tmp_path / "in.png", tmp_path / "out.png")
    assert not notes and png_chunks(out)[chunks[0][0]] == chunks[0][1]
    assert not rewrite(tmp_path / "in.png", tmp_path / "out.jpg")[1]


def test_sizes_in_exif_are_those_of_the_turned_picture(tmp_path):
    block = Image.Exif()
    block[0x0112] = 6
    block.get_ifd(0x8769).update({0xA002: 60, 0xA003: 40})
    image = picture(60).crop((0, 0, 60, 40))
    path, _ = rewritten(tmp_path, "jpg", image, exif=block)
    with Image.open(path) as found:
        details = found.getexif().get_ifd(0x8769)
        assert (details[0xA002], details[0xA003]) == found.size == (40, 60)
