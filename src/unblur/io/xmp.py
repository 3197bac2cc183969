"""XMP packets: read by an XML parser that knows no entities, rebuilt well-formed.

A packet is text of a stranger's. It is parsed once, in time linear in its length, within bounds of
size, depth and number of parts; whatever is not well-formed, or not within them, is left out. What
is written is always built anew from what was understood.

Reference:
    XMP specification part 1, ISO 16684-1:2019; Namespaces in XML 1.0, W3C 2009.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn
from xml.parsers import expat

Name = tuple[str, str]
"""(namespace, local name); the namespace is "" where there is none."""

MAX_BYTES = 4_000_000
"""Packets are some kilobytes long; those of editing programs with masks up to a megabyte."""

_MAX_PARTS = 50_000
_MAX_DEPTH = 100

_MARKUP = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}
_IN_TEXT = str.maketrans(_MARKUP)
_IN_QUOTES = str.maketrans({**_MARKUP, '"': "&quot;", "\n": "&#10;", "\t": "&#9;"})
"""Not by ``xml.sax.saxutils``, which loads the standard library's HTTP client with it."""

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XML = "http://www.w3.org/XML/1998/namespace"
META = "adobe:ns:meta/"
TIFF = "http://ns.adobe.com/tiff/1.0/"
_UNDECLARED = "urn:undeclared:"

_PACKET_START = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
_PACKET_END = '\n<?xpacket end="w"?>'


@dataclass
class Node:
    """An element.

    Attributes:
        name: (namespace, local name).
        attributes: by name.
        children: elements and text.
    """

    name: Name
    attributes: dict[Name, str] = field(default_factory=dict)
    children: list[Node | str] = field(default_factory=list)

    def text(self) -> str:
        """Return its own text, without that of the elements in it."""
        return "".join(child for child in self.children if isinstance(child, str))


@dataclass
class Packet:
    """A parsed packet.

    Attributes:
        root: its only element.
        prefixes: what the packet abbreviates each namespace with.
        wrapped: whether it stands between ``xpacket`` marks.
    """

    root: Node
    prefixes: dict[str, str] = field(default_factory=dict)
    wrapped: bool = False


class _Refused(Exception):
    """The packet holds what no XMP holds, or too much."""


def parse(data: bytes | None) -> Packet | None:
    """Return a packet's content, None if it is not well-formed, has a DTD, or is too large."""
    text = _decoded(data) if data and len(data) <= MAX_BYTES else None
    if text is None:
        return None
    reader = _Reader()
    try:
        reader.parser.Parse(text.encode("utf-8"), True)
    except (expat.ExpatError, _Refused, UnicodeEncodeError):
        return None
    assert reader.root is not None  # else it would not be well-formed
    return Packet(reader.root, reader.prefixes, reader.wrapped)


def serialised(packet: Packet) -> bytes:
    """Return a packet as UTF-8, all its namespaces declared at its root."""
    spaces = _Prefixes(packet.prefixes)
    parts: list[str] = []
    _write(packet.root, spaces, parts)
    parts.insert(1, spaces.declarations())  # behind the root's name; only now are all known
    text = "".join(parts)
    return (_PACKET_START + text + _PACKET_END if packet.wrapped else text).encode("utf-8")


