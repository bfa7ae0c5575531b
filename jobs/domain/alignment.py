"""An edited text shared out among the blocks of the reading it began with: so the boxes stay, and every word has one.

The blocks' Markdown, one below the other, is compared line by line with what the person made of it. A changed line
goes to the block it replaces, a new one to the block before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from jobs.domain.grounding import Block
from jobs.domain.rendering import to_markdown


def realigned(blocks: Sequence[Block], text: str) -> list[Block]:
    """The same blocks with bodies that hold `text` and nothing else; one that lost all its words keeps its boxes.

    Without blocks there is nothing to share out: an empty list.
    """
    if not blocks:
        return []
    old, owners = _lines(blocks)
    bodies: list[list[str]] = [[] for _ in blocks]
    new = text.splitlines()
    for line, owner in zip(new, _owners(old, owners, new), strict=True):
        bodies[owner].append(line)
    made = [replace(block, body="\n".join(body).strip("\n")) for block, body in zip(blocks, bodies, strict=True)]
    # A heading whose mark was taken away is none any more: its label would bring the mark back.
    return [replace(block, label="text") if _mark_is_missing(block) else block for block in made]


def _mark_is_missing(block: Block) -> bool:
    return bool(block.body) and to_markdown([block]) in (f"# {block.body}", f"## {block.body}")


def pieces(blocks: Sequence[Block]) -> list[str]:
    """Each block's own Markdown; empty where it shows nothing."""
    return [to_markdown([block]) for block in blocks]


def _lines(blocks: Sequence[Block]) -> tuple[list[str], list[int]]:
    """The text line by line, and whose each line is. The blank line between two blocks is the first one's."""
    lines: list[str] = []
    owners: list[int] = []
    for number, piece in enumerate(pieces(blocks)):
        own = [*piece.splitlines(), ""] if piece else []
        lines += own
        owners += [number] * len(own)
    return lines, owners


def _owners(old: list[str], owners: list[int], new: list[str]) -> list[int]:
    """For each new line its block; never going back, so that each block's lines stand together."""
    if not old:
        return [0] * len(new)
    found: list[int] = []
    for kind, a1, a2, b1, b2 in SequenceMatcher(None, old, new).get_opcodes():
        if kind == "insert":
            found += [owners[max(0, a1 - 1)]] * (b2 - b1)
        elif kind in ("equal", "replace"):
            found += [owners[a1 + (step * (a2 - a1)) // (b2 - b1)] for step in range(b2 - b1)]
    return found
