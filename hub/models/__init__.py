"""What Postgres keeps: the catalogue, the contents, the access to GitHub and its webhook.

Postgres is the only owner of state: Redis carries messages, results and the request budget, and
may lose all of them without a reader noticing.
"""

from hub.models.access import GitHubToken, ListingETag, Quota, WebhookDelivery
from hub.models.catalogue import Category, DailyViews, Exporter, Logo, Readme, Release
from hub.models.choices import (
    ChangeCause,
    ChangeKind,
    ChangeWhat,
    DeliveryAction,
    EditAction,
    EditState,
    FactsPart,
    Outcome,
    Reason,
    Resource,
    RunStatus,
    RunTrigger,
    ServedState,
    TokenState,
)
from hub.models.contents import (
    Change,
    ContentBlob,
    ContentEdit,
    ContentTree,
    DirectoryOwner,
    ExporterContents,
    Lookup,
    RefreshRun,
    ServedContents,
    Snapshot,
    TreeListing,
)
from hub.models.facts import FactsETag, FactsLookup, FactsRun
from hub.models.runs import Run, RunLookup
