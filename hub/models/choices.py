"""Enumerations used in the database, the API and the pages."""

from django.db.models import TextChoices


class RunTrigger(TextChoices):
    SCHEDULE = "schedule", "schedule"
    STARTUP = "startup", "first start"
    ADMIN = "admin", "admin"
    COMMAND = "command", "command line"
    TOKEN = "token", "token added"
    WEBHOOK = "webhook", "webhook"
    EDIT = "edit", "content edited"


class RunStatus(TextChoices):
    """The status of a refresh run or facts run. The first three are open, the others final."""

    QUEUED = "queued", "waiting for a worker"
    LISTING = "listing", "listing directories"
    LOOKING_UP = "looking_up", "looking up"

    PUBLISHED = "published", "published"
    UNCHANGED = "unchanged", "nothing changed"
    HELD = "held", "held back: needs an admin's approval"
    NO_TOKEN = "no_token", "no token"
    FAILED = "failed", "failed"


class Outcome(TextChoices):
    """The outcome of a lookup. Only a listing can remove data, never a lookup."""

    PENDING = "pending", "not yet looked up"
    FOUND = "found", "found"
    MISSING = "missing", "not found on GitHub"
    FAILED = "failed", "failed"


class Reason(TextChoices):
    """Why data is stale, or a run failed or was held back. The label says what to do."""

    NO_TOKEN = (
        "no_token",
        "no GitHub token: set GITHUB_TOKEN and restart the hub, or add one in the admin",
    )
    TOKEN_REFUSED = (
        "token_refused",
        "GitHub rejected the token: if the next refresh fails too, set a new GITHUB_TOKEN and "
        "restart the hub, or replace it in the admin",
    )
    WRONG_KEY = (
        "wrong_key",
        "the GitHub tokens cannot be decrypted: set the SECRET_KEY and FIELD_ENCRYPTION_KEY that "
        "encrypted them",
    )
    RATE_LIMITED = (
        "rate_limited",
        "GitHub's rate limit is used up: the hub continues when it resets",
    )
    SECONDARY_LIMIT = "secondary_limit", "GitHub's secondary rate limit is reached: the hub waits"
    BUDGET = "budget", "the hub's request budget is used up: the next run continues"
    UNREACHABLE = "unreachable", "GitHub could not be reached: check the network"
    SERVER_FAULT = "server_fault", "GitHub responded with a server error: the hub retries later"
    BAD_ANSWER = "bad_answer", "GitHub's response could not be read: the hub retries later"
    TRUNCATED = "truncated", "the directory is too large for one response from GitHub"
    NOT_FOUND = (
        "not_found",
        "repository, branch or path not found: check the settings and the token's repositories",
    )
    ACCESS_DENIED = "access_denied", "GitHub denies access: check the token's permissions"
    SSO_REQUIRED = (
        "sso_required",
        "the organization requires single sign-on: authorize the token for it on GitHub",
    )
    IP_NOT_ALLOWED = (
        "ip_not_allowed",
        "the organization's IP allow list does not contain the hub's address: add it",
    )
    SUSPENDED = "suspended", "GitHub has suspended the token's account: use another token"
    ARCHIVED = "archived", "the repository is archived: nothing can be written to it"
    BLOCKED = "blocked", "GitHub has blocked the repository"
    EMPTY_REPOSITORY = "empty_repository", "the repository has no commits"
    DEADLINE = "deadline", "not finished before the deadline: the next run continues"
    ALL_FAILED = "all_failed", "no directory could be looked up: nothing was published"
    SHRUNK = "shrunk", "most directories disappeared: if that is correct, publish it in the admin"
    NOT_CHOSEN = "not_chosen", "changed upstream, but not selected in the last refresh"
    NO_DATABASE = (
        "no_database",
        "the hub's database does not respond: this is the last copy, which may be outdated",
    )
    OVERDUE = "overdue", "the last refresh is overdue: check beat and worker"
    CONFLICT = "conflict", "the file changed after it was opened: review it, then save again"
    REFUSED = "refused", "GitHub rejected the change"
    INTERNAL = "internal", "internal error: see the worker's log"


class FactsPart(TextChoices):
    """The parts of an exporter's facts. Each is one request to GitHub."""

    REPOSITORY = "repository", "repository"
    README = "readme", "README"
    RELEASES = "releases", "releases"


class ServedState(TextChoices):
    """How current the served map is."""

    FRESH = "fresh", "fresh"
    STALE = "stale", "stale"
    EMPTY = "empty", "no snapshot yet"


class DeliveryAction(TextChoices):
    """What the hub did with a webhook delivery."""

    PONG = "pong", "answered the ping"
    STARTED = "begun", "started a run"
    JOINED = "joined", "joined a run that had not listed the directories yet"
    FOLLOWS = "follows", "scheduled a run after the open one"
    ELSEWHERE = "elsewhere", "ignored: another repository or branch"
    UNTOUCHED = "untouched", "ignored: no change below the contents path"


class Resource(TextChoices):
    """The GitHub rate limits that the hub uses, by their name in `x-ratelimit-resource`."""

    CORE = "core", "REST"
    GRAPHQL = "graphql", "GraphQL"


class TokenState(TextChoices):
    UNKNOWN = "unknown", "not yet used"
    VALID = "valid", "valid"
    INVALID = "invalid", "rejected by GitHub"


class ChangeKind(TextChoices):
    """What changed: a directory or a kind of content."""

    DIRECTORY = "directory", "directory"
    IAC = "I", "Helm"
    ALERTS = "A", "alerting rules"
    DASHBOARD = "G", "Grafana dashboard"


class ChangeWhat(TextChoices):
    """How it changed. `usable` and `broken` are about content that was and is present."""

    GAINED = "gained", "gained"
    LOST = "lost", "lost"
    USABLE = "usable", "became usable"
    BROKEN = "broken", "became unusable"


class ChangeCause(TextChoices):
    """Why it changed: new commits, or new rules that judge the same files differently."""

    PUSH = "push", "a push"
    RULES = "rules", "new rules in the hub"


class EditAction(TextChoices):
    WRITE = "write", "write"
    DELETE = "delete", "delete"


class EditState(TextChoices):
    """The state of an edit. The text is kept in every state; only `queued` can be withdrawn."""

    QUEUED = "queued", "waiting to be committed"
    SENDING = "sending", "being committed"
    COMMITTED = "committed", "committed"
    CONFLICT = "conflict", "draft: the file changed meanwhile"
    REFUSED = "refused", "draft: GitHub rejected it"
    WITHDRAWN = "withdrawn", "withdrawn"
