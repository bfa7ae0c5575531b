"""The rows. Services write them; QuerySets are the words for reading them."""

from jobs.models.access import ApiToken, AuditEntry, ClockLease, IdempotencyKey
from jobs.models.advice import AdvicePutOff
from jobs.models.backends import Backend, BackendHealth, HealthSample, SlotLease
from jobs.models.benchmarks import Benchmark
from jobs.models.costs import CostBasis
from jobs.models.documents import Document
from jobs.models.keeping import RetentionRule
from jobs.models.measuring import Measurement
from jobs.models.notices import Alert, AlertRule
from jobs.models.pages import Attempt, Page, Reading
from jobs.models.routing import PolicyVersion, RoutingPolicy, RoutingRule
from jobs.models.searching import PageText
from jobs.models.tags import Tag
from jobs.models.tallies import CallTally
from jobs.models.webhooks import Delivery, Event, Webhook

__all__ = [
    "AdvicePutOff",
    "Alert",
    "AlertRule",
    "ApiToken",
    "Attempt",
    "AuditEntry",
    "Backend",
    "BackendHealth",
    "Benchmark",
    "CallTally",
    "ClockLease",
    "CostBasis",
    "Delivery",
    "Document",
    "Event",
    "HealthSample",
    "IdempotencyKey",
    "Measurement",
    "Page",
    "PageText",
    "PolicyVersion",
    "Reading",
    "RetentionRule",
    "RoutingPolicy",
    "RoutingRule",
    "SlotLease",
    "Tag",
    "Webhook",
]
