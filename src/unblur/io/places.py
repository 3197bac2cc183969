"""What of a photo's metadata may tell where it was taken.

Nobody can list all the ways in which programs store a place. So of XMP only a list of properties
that tell none is kept, numbers only if they are numbers, texts only if they do not speak of one.
"""

from __future__ import annotations

import re

from unblur.io.xmp import META, RDF, TIFF, XML, Name, Node, Packet, parse, serialised

_XMP = "http://ns.adobe.com/xap/1.0/"
_DC = "http://purl.org/dc/elements/1.1/"
_EXIF = "http://ns.adobe.com/exif/1.0/"
_EXIF_EX = "http://cipa.jp/exif/1.0/"
_AUX = "http://ns.adobe.com/exif/1.0/aux/"
_PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"
_RIGHTS = "http://ns.adobe.com/xap/1.0/rights/"
_PREFIXES = {
    META: "x",
    RDF: "rdf",
    _XMP: "xmp",
    _DC: "dc",
    TIFF: "tiff",
    _EXIF: "exif",
    _EXIF_EX: "exifEX",
    _AUX: "aux",
    _PHOTOSHOP: "photoshop",
    _RIGHTS: "xmpRights",
}

_NUMBERS: dict[str, str] = {
    _XMP: "Rating CreateDate ModifyDate MetadataDate",
    _PHOTOSHOP: "DateCreated ColorMode",
    TIFF: "Orientation XResolution YResolution ResolutionUnit DateTime BitsPerSample",
    _EXIF: "DateTimeOriginal DateTimeDigitized ExposureTime FNumber ExposureProgram ExposureMode "
    "ISOSpeedRatings PhotographicSensitivity ShutterSpeedValue ApertureValue BrightnessValue "
    "ExposureBiasValue MaxApertureValue MeteringMode LightSource FocalLength "
    "FocalLengthIn35mmFilm ColorSpace PixelXDimension PixelYDimension WhiteBalance Contrast "
    "Saturation Sharpness DigitalZoomRatio SceneCaptureType CustomRendered SensingMethod "
    "ExifVersion",
    _EXIF_EX: "LensSpecification PhotographicSensitivity SensitivityType",
    _AUX: "LensInfo LensID",
}
_TEXTS: dict[str, str] = {
    _XMP: "Label CreatorTool",
    _DC: "title description creator rights format",
    TIFF: "Make Model Software Artist Copyright",
    _EXIF_EX: "LensMake LensModel",
    _AUX: "Lens",
    _RIGHTS: "Marked UsageTerms",
    _PHOTOSHOP: "ICCProfile",
}
_NUMBER = re.compile(r"[-+0-9.:/TZ ]{1,40}")
_LISTS = {(RDF, kind) for kind in ("Seq", "Bag", "Alt")}

# Every quantifier is bounded, so that the time is linear in the length of the text.
_MENTION = re.compile(
    r"gps|latitud|longitud|altitude|geo:|geotag|geohash|what3words|w3w\.co|///|place ?name"
    r"|\bvenue\b|coordinat|coordonn|koordinaten|breitengrad|openstreetmap|osm\.org|/maps|maps\.|°"
    r"|\b(?:lat|lon|lng|location|place|city|address|ort|standort|lieu|ville|lugar)\b ?[:=]"
    r"|地点|位置|拍摄地|坐标|经度|纬度"
    # Two numbers with decimals, after a point or a comma; degrees and minutes.
    r"|\d{1,3}[.,]\d{3,12}[ ,;/NSEW]{1,4}[-+]?\d{1,3}[.,]\d{3,12}"
    r"|\d{1,3} ?deg(?:rees)? ?\d{1,2}\b"
    # Plus codes (Open Location Code), MGRS, UTM.
    r"|\b[2-9CFGHJMPQRVWX]{4,8}\+[2-9CFGHJMPQRVWX]{2,3}\b"
    r"|\b\d{1,2}[C-X] ?[A-Z]{2} ?\d{4,5} ?\d{4,5}\b|\b\d{1,2}[C-X] \d{6} \d{7}\b",
    re.IGNORECASE,
)


def mentions_place(text: str) -> bool:
    """Return whether a text speaks of a place in one of the ways that programs do."""
    return _MENTION.search(text) is not None


def without_places(data: bytes | None) -> bytes | None:
    """Return an XMP packet rebuilt from properties that tell no place; None if none is left.

    Kept are times, exposure, camera, lens, rating, title, description, author and rights, unless
    they speak of a place; keywords, which often name one, and all that is not known are left out.
    """
    packet = parse(data)
    if packet is None:
        return None
    description = Node((RDF, "Description"), {(RDF, "about"): ""})
    for node in _descriptions(packet.root):
        for name, value in node.attributes.items():
            if _tells_none(name, value):
                description.attributes.setdefault(name, value)
        for child in node.children:
            kept = _kept(child) if isinstance(child, Node) else None
            if kept is not None:
                description.children.append(kept)
    if len(description.attributes) == 1 and not description.children:
        return None
    root = Node((META, "xmpmeta"), {}, [Node((RDF, "RDF"), {}, [description])])
    return serialised(Packet(root, dict(_PREFIXES), packet.wrapped))


def _descriptions(root: Node) -> list[Node]:
    tops = [root, *(child for child in root.children if isinstance(child, Node))]
    rdf = [node for node in tops if node.name == (RDF, "RDF")]
    nodes = [child for node in rdf for child in node.children if isinstance(child, Node)]
    return [node for node in nodes if node.name == (RDF, "Description")]


def _kept(node: Node) -> Node | None:
    """Return a property with the values that tell no place, None if there is none."""
    inner = [child for child in node.children if isinstance(child, Node)]
    if not inner:
        return Node(node.name, {}, [node.text()]) if _tells_none(node.name, node.text()) else None
    if len(inner) > 1 or inner[0].name not in _LISTS:
        return None
    items: list[Node | str] = []
    for item in inner[0].children:
        if isinstance(item, Node) and _is_plain_item(item) and _tells_none(node.name, item.text()):
            language = item.attributes.get((XML, "lang"), "")
            tagged = language.isascii() and len(language) <= 12
            items.append(Node(item.name, {(XML, "lang"): language} if tagged and language else {}))
            items[-1].children.append(item.text())  # type: ignore[union-attr]
    return Node(node.name, {}, [Node(inner[0].name, {}, items)]) if items else None


def _is_plain_item(item: Node) -> bool:
    return item.name == (RDF, "li") and all(isinstance(part, str) for part in item.children)


def _tells_none(name: Name, value: str) -> bool:
    space, local = name
    if local in _NUMBERS.get(space, "").split():
        return _NUMBER.fullmatch(value.strip()) is not None
    return local in _TEXTS.get(space, "").split() and not mentions_place(value)
