"""What of an XMP packet may be written beside pixels that are no longer what they were."""

from __future__ import annotations

from unblur.io.xmp import TIFF, Name, Node, parse, serialised

_NOTE = "http://ns.adobe.com/xmp/note/"
_THUMBNAIL_PIXELS = "http://ns.adobe.com/xap/1.0/g/img/"
_GOOGLE = "http://ns.google.com/photos/"
_CLIP = ("MicroVideo", "MotionPhoto")
_LOST = (
    "http://ns.adobe.com/hdr-gain-map/",
    "http://ns.apple.com/HDRGainMap/",
    "http://ns.apple.com/pixeldatainfo/",
    "http://ns.apple.com/depth",
    f"{_GOOGLE}1.0/container/",
    f"{_GOOGLE}1.0/image/",
    f"{_GOOGLE}1.0/depthmap/",
    f"{_GOOGLE}1.0/audio/",
    f"{_GOOGLE}dd/",
    "http://ns.xdm.org/photos/",
    "http://ns.oplus.com/photos/",
    "http://ns.xiaomi.com/photos/",
)
"""Beginnings of the namespaces that tell of further pictures, clips and sounds in a file; what is
written holds one picture."""

_PICTURE_STARTS = ("/9j/", "iVBORw0KGgo", "data:image/")
"""How JPEG and PNG files begin in base 64, and addresses that hold a picture themselves."""


def cleaned(data: bytes | None) -> bytes | None:
    """Return a packet as it may be written beside upright pixels that are no longer what they were.

    Orientation is 1; thumbnails and other pictures, the mention of more XMP elsewhere (which is not
    read), and claims of gain maps, clips and further pictures in the file are left out.

    Returns:
        Well-formed XML in UTF-8; None if there is none, or it is not well-formed or too large.
    """
    packet = parse(data)
    if packet is None or _shows_picture(packet.root):
        return None
    _clean(packet.root)
    return serialised(packet)


def is_claim(name: Name) -> bool:
    """Return whether a property claims that its file holds more than a picture.

    Reference:
        Adobe, gain map specification; Google, Ultra HDR and Motion Photo formats.
    """
    space, local = name
    return space.startswith(_LOST) or local.startswith(_CLIP)


def _clean(node: Node) -> None:
    """Take out of a tree what :func:`cleaned` leaves out."""
    for name in list(node.attributes):
        if name == (TIFF, "Orientation"):
            node.attributes[name] = "1"
        elif _left_out(name) or _is_picture(node.attributes[name]):
            del node.attributes[name]
    kept: list[Node | str] = []
    for child in node.children:
        if isinstance(child, Node):
            if _shows_picture(child):
                continue
            _clean(child)
            if child.name == (TIFF, "Orientation"):
                child.attributes, child.children = {}, ["1"]
        kept.append(child)
    node.children = kept


def _shows_picture(node: Node) -> bool:
    return _left_out(node.name) or _is_picture(node.text())


def _left_out(name: Name) -> bool:
    space, local = name
    if name == (_NOTE, "HasExtendedXMP") or space == _THUMBNAIL_PIXELS or is_claim(name):
        return True
    return "thumbnail" in local.lower() or (space.startswith(_GOOGLE) and local == "Data")


def _is_picture(value: str) -> bool:
    return value.lstrip()[:16].startswith(_PICTURE_STARTS)
