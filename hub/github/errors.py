"""Exceptions of the GitHub client. Each has the `Reason` that runs, rows and pages show."""

from datetime import datetime

from hub.models.choices import Reason


class GitHubError(Exception):
    """A request failed. Base class of all errors of the client."""

    reason: Reason

    def __init_subclass__(cls, reason: Reason) -> None:
        cls.reason = reason


class NoToken(GitHubError, reason=Reason.NO_TOKEN):
    """No token is configured; no request was sent."""


class WrongKey(NoToken, reason=Reason.WRONG_KEY):
    """The hub's keys cannot decrypt any token; no request was sent."""


class BadToken(GitHubError, reason=Reason.TOKEN_REFUSED):
    """401: GitHub rejected every token."""


class RateLimited(GitHubError, reason=Reason.RATE_LIMITED):
    """403 or 429: the hourly rate limit is used up until `reset_at`."""

    def __init__(self, message: str, reset_at: datetime) -> None:
        super().__init__(message)
        self.reset_at = reset_at


class SecondaryLimited(RateLimited, reason=Reason.SECONDARY_LIMIT):
    """403 or 429: too many requests at once; wait until `reset_at`, at least a minute."""


class BudgetSpent(GitHubError, reason=Reason.BUDGET):
    """The hub's own request budget is used up; no request was sent."""


class AccessDenied(GitHubError, reason=Reason.ACCESS_DENIED):
    """403 without a rate limit: the token has no access to this resource."""


class SingleSignOnRequired(AccessDenied, reason=Reason.SSO_REQUIRED):
    """403 of an organization with SAML single sign-on that the token is not authorized for."""


class AddressNotAllowed(AccessDenied, reason=Reason.IP_NOT_ALLOWED):
    """403 of an organization whose IP allow list does not contain the hub's address."""


class Suspended(AccessDenied, reason=Reason.SUSPENDED):
    """403: the account of the token, or the app's installation, is suspended."""


class Archived(AccessDenied, reason=Reason.ARCHIVED):
    """403 for a write to an archived repository."""


class Blocked(AccessDenied, reason=Reason.BLOCKED):
    """403 or 451: GitHub has blocked the repository, after a DMCA notice for example."""


class NotFound(GitHubError, reason=Reason.NOT_FOUND):
    """404: no such repository, branch, path or object (or a private one without access)."""


class Conflict(GitHubError, reason=Reason.EMPTY_REPOSITORY):
    """409 for a read: the repository has no commits."""


class FileChanged(GitHubError, reason=Reason.CONFLICT):
    """409 or 422 for a write: the file has changed since the author opened it."""


class Refused(GitHubError, reason=Reason.REFUSED):
    """409 or 422 for a write: GitHub rejected it (a protected branch, a forbidden name)."""


class Unprocessable(GitHubError, reason=Reason.BAD_ANSWER):
    """422 for a read: GitHub cannot do this for these objects."""


class ServerFault(GitHubError, reason=Reason.SERVER_FAULT):
    """5xx after all retries."""


class UnexpectedAnswer(GitHubError, reason=Reason.BAD_ANSWER):
    """A response that GitHub does not document: invalid JSON or schema, too large, redirected."""


class Truncated(GitHubError, reason=Reason.TRUNCATED):
    """`truncated: true`: the tree is incomplete, so it is not used."""


class Unreachable(GitHubError, reason=Reason.UNREACHABLE):
    """No response: connection refused or closed, DNS failure, timeout."""


class QueryTooLarge(GitHubError, reason=Reason.SERVER_FAULT):
    """GraphQL aborted a query (timeout or resource limit): retry with a smaller one."""


class GraphQLUnavailable(GitHubError, reason=Reason.ACCESS_DENIED):
    """The server has no GraphQL API, or it denies access to the repository: use REST."""
