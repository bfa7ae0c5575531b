"""The typeface without shapes, and its table of letters."""

from __future__ import annotations

import struct

from jobs.gateways import glyphless


def test_every_letter_is_one_code_and_those_beyond_the_first_plane_get_one_of_their_own():
    letters = glyphless.Letters()
    assert letters.codes("aß漢") == "006100DF6F22"
    assert letters.codes("🦊🐻🦊") == "D800D801D800"
    assert letters.codes("\ud800") == "FFFD"
    table = letters.to_unicode().decode()
    assert "<D800> <d83edd8a>" in table and "<D801> <d83ddc3b>" in table


def test_the_table_s_ranges_stay_within_a_first_byte_and_its_blocks_within_a_hundred_lines():
    lines = glyphless.Letters().to_unicode().decode().splitlines()
    ranges = [line for line in lines if line.count("<") == 3]
    assert len(ranges) == 248
    assert all(line[1:3] == line[8:10] == line[15:17] for line in ranges)
    assert [line.split()[0] for line in lines if line.endswith(" beginbfrange")] == ["100", "100", "48"]


def test_more_letters_than_there_are_codes_become_the_sign_for_unknown_ones():
    letters = glyphless.Letters()
    codes = letters.codes("".join(chr(0x20000 + number) for number in range(2049)))
    assert codes.endswith("DFFFFFFD")


def test_the_file_is_a_font_with_two_empty_glyphs():
    data = glyphless.truetype()
    count = struct.unpack(">H", data[4:6])[0]
    tables = {
        data[12 + 16 * n : 16 + 16 * n]: struct.unpack(">II", data[20 + 16 * n : 28 + 16 * n]) for n in range(count)
    }
    assert set(tables) == {b"glyf", b"head", b"hhea", b"hmtx", b"loca", b"maxp"}
    assert all(start % 4 == 0 and start + size <= len(data) for start, size in tables.values())
    start, size = tables[b"loca"]
    assert data[start : start + size] == bytes(6)
    start, _ = tables[b"maxp"]
    assert struct.unpack(">H", data[start + 4 : start + 6]) == (2,)
    assert tables[b"head"][1] == 54 and tables[b"hhea"][1] == 36 and tables[b"maxp"][1] == 32
