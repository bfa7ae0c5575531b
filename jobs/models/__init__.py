"""The rows. Services write them; QuerySets are the words for reading them."""

from jobs.models.access import ApiToken, AuditEntry, ClockLease, IdempotencyKey
from jobs.models.backends import Backend, BackendHealth, HealthSample, SlotLease
from jobs.models.documents import Attempt, Document, Page, Reading
from jobs.models.routing import PolicyVersion, RoutingPolicy, RoutingRule
from jobs.models.searching import PageText
from jobs.models.tags import Tag
from jobs.models.tallies import CallTally

__all__ = [
    "ApiToken",
    "Attempt",
    "AuditEntry",
    "Backend",
    "BackendHealth",
    "CallTally",
    "ClockLease",
    "Document",
    "HealthSample",
    "IdempotencyKey",
    "Page",
    "PageText",
    "PolicyVersion",
    "Reading",
    "RoutingPolicy",
    "RoutingRule",
    "SlotLease",
    "Tag",
]
