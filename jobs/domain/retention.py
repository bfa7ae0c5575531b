"""Rules that say what goes, of which documents, and when. Pure: what they do is services.retention's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jobs import errors
from jobs.domain import statuses

MOST_RULES = 50
LONGEST_DAYS = 36_500
# What goes, and the words for it.
PARTS = {
    "document": "the whole document, into the trash",
    "original": "the uploaded file",
    "images": "the page images",
    "exports": "made downloads",
}
ENDED = "ended"  # any state in which nothing is under way
STATES = (ENDED, *sorted(status.value for status in statuses.ENDED_DOCUMENTS))


@dataclass(frozen=True)
class Rule:
    """`age_days` is counted from when the document ended. `what` is one of PARTS, `status` one of STATES."""

    age_days: float
    what: str
    status: str = ENDED
    enabled: bool = False

    @property
    def words(self) -> str:
        """`done for 90 days: the page images`."""
        days = f"{self.age_days:g} day{'' if self.age_days == 1 else 's'}"
        return f"{self.status} for {days}: {PARTS[self.what]}"

    @property
    def states(self) -> list[str]:
        """The states of documents it takes, sorted. What is under way is never among them."""
        return list(STATES[1:]) if self.status == ENDED else [self.status]


def checked(rules: Sequence[Any]) -> list[Rule]:
    """Rules from mappings with Rule's fields. Raises errors.Invalid naming each wrong place: `rules.2.age_days`."""
    wrong: dict[str, str] = {}
    if len(rules) > MOST_RULES:
        wrong["rules"] = f"Use at most {MOST_RULES} rules."
    found = [_checked(f"rules.{place}", told, wrong) for place, told in enumerate(rules)]
    if wrong:
        told = " ".join(f"{name}: {sentence}" for name, sentence in wrong.items())
        raise errors.Invalid(f"The rules were not saved. {told}", wrong)
    return [rule for rule in found if rule is not None]


def _checked(place: str, told: Any, wrong: dict[str, str]) -> Rule | None:
    if not isinstance(told, Mapping):
        wrong[place] = "Use an object of fields."
        return None
    days, what, status = told.get("age_days"), told.get("what"), told.get("status", ENDED)
    enabled = told.get("enabled", False)
    sentences = {
        "age_days": "" if _is_age(days) else f"Use a number of days from 0 to {LONGEST_DAYS}.",
        "what": "" if what in PARTS else f"Use one of {', '.join(PARTS)}.",
        "status": "" if status in STATES else f"Use one of {', '.join(STATES)}.",
        "enabled": "" if isinstance(enabled, bool) else "Use true or false.",
    }
    sentences |= {str(name): "There is no such field." for name in set(told) - set(sentences)}
    faults = {f"{place}.{name}": sentence for name, sentence in sentences.items() if sentence}
    wrong.update(faults)
    return None if faults else Rule(float(days or 0), str(what), str(status), bool(enabled))


def _is_age(days: Any) -> bool:
    return isinstance(days, int | float) and not isinstance(days, bool) and 0 <= days <= LONGEST_DAYS


def let_go(what: str, at: datetime | None) -> str:
    """What the screens say in the place of something that a rule has deleted; empty where none has.
    What ends with an s is several: the page images."""
    verb = "were" if what.endswith("s") else "was"
    return f"{what} {verb} deleted on {at.day} {at:%B %Y} by the retention rule." if at else ""
