"""What GitHub can do to us, as types. Each carries the reason that runs, rows and pages show."""

from datetime import datetime

from hub.models.choices import Reason


class GitHubError(Exception):
    """A request that gave no usable answer. `reason` is a `hub.models.Reason`."""

    reason: Reason = Reason.BAD_ANSWER


class NoToken(GitHubError):
    """There is no token to ask with; nothing was asked."""

    reason = Reason.NO_TOKEN


class BadToken(GitHubError):
    """401: GitHub refused every token there is."""

    reason = Reason.TOKEN_REFUSED


class RateLimited(GitHubError):
    """403 or 429 with nothing remaining: the hour's requests are used up until `reset_at`."""

    reason = Reason.RATE_LIMITED

    def __init__(self, message: str, reset_at: datetime) -> None:
        super().__init__(message)
        self.reset_at = reset_at


class SecondaryLimited(RateLimited):
    """403 or 429 for asking too fast; wait until `reset_at`, at least a minute."""

    reason = Reason.SECONDARY_LIMIT


class BudgetSpent(GitHubError):
    """The hub's own request budget gave no room in time; nothing was asked."""

    reason = Reason.BUDGET


class AccessDenied(GitHubError):
    """403 that is no limit: the token may not read this."""

    reason = Reason.ACCESS_DENIED


class NotFound(GitHubError):
    """404: no such repository, branch, path or object (or a private one without access)."""

    reason = Reason.NOT_FOUND


class Conflict(GitHubError):
    """409: the repository has no commit yet."""

    reason = Reason.EMPTY_REPOSITORY


class FileChanged(GitHubError):
    """409 or 422 for a write: another blob is at the path than the one that the author saw."""

    reason = Reason.CONFLICT


class Refused(GitHubError):
    """422 for a write: GitHub does not take it (a protected branch, a name it does not allow)."""

    reason = Reason.REFUSED


class ServerFault(GitHubError):
    """5xx, after the retries."""

    reason = Reason.SERVER_FAULT


class UnexpectedAnswer(GitHubError):
    """An answer that is not what GitHub documents: no JSON, another shape, too large, a detour."""

    reason = Reason.BAD_ANSWER


class Truncated(GitHubError):
    """`truncated: true`: a tree that is not whole is never taken for the whole."""

    reason = Reason.TRUNCATED


class Unreachable(GitHubError):
    """No answer: connection refused or cut, a name that does not resolve, a timeout."""

    reason = Reason.UNREACHABLE


class QueryTooLarge(GitHubError):
    """GraphQL gave up on a query, by a timeout or a resource limit: ask for less at once."""

    reason = Reason.SERVER_FAULT


class GraphQLNotOffered(GitHubError):
    """The server has no GraphQL, or denies this repository to it: use REST."""

    reason = Reason.ACCESS_DENIED
