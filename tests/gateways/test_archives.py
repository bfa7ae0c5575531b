"""A zip as a stream."""

from __future__ import annotations

import io
import zipfile

from jobs.gateways import archives


def test_what_goes_in_comes_out():
    entries = [("a.txt", [b"one ", b"two"]), ("ü/b.jpg", [b"\xff" * 1000]), ("empty", [])]
    data = b"".join(archives.stream(entries))
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        assert opened.testzip() is None
        assert {name: opened.read(name) for name in opened.namelist()} == {
            "a.txt": b"one two", "ü/b.jpg": b"\xff" * 1000, "empty": b"",
        }  # fmt: skip
        assert opened.getinfo("ü/b.jpg").compress_type == zipfile.ZIP_STORED


def test_entries_are_asked_for_one_by_one_as_the_zip_is_read():
    asked = []

    def entries():
        for number in range(3):
            asked.append(number)
            yield f"{number}.bin", iter([bytes(100_000)])

    pieces = archives.stream(entries())
    next(pieces)
    assert asked == [0]
    list(pieces)
    assert asked == [0, 1, 2]
