"""Retention rules, as they come in and out."""

from __future__ import annotations

from dataclasses import asdict
from typing import Literal

from ninja import Field, Schema

from jobs.domain.retention import Rule
from jobs.services.retention import Trial

Part = Literal["document", "original", "images", "exports"]
State = Literal["ended", "done", "partial", "failed", "cancelled"]


class RetentionRuleOut(Schema):
    age_days: float = Field(description="Since the document ended.", examples=[90])
    what: Part = Field(description="document: into the trash, from where it goes for good in its time.")
    status: State = Field("ended", description="ended: any of the others.")
    enabled: bool = False

    @classmethod
    def of(cls, rule: Rule) -> RetentionRuleOut:
        return cls.model_validate(asdict(rule))


class RetentionRules(Schema):
    rules: list[RetentionRuleOut]

    @classmethod
    def of(cls, rules: list[Rule]) -> RetentionRules:
        return cls(rules=[RetentionRuleOut.of(rule) for rule in rules])


class RetentionTrial(RetentionRuleOut):
    """What the rule would take now."""

    documents: int
    files: int
    bytes: int
    at_least: bool = Field(description="Of many documents only the first thousand are measured.")

    @classmethod
    def found(cls, trial: Trial) -> RetentionTrial:
        rule = RetentionRuleOut.of(trial.rule)
        return cls(
            **rule.dict(),
            documents=trial.documents,
            files=trial.volume.files,
            bytes=trial.volume.size_bytes,
            at_least=trial.at_least,
        )


class RetentionTrials(Schema):
    items: list[RetentionTrial]
