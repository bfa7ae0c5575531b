"""A typeface whose letters are all empty, for text that is found and copied but never seen.

As tesseract and OCRmyPDF do it: one TrueType file of a few hundred bytes with an empty glyph, a Type0 font that maps
every code to it, and a table (ToUnicode) that says which letter a code means. Codes are UTF-16; a letter beyond its
first 65,536 gets one of the codes that UTF-16 keeps for pairs, so that every letter is one code.
"""

from __future__ import annotations

import struct
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name

NAME = "GlyphLess"
ADVANCE = 0.5  # of every letter, times the size of the print
ASCENT, DESCENT = 0.72, -0.21
UNITS = 1000
FIRST_SPARE, LAST_SPARE = 0xD800, 0xDFFF


class Letters:
    """Gives each letter its code and remembers those beyond UTF-16's first plane (2,048 at most, then U+FFFD)."""

    def __init__(self) -> None:
        self._spare: dict[str, int] = {}

    def codes(self, text: str) -> str:
        """The codes as hexadecimal digits, four a letter."""
        return "".join(f"{self._code(letter):04X}" for letter in text)

    def _code(self, letter: str) -> int:
        value = ord(letter)
        if FIRST_SPARE <= value <= LAST_SPARE:
            return 0xFFFD
        if value < 0x10000:
            return value
        if letter not in self._spare and FIRST_SPARE + len(self._spare) <= LAST_SPARE:
            self._spare[letter] = FIRST_SPARE + len(self._spare)
        return self._spare.get(letter, 0xFFFD)

    def to_unicode(self) -> bytes:
        """The table, in blocks of at most 100 lines whose ranges stay within one first byte, as the format wants."""
        ranges = [f"<{high:02X}00> <{high:02X}FF> <{high:02X}00>" for high in range(256) if not 0xD8 <= high <= 0xDF]
        singles = [f"<{code:04X}> <{letter.encode('utf-16-be').hex()}>" for letter, code in self._spare.items()]
        blocks = [*_blocks("bfrange", ranges), *_blocks("bfchar", singles)]
        return (
            "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n"
            "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
            "/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n"
            "1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n"
            + "".join(blocks)
            + "endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n"
        ).encode("ascii")


def _blocks(kind: str, lines: list[str]) -> list[str]:
    parts = [lines[start : start + 100] for start in range(0, len(lines), 100)]
    return [f"{len(part)} begin{kind}\n" + "\n".join(part) + f"\nend{kind}\n" for part in parts]


def add_to(pdf: pikepdf.Pdf) -> Any:
    """The font as an object of `pdf`, without its table of letters, which `finish` adds when all are known."""
    descriptor = Dictionary(
        Type=Name.FontDescriptor,
        FontName=Name("/" + NAME),
        Flags=5,  # fixed pitch, letters of its own
        FontBBox=[0, int(DESCENT * UNITS), int(ADVANCE * UNITS), int(ASCENT * UNITS)],
        ItalicAngle=0,
        Ascent=int(ASCENT * UNITS),
        Descent=int(DESCENT * UNITS),
        CapHeight=int(ASCENT * UNITS),
        StemV=80,
        FontFile2=pdf.make_stream(truetype()),
    )
    descendant = Dictionary(
        Type=Name.Font,
        Subtype=Name.CIDFontType2,
        BaseFont=Name("/" + NAME),
        CIDSystemInfo=Dictionary(Registry=b"Adobe", Ordering=b"Identity", Supplement=0),
        FontDescriptor=pdf.make_indirect(descriptor),
        DW=int(ADVANCE * UNITS),
        CIDToGIDMap=pdf.make_stream(b"\x00\x01" * 65_536),
    )
    return pdf.make_indirect(
        Dictionary(
            Type=Name.Font,
            Subtype=Name.Type0,
            BaseFont=Name("/" + NAME),
            Encoding=Name("/Identity-H"),
            DescendantFonts=Array([pdf.make_indirect(descendant)]),
        )
    )


def finish(pdf: pikepdf.Pdf, font: Any, letters: Letters) -> None:
    """Adds the table of letters."""
    font.ToUnicode = pdf.make_stream(letters.to_unicode())


def truetype() -> bytes:
    """The smallest file that is a font inside a PDF (ISO 32000-1, 9.9): two glyphs, both empty."""
    tables = {
        b"glyf": bytes(4),
        b"head": struct.pack(
            ">IIIIHHQQhhhhHHhhh", 0x10000, 0x10000, 0, 0x5F0F3CF5, 0, UNITS, 0, 0, 0, -210, 500, 720, 0, 8, 2, 0, 0
        ),
        b"hhea": struct.pack(">IhhhHhhhhhhhhhhhH", 0x10000, 720, -210, 0, 500, 0, 0, 500, 1, 0, 0, 0, 0, 0, 0, 0, 2),
        b"hmtx": struct.pack(">HhHh", 500, 0, 500, 0),
        b"loca": bytes(6),
        b"maxp": struct.pack(">IH13H", 0x10000, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0),
    }
    return _file(tables)


def _file(tables: dict[bytes, bytes]) -> bytes:
    count = len(tables)
    power = 1 << (count.bit_length() - 1)
    head = struct.pack(">IHHHH", 0x10000, count, power * 16, power.bit_length() - 1, (count - power) * 16)
    entries, data = b"", b""
    start = len(head) + 16 * count
    for tag, content in sorted(tables.items()):
        padded = content + bytes(-len(content) % 4)
        total = sum(struct.unpack(f">{len(padded) // 4}I", padded)) & 0xFFFFFFFF
        entries += struct.pack(">4sIII", tag, total, start + len(data), len(content))
        data += padded
    return head + entries + data
