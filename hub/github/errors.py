"""What GitHub can do to us, as types. Each carries the reason that runs, rows and pages show."""

from datetime import datetime

from hub.models.choices import Reason


class GitHubError(Exception):
    """A request that gave no usable answer."""

    reason: Reason

    def __init_subclass__(cls, reason: Reason) -> None:
        cls.reason = reason


class NoToken(GitHubError, reason=Reason.NO_TOKEN):
    """There is no token to ask with; nothing was asked."""


class BadToken(GitHubError, reason=Reason.TOKEN_REFUSED):
    """401: GitHub refused every token there is."""


class RateLimited(GitHubError, reason=Reason.RATE_LIMITED):
    """403 or 429 with nothing remaining: the hour's requests are used up until `reset_at`."""

    def __init__(self, message: str, reset_at: datetime) -> None:
        super().__init__(message)
        self.reset_at = reset_at


class SecondaryLimited(RateLimited, reason=Reason.SECONDARY_LIMIT):
    """403 or 429 for asking too fast; wait until `reset_at`, at least a minute."""


class BudgetSpent(GitHubError, reason=Reason.BUDGET):
    """The hub's own request budget gave no room in time; nothing was asked."""


class AccessDenied(GitHubError, reason=Reason.ACCESS_DENIED):
    """403 that is no limit: the token may not read this."""


class NotFound(GitHubError, reason=Reason.NOT_FOUND):
    """404: no such repository, branch, path or object (or a private one without access)."""


class Conflict(GitHubError, reason=Reason.EMPTY_REPOSITORY):
    """409: the repository has no commit yet."""


class FileChanged(GitHubError, reason=Reason.CONFLICT):
    """409 or 422 for a write: another blob is at the path than the one that the author saw."""


class Refused(GitHubError, reason=Reason.REFUSED):
    """422 for a write: GitHub does not take it (a protected branch, a name it does not allow)."""


class ServerFault(GitHubError, reason=Reason.SERVER_FAULT):
    """5xx, after the retries."""


class UnexpectedAnswer(GitHubError, reason=Reason.BAD_ANSWER):
    """An answer that is not what GitHub documents: no JSON, another shape, too large, a detour."""


class Truncated(GitHubError, reason=Reason.TRUNCATED):
    """`truncated: true`: a tree that is not whole is never taken for the whole."""


class Unreachable(GitHubError, reason=Reason.UNREACHABLE):
    """No answer: connection refused or cut, a name that does not resolve, a timeout."""


class QueryTooLarge(GitHubError, reason=Reason.SERVER_FAULT):
    """GraphQL gave up on a query, by a timeout or a resource limit: ask for less at once."""


class GraphQLNotOffered(GitHubError, reason=Reason.ACCESS_DENIED):
    """The server has no GraphQL, or denies this repository to it: use REST."""
