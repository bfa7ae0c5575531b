"""The rows. Services write them; QuerySets are the words for reading them."""

from jobs.models.access import ApiToken, AuditEntry, ClockLease, IdempotencyKey
from jobs.models.backends import Backend, BackendHealth, HealthSample, SlotLease
from jobs.models.documents import Attempt, Document, Page, Reading
from jobs.models.routing import PolicyVersion, RoutingPolicy, RoutingRule

__all__ = [
    "ApiToken",
    "Attempt",
    "AuditEntry",
    "Backend",
    "BackendHealth",
    "ClockLease",
    "Document",
    "HealthSample",
    "IdempotencyKey",
    "Page",
    "PolicyVersion",
    "Reading",
    "RoutingPolicy",
    "RoutingRule",
    "SlotLease",
]
