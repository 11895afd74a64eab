"""The closed sets of words that rows, the API and the pages share."""

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
    """The state of a run, of contents or of facts. The first three are open, the others ended."""

    QUEUED = "queued", "waiting for a worker"
    LISTING = "listing", "listing directories"
    LOOKING_UP = "looking_up", "looking up"

    PUBLISHED = "published", "published"
    UNCHANGED = "unchanged", "nothing changed"
    HELD = "held", "held back: waits for an admin"
    NO_TOKEN = "no_token", "no token"
    FAILED = "failed", "failed"


class Outcome(TextChoices):
    """The outcome of a lookup. None of them removes anything: only a listing does."""

    PENDING = "pending", "not yet looked up"
    FOUND = "found", "found"
    MISSING = "missing", "not found at GitHub"
    FAILED = "failed", "failed"


class Reason(TextChoices):
    """Why something is stale, failed or held back, with what to do about it as its label."""

    NO_TOKEN = "no_token", "no GitHub token: add one in the admin"
    TOKEN_REFUSED = "token_refused", "GitHub refuses the token: replace it in the admin"
    RATE_LIMITED = "rate_limited", "GitHub's rate limit is used up: the hub goes on at its reset"
    SECONDARY_LIMIT = "secondary_limit", "GitHub asks the hub to slow down: it goes on by itself"
    BUDGET = "budget", "the hub's own request budget was used up: it goes on at the next tick"
    UNREACHABLE = "unreachable", "GitHub could not be reached: check the network"
    SERVER_FAULT = "server_fault", "GitHub answered with an error of its own: tried again later"
    BAD_ANSWER = "bad_answer", "GitHub's answer could not be read: tried again later"
    TRUNCATED = "truncated", "the directory is too large for one answer of GitHub"
    NOT_FOUND = "not_found", "repository, branch or path not found: check the settings"
    ACCESS_DENIED = "access_denied", "GitHub denies access: check the token's permissions"
    EMPTY_REPOSITORY = "empty_repository", "the repository has no commit yet"
    DEADLINE = "deadline", "not finished in time: the next tick goes on from there"
    ALL_FAILED = "all_failed", "no directory could be looked up: nothing was published"
    SHRUNK = "shrunk", "most directories vanished: publish it in the admin if that is right"
    NOT_CHOSEN = "not_chosen", "changed upstream, but not chosen in the last refresh"
    OVERDUE = "overdue", "no refresh for longer than planned: check beat and worker"
    CONFLICT = "conflict", "someone else changed the file: look at theirs, then save again"
    REFUSED = "refused", "GitHub refused to write the file"
    INTERNAL = "internal", "a fault of the hub itself: see the worker's log"


class FactsPart(TextChoices):
    """What GitHub is asked for each exporter's repository, a request for each."""

    REPOSITORY = "repository", "repository"
    README = "readme", "README"
    RELEASES = "releases", "releases"


class ServedState(TextChoices):
    """How far readers may trust the map."""

    FRESH = "fresh", "fresh"
    STALE = "stale", "stale"
    EMPTY = "empty", "no snapshot yet"


class DeliveryAction(TextChoices):
    """What the hub did about a delivery of GitHub's webhook."""

    PONG = "pong", "answered the ping"
    BEGUN = "begun", "began a run"
    JOINED = "joined", "joined a run that had not listed yet"
    FOLLOWS = "follows", "noted a run to follow the open one"
    ELSEWHERE = "elsewhere", "ignored: another repository or branch"
    UNTOUCHED = "untouched", "ignored: nothing below the contents path changed"


class Resource(TextChoices):
    """GitHub's rate limits that the hub uses, as `x-ratelimit-resource` names them."""

    CORE = "core", "REST"
    GRAPHQL = "graphql", "GraphQL"


class TokenState(TextChoices):
    UNKNOWN = "unknown", "not yet used"
    VALID = "valid", "valid"
    INVALID = "invalid", "refused by GitHub"


class ChangeKind(TextChoices):
    """What a change speaks of."""

    DIRECTORY = "directory", "directory"
    IAC = "I", "infrastructure as code"
    ALERTS = "A", "alerting rules"
    DASHBOARD = "G", "Grafana dashboard"


class ChangeWhat(TextChoices):
    """What became of it. `usable` and `broken` speak of content that was and is there."""

    GAINED = "gained", "gained"
    LOST = "lost", "lost"
    USABLE = "usable", "became usable"
    BROKEN = "broken", "is broken now"


class ChangeCause(TextChoices):
    """Why: somebody changed the files, or the hub judges the same files otherwise."""

    PUSH = "push", "a push"
    RULES = "rules", "new rules of the hub"


class EditAction(TextChoices):
    WRITE = "write", "write"
    DELETE = "delete", "delete"


class EditState(TextChoices):
    """Where an edit stands. The text is kept in every state; only `queued` is going to be sent."""

    QUEUED = "queued", "waits to be committed"
    COMMITTED = "committed", "committed"
    CONFLICT = "conflict", "draft: someone else changed it"
    REFUSED = "refused", "draft: GitHub refused it"
    WITHDRAWN = "withdrawn", "withdrawn"
