"""The rows. Services write them; QuerySets are the words for reading them."""

from jobs.models.access import ApiToken, AuditEntry, ClockLease, IdempotencyKey
from jobs.models.backends import Backend, BackendHealth, HealthSample, SlotLease
from jobs.models.costs import CostBasis
from jobs.models.documents import Attempt, Document, Page, Reading
from jobs.models.measuring import Measurement
from jobs.models.routing import PolicyVersion, RoutingPolicy, RoutingRule
from jobs.models.searching import PageText
from jobs.models.tags import Tag

__all__ = [
    "ApiToken",
    "Attempt",
    "AuditEntry",
    "Backend",
    "BackendHealth",
    "ClockLease",
    "CostBasis",
    "Document",
    "HealthSample",
    "IdempotencyKey",
    "Measurement",
    "Page",
    "PageText",
    "PolicyVersion",
    "Reading",
    "RoutingPolicy",
    "RoutingRule",
    "SlotLease",
    "Tag",
]
