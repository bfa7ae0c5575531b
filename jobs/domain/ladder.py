"""What to try next with a page that was read badly: rung by rung, in the order and within the limits of the policy.

ngram          another n-gram window, for loops. In use elsewhere: 20/50 (DeepSeek's PDF script), 35/200, 50/500;
               the usual 30/90 forbids a repeated 30-gram only within 90 tokens, so a longer period passes it
free_ocr       the plain prompt instead of grounding: other errors, fewer tokens
temperature    a little chance, which leads out of most ruts
halves         the page in two pieces: half the tokens each, twice the resolution
other_backend  another host: another version, a longer context

A rung that cannot change the answer is never tried: a model that is not steered answers the same whatever the prompt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jobs.domain.failures import Outcome
from jobs.domain.model_profiles import ModelProfile
from jobs.domain.policies import RUNGS, Quality
from jobs.domain.quality import PageSeen, Verdict

WORD_TOKENS = 1.5  # tokens a word, about
WINDOWS = ((20, 50), (35, 200), (50, 500))  # n-gram size and window in tokens; the first that holds a period twice
TEMPERATURE = 0.2
LEAST_HEIGHT_PX = 600  # a page lower than this has nothing to cut in two
WORDS: Mapping[str, str] = {
    "ngram": "It is read again with another guard against loops.",
    "free_ocr": "It is read again as plain text.",
    "temperature": "It is read again with a little chance.",
    "halves": "It is read again in two halves.",
    "other_backend": "It is read again by another host.",
}


@dataclass(frozen=True)
class Rung:
    """What differs in the next request; what is left as it is here is sent as always. `elsewhere`: to another host."""

    name: str
    ngram_size: int | None = None
    window_size: int | None = None
    mode: str = ""
    temperature: float = 0.0
    halves: bool = False
    elsewhere: bool = False


@dataclass(frozen=True)
class Climb:
    """Where a page stands on the ladder. `used` are the rungs' names so far, the present one last; `first` is the id of
    the reading that started it, 0 for a page that is on no ladder."""

    used: tuple[str, ...] = ()
    rung: Rung | None = None
    first: int = 0


@dataclass(frozen=True)
class Asked:
    """What a request was about: the page, the backend's model, whether another backend could take it, whether it was
    sent in pieces already, and the rungs used so far."""

    page: PageSeen
    profile: ModelProfile
    others: bool = False
    in_pieces: bool = False
    used: tuple[str, ...] = field(default=())


def next_rung(verdict: Verdict, asked: Asked, policy: Quality) -> Rung | None:
    """The next thing to try, or None: the reading is good, or nothing is left that could help."""
    if verdict.good or not policy.enabled or len(asked.used) >= policy.max_tries:
        return None
    if verdict.outcome is Outcome.EMPTY and asked.page.nearly_blank and asked.used:
        return None  # one look more is enough for a page with next to nothing on it
    left = (name for name in _after(asked.used, policy.rungs) if _can_help(name, verdict, asked))
    return next((_rung(name, verdict) for name in left), None)


def _after(used: tuple[str, ...], rungs: tuple[str, ...]) -> tuple[str, ...]:
    """Upwards only, also where another kind of fault came out on the way."""
    places = [rungs.index(name) for name in used if name in rungs]
    return tuple(name for name in rungs[max(places, default=-1) + 1 :] if name not in used)


def _can_help(name: str, verdict: Verdict, asked: Asked) -> bool:
    empty_for_sure = verdict.outcome is Outcome.EMPTY and (asked.page.nearly_blank or not asked.profile.steered)
    match name:
        case "ngram":
            return asked.profile.steered and verdict.outcome is Outcome.LOOPING
        case "free_ocr":  # a figure or somebody's own question is not answered by reading plain text
            return asked.profile.steered and asked.page.mode == "markdown"
        case "temperature":  # a page that is merely too long stays so
            return asked.profile.steered and verdict.outcome is not Outcome.CUT_OFF
        case "halves":
            return not asked.in_pieces and asked.page.height_px >= LEAST_HEIGHT_PX and not empty_for_sure
        case "other_backend":
            return asked.others and not (empty_for_sure and asked.page.nearly_blank)
    return False


def _rung(name: str, verdict: Verdict) -> Rung:
    match name:
        case "ngram":
            tokens = 2 * WORD_TOKENS * verdict.period_words
            size, window = next((pair for pair in WINDOWS if pair[1] >= tokens), WINDOWS[-1])
            return Rung(name, ngram_size=size, window_size=window)
        case "free_ocr":
            return Rung(name, mode="text")
        case "temperature":
            return Rung(name, temperature=TEMPERATURE)
        case "halves":
            return Rung(name, halves=True)
        case _:
            return Rung(name, elsewhere=True)


def as_json(climb: Climb) -> dict[str, Any]:
    """For the page's row; `from_json` reads it back."""
    rung = {key: value for key, value in climb.rung.__dict__.items() if value} if climb.rung else None
    return {"used": list(climb.used), "rung": rung, "first": climb.first}


def from_json(stored: object) -> Climb:
    """A page's place on the ladder; none where the row holds nothing, or something else."""
    if not isinstance(stored, Mapping) or not isinstance(stored.get("used"), list):
        return Climb()
    row = stored.get("rung")
    known = row if isinstance(row, Mapping) and row.get("name") in RUNGS else None
    rung = Rung(**{key: known[key] for key in Rung.__dataclass_fields__ if key in known}) if known else None
    return Climb(tuple(str(name) for name in stored["used"]), rung, int(stored.get("first") or 0))
