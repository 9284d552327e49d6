"""XMP packets of edited photos, without what is no longer true."""

import base64
from xml.dom import minidom
from xml.parsers.expat import ExpatError

_TIFF = "http://ns.adobe.com/tiff/1.0/"

# Copies of the picture from before, and pointers to other parts of the file.
_OUTDATED = {
    "http://ns.adobe.com/xap/1.0/g/img/",  # thumbnails
    "http://ns.adobe.com/xmp/note/",  # there is a second packet
    "http://ns.adobe.com/hdr-gain-map/1.0/",
    "http://ns.apple.com/HDRGainMap/1.0/",
    "http://ns.apple.com/pixeldatainfo/1.0/",
    "http://ns.google.com/photos/1.0/camera/",  # a film after the picture
    "http://ns.google.com/photos/1.0/container/",
    "http://ns.google.com/photos/1.0/container/item/",
    "http://ns.google.com/photos/1.0/depthmap/",
    "http://ns.google.com/photos/1.0/image/",
}
_THUMBNAILS = ("http://ns.adobe.com/xap/1.0/", "Thumbnails")

# In the coordinates of the picture before it was turned upright.
_REGIONS = "http://www.metadataworkinggroup.com/schemas/regions/"

# How pictures begin in base64: JPEG, PNG.
_PICTURES = tuple(
    base64.b64encode(start).decode()[:4]
    for start in (b"\xff\xd8\xff", b"\x89PNG")
)


def cleaned(packet: bytes, turned: bool = False) -> bytes | None:
    """A packet without old previews, whose orientation is "upright".

    Args:
      packet: as it is in the file.
      turned: whether the pixels were turned or mirrored since.

    Returns:
      The same bytes if nothing had to go; None if it is no XML, so that nobody
      knows what is in it.
    """
    try:
        document = minidom.parseString(packet.strip(b"\0 \t\r\n"))
    except (ExpatError, ValueError, LookupError):
        return None
    outdated = _OUTDATED | {_REGIONS} if turned else _OUTDATED
    changed = False
    for element in document.getElementsByTagName("*"):
        for attribute in list(element.attributes.values()):
            if _is_outdated(attribute, attribute.value, outdated):
                element.removeAttributeNode(attribute)
                changed = True
            elif _is_orientation(attribute) and attribute.value != "1":
                attribute.value, changed = "1", True
        leaf = _only_text(element)
        text = leaf.data if leaf else ""
        if element.parentNode and _is_outdated(element, text, outdated):
            element.parentNode.removeChild(element)
            changed = True
        elif leaf and _is_orientation(element) and text != "1":
            leaf.data, changed = "1", True
    if not changed:
        return packet
    return "".join(node.toxml() for node in document.childNodes).encode()


def _only_text(element: minidom.Element) -> minidom.Text | None:
    """The text of an element that holds nothing else."""
    nodes = element.childNodes
    if len(nodes) == 1 and type(nodes[0]) is minidom.Text:
        return nodes[0]
    return None


def _is_outdated(node: minidom.Node, text: str, outdated: set[str]) -> bool:
    return (
        node.namespaceURI in outdated
        or (node.namespaceURI, node.localName) == _THUMBNAILS
        or text.lstrip().startswith(_PICTURES)
    )


def _is_orientation(node: minidom.Node) -> bool:
    return (node.namespaceURI, node.localName) == (_TIFF, "Orientation")