class _Reader:
    """Builds a tree from what expat finds."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self.prefixes: dict[str, str] = {}
        self.wrapped = False
        self._open: list[Node] = []
        self._spaces: dict[str, list[str]] = {"": [""], "xml": [XML]}
        self._declared: list[list[str]] = []
        self._parts = 0
        # Told explicitly, the encoding that the text claims for itself does not count.
        self.parser = expat.ParserCreate("utf-8")
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.EntityDeclHandler = self._refuse
        self.parser.StartElementHandler = self._begin
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.ProcessingInstructionHandler = self._instruction

    def _refuse(self, *_: object) -> NoReturn:
        raise _Refused

    def _count(self, parts: int) -> None:
        self._parts += parts
        if self._parts > _MAX_PARTS:
            raise _Refused

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        self._count(1 + len(attributes))
        if len(self._open) >= _MAX_DEPTH:
            raise _Refused
        declared = [key for key in attributes if key == "xmlns" or key.startswith("xmlns:")]
        for key in declared:
            self._declare(key[6:], attributes.pop(key))
        self._declared.append([key[6:] for key in declared])
        named = {self._name(key, ""): value for key, value in attributes.items()}
        node = Node(self._name(name, self._spaces.get("", [""])[-1]), named)
        if self._open:
            self._open[-1].children.append(node)
        else:
            self.root = node
        self._open.append(node)

    def _declare(self, prefix: str, space: str) -> None:
        # One dictionary for all, for a copy at every element would take time squared.
        self._spaces.setdefault(prefix, [""]).append(space)
        if prefix and space:
            self.prefixes.setdefault(space, prefix)

    def _name(self, name: str, default: str) -> Name:
        prefix, colon, local = name.partition(":")
        if not colon:
            return default, name
        if not prefix or not local or ":" in local or prefix == "xmlns":
            raise _Refused
        space = self._spaces.get(prefix, [""])[-1]
        if not space:  # not declared, which some programs forget
            space = _UNDECLARED + prefix
            self.prefixes.setdefault(space, prefix)
        return space, local

    def _end(self, _: str) -> None:
        self._open.pop()
        for prefix in self._declared.pop():
            self._spaces[prefix].pop()

    def _text(self, text: str) -> None:
        self._open[-1].children.append(text)

    def _instruction(self, target: str, _: str) -> None:
        self.wrapped = self.wrapped or target == "xpacket"


class _Prefixes:
    """Names as they are written, and the namespaces that this takes."""

    def __init__(self, wanted: dict[str, str]) -> None:
        self._wanted = wanted
        self._of: dict[str, str] = {XML: "xml"}
        self._taken = {"xml", "xmlns"}

    def name(self, name: Name) -> str:
        space, local = name
        if not space:
            return local
        prefix = self._of.get(space)
        if prefix is None:
            prefix = self._wanted.get(space, "")
            if not prefix or prefix in self._taken:
                prefix = f"ns{len(self._taken)}"
                while prefix in self._taken:
                    prefix += "x"
            self._of[space] = prefix
            self._taken.add(prefix)
        return f"{prefix}:{local}"

    def declarations(self) -> str:
        used = ((space, prefix) for space, prefix in self._of.items() if space != XML)
        return "".join(f" xmlns:{prefix}={_quoted(space)}" for space, prefix in used)


def _write(node: Node, spaces: _Prefixes, parts: list[str]) -> None:
    name = spaces.name(node.name)
    parts.append(f"<{name}")
    parts += [f" {spaces.name(key)}={_quoted(value)}" for key, value in node.attributes.items()]
    if not node.children:
        parts.append("/>")
        return
    parts.append(">")
    for child in node.children:
        if isinstance(child, str):
            parts.append(child.translate(_IN_TEXT))
        else:
            _write(child, spaces, parts)
    parts.append(f"</{name}>")


def _quoted(value: str) -> str:
    return f'"{value.translate(_IN_QUOTES)}"'


def _decoded(data: bytes) -> str | None:
    """Return a packet as text: UTF-8, or UTF-16 where its first character tells."""
    wide = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"<\0": "utf-16-le", b"\0<": "utf-16-be"}
    try:
        text = data.decode(wide.get(data[:2], "utf-8-sig"))
    except UnicodeDecodeError:
        return None
    return text.strip("\0 \t\r\n\ufeff")


def properties(packet: Packet) -> Iterator[tuple[Name, str]]:
    """Yield name and value of every element and attribute."""
    ahead: list[Node] = [packet.root]
    while ahead:
        node = ahead.pop()
        yield node.name, node.text().strip()
        yield from node.attributes.items()
        ahead += [child for child in node.children if isinstance(child, Node)]
