"""What Postgres keeps: the catalogue, the contents, the access to GitHub and its webhook.

Postgres is the only owner of state: Redis carries messages, results and the request budget, and
may lose all of them without a reader noticing.
"""

from hub.models.access import GitHubToken, ListingETag
from hub.models.catalogue import Category, Exporter
from hub.models.choices import (
    DeliveryAction,
    Outcome,
    Reason,
    RunStatus,
    RunTrigger,
    ServedState,
    TokenState,
)
from hub.models.contents import (
    ContentTree,
    ExporterContents,
    Lookup,
    RefreshRun,
    ServedContents,
    Snapshot,
    TreeListing,
)
from hub.models.webhooks import WebhookDelivery

__all__ = [
    "Category",
    "ContentTree",
    "DeliveryAction",
    "Exporter",
    "ExporterContents",
    "GitHubToken",
    "ListingETag",
    "Lookup",
    "Outcome",
    "Reason",
    "RefreshRun",
    "RunStatus",
    "RunTrigger",
    "ServedContents",
    "ServedState",
    "Snapshot",
    "TokenState",
    "TreeListing",
    "WebhookDelivery",
]
