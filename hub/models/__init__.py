"""Database models: the catalogue, the contents, runs, GitHub tokens and webhook deliveries.

All state is in Postgres. Redis holds messages, results and the request budget, and can lose all of
them without any effect on readers.
"""

from hub.models.access import (
    GitHubToken,
    ListingETag,
    Quota,
    RenamedRepository,
    WebhookDelivery,
)
from hub.models.catalogue import Category, DailyViews, Exporter, Logo, Readme, Release
from hub.models.choices import (
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
    ContentName,
    ContentTree,
    DirectoryOwner,
    ExporterContents,
    Lookup,
    Picture,
    RefreshRun,
    ServedContents,
    Snapshot,
    TreeListing,
)
from hub.models.facts import FactsETag, FactsLookup, FactsRun
from hub.models.rendered import RenderedText
from hub.models.runs import Run, RunLookup
from hub.models.totals import Total
