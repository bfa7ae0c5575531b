"""Files that were damaged on purpose: a mutant is told by its seed, and the same seed makes the same bytes again.

Every kind of damage works on any file. What looks for something that a file does not have (a dictionary's number, in a
picture) flips bytes instead.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

EXTREMES = (
    b"0", b"-1", b"1", b"0.00001", b"14400", b"65536", b"200000", b"999999999", b"2147483647", b"-2147483648",
    b"4294967296", b"1e308", b"nan", b"null", b"99999999999999999999999999",
)  # fmt: skip
NUMBERED = re.compile(
    rb"/(?:MediaBox|CropBox|BBox|Matrix|Rect|Kids|W|Index)\s*\[[^\]]{0,200}\]"
    rb"|/(?:Rotate|Count|Length|Length1|Width|Height|W|H|BitsPerComponent|Size|Prev|N|First|UserUnit|Columns|Predictor"
    rb"|FirstChar|LastChar|XStep|YStep|Colors|P|V|R)\s+-?[\d.]+"
)
NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")
LENGTH = re.compile(rb"/Length\s+(\d+)")
TOKEN = re.compile(rb"/[A-Za-z0-9]+|<<|>>|\[|\]|\b\d+ \d+ R\b|\bendobj\b|\bendstream\b|\bstream\r?\n|\([^)]{0,60}\)")
XREF = re.compile(rb"\d{10} \d{5} [nf]|startxref\s+\d+|\bxref\b|\btrailer\b|\b\d+ \d+ obj\b|%%EOF")
LARGEST_BYTES = 2_000_000


@dataclass(frozen=True)
class Mutant:
    """`origin` is the name of the file that was damaged, `kinds` how, in order."""

    seed: int
    origin: str
    kinds: tuple[str, ...]
    data: bytes

    def __str__(self) -> str:
        return f"seed {self.seed}: {self.origin} after {', '.join(self.kinds)}"


def mutant(seed: int, originals: Mapping[str, bytes]) -> Mutant:
    """One of the files by `seed`, damaged in one to three ways. The same seed and files give the same bytes."""
    chance = random.Random(seed)
    origin = chance.choice(sorted(originals))
    kinds = tuple(chance.choice(sorted(KINDS)) for _ in range(chance.choice((1, 1, 1, 2, 3))))
    data = originals[origin]
    others = [originals[name] for name in sorted(originals)]
    for kind in kinds:
        data = KINDS[kind](data, chance, others)[:LARGEST_BYTES]
    return Mutant(seed, origin, kinds, data)


def flip_bytes(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """One to twenty bytes become others, anywhere."""
    damaged = bytearray(data)
    for _ in range(chance.randint(1, 20) if damaged else 0):
        damaged[chance.randrange(len(damaged))] ^= chance.randrange(1, 256)
    return bytes(damaged)


def truncate(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """Cut off anywhere, near the end as often as not: that is where the table of contents stands."""
    keep = chance.random() if chance.random() < 0.5 else 1 - chance.random() / 20
    return data[: int(len(data) * keep)]


def swap_blocks(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """Two blocks of one size change places."""
    size, first, second = _blocks(data, chance)
    first, second = sorted((first, second))
    if second < first + size:
        return flip_bytes(data, chance, others)
    return (
        data[:first]
        + data[second : second + size]
        + data[first + size : second]
        + data[first : first + size]
        + data[second + size :]
    )


def repeat_block(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """A block stands at another place too, once or a few hundred times."""
    size, source, target = _blocks(data, chance)
    times = chance.choice((1, 1, 2, 300))
    return data[:target] + data[source : source + size] * times + data[target:]


def _blocks(data: bytes, chance: random.Random) -> tuple[int, int, int]:
    """Size of a block and two places where one fits."""
    size = min(len(data) // 2, chance.choice((8, 64, 512, 4096)))
    return size, chance.randint(0, len(data) - size), chance.randint(0, len(data) - size)


def lie_about_a_length(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """A stream says that it is shorter, longer or endless."""

    def lie(found: bytes) -> bytes:
        length = int(NUMBER.findall(found)[-1])
        lies = (0, 1, length // 2, length - 1, length + 1, length * 2, 10**9, -length)
        return b"/Length %d" % chance.choice(lies)

    return _replace_one(data, chance, others, LENGTH, lie)


def extreme_number(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """A number in a dictionary becomes one that no file has: a box, a count, a size, a rotation."""

    def overdo(found: bytes) -> bytes:
        numbers = list(NUMBER.finditer(found))
        if not numbers:
            return found
        place = chance.choice(numbers)
        return found[: place.start()] + chance.choice(EXTREMES) + found[place.end() :]

    return _replace_one(data, chance, others, NUMBERED, overdo)


def splice_token(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """A word of the language becomes one of another file, or of another place."""
    tokens = TOKEN.findall(chance.choice(others))
    if not tokens:
        return flip_bytes(data, chance, others)
    return _replace_one(data, chance, others, TOKEN, lambda found: chance.choice(tokens))


def damage_xref(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """The table of objects, its place or an object's own number is wrong."""

    def damage(found: bytes) -> bytes:
        return chance.choice((b"", found[::-1], NUMBER.sub(lambda _: chance.choice(EXTREMES), found, count=1)))

    return _replace_one(data, chance, others, XREF, damage)


def _replace_one(
    data: bytes,
    chance: random.Random,
    others: Sequence[bytes],
    pattern: re.Pattern[bytes],
    change: Callable[[bytes], bytes],
) -> bytes:
    """One match of the pattern, changed; flipped bytes where there is none."""
    places = [match.span() for match in pattern.finditer(data)]
    if not places:
        return flip_bytes(data, chance, others)
    start, end = chance.choice(places)
    return data[:start] + change(data[start:end]) + data[end:]


KINDS: dict[str, Callable[[bytes, random.Random, Sequence[bytes]], bytes]] = {
    "flipped bytes": flip_bytes,
    "truncation": truncate,
    "swapped blocks": swap_blocks,
    "a repeated block": repeat_block,
    "a lie about a length": lie_about_a_length,
    "an extreme number": extreme_number,
    "a spliced token": splice_token,
    "a damaged xref": damage_xref,
}
