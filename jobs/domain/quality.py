"""Is a reading good enough, though the host said 200? A reason for a person to look, or none."""

from __future__ import annotations

CUT_OFF = "It may be cut off: the host stopped at its length limit."
LOOPING = "It may repeat itself: the host stopped a loop."
EMPTY = "No text was found, though the page is not blank."


def doubt(text: str, finish_reason: str) -> str:
    """Why a person should look at this text; empty when nothing speaks against it.

    `finish_reason` as vLLM says it: stop, length (cut by the token limit) or repetition (cut by its loop detection).
    """
    if finish_reason == "length":
        return CUT_OFF
    if finish_reason == "repetition":
        return LOOPING
    return "" if text.strip() else EMPTY
