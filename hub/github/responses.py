"""Interpret GitHub's responses: rate limit headers, and a typed error for each error status."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from math import isfinite

import requests

from hub import clock
from hub.github import errors
from hub.models import Quota, Resource

_HOUR = 3600  # seconds
_MIN_WAIT = 5  # seconds
_MAX_LIMIT = 10**9  # requests an hour; a higher number is not a GitHub limit
_BY_STATUS = {
    405: errors.NotFound,  # from a server without GraphQL, like 410 and 501
    410: errors.NotFound,
    501: errors.NotFound,
    401: errors.BadToken,
    404: errors.NotFound,
    409: errors.Conflict,
    422: errors.Unprocessable,
    451: errors.Blocked,
}
# GitHub's words in the message of a 403 that is not a rate limit.
_DENIALS = {
    "saml": errors.SingleSignOnRequired,
    "ip allow list": errors.AddressNotAllowed,
    "suspended": errors.Suspended,
    "archived": errors.Archived,
    "access blocked": errors.Blocked,
    "disabled": errors.Blocked,
}
# "You have triggered an abuse detection mechanism" is the wording of older Enterprise Servers.
_SECONDARY = ("secondary rate limit", "abuse detection")


def quota_of(response: requests.Response) -> Quota | None:
    """Return the rate limit in the `x-ratelimit-*` headers; None if missing or invalid."""
    headers = response.headers
    try:
        resource = Resource(headers.get("x-ratelimit-resource", Resource.CORE))
        limit = int(headers["x-ratelimit-limit"])
        remaining = int(headers["x-ratelimit-remaining"])
    except (KeyError, ValueError):
        return None
    if not 0 <= remaining <= limit <= _MAX_LIMIT:
        return None
    return Quota(resource, limit, remaining, reset_time(response))


def expiry_of(response: requests.Response) -> datetime | None:
    """Return when the token expires; None if it does not, or if the header cannot be read."""
    text = response.headers.get("GitHub-Authentication-Token-Expiration", "").strip()
    # GitHub sends "2026-12-31 23:59:59 UTC" for most tokens, and an offset for some.
    for form in ("%Y-%m-%d %H:%M:%S %z", "%Y-%m-%d %H:%M:%S UTC"):
        with suppress(ValueError):
            expiry = datetime.strptime(text, form)  # noqa: DTZ007 — UTC is added below
            return expiry if expiry.tzinfo else expiry.replace(tzinfo=UTC)
    return None


# GitHub's words for a write whose file or branch has changed since.
_FILE_CHANGED = ("does not match", "but expected", '"sha" wasn\'t supplied')


def reset_time(response: requests.Response) -> datetime:
    """Return when the limit resets, by the local clock: within an hour; in 60 s if not known."""
    now = clock.now()
    try:
        # With `Date`, both times are from GitHub's clock: the local clock may be wrong.
        reset = float(response.headers["x-ratelimit-reset"])
        date = response.headers.get("Date")
        github_now = parsedate_to_datetime(date).timestamp() if date else now.timestamp()
        wait = reset - github_now
        if not isfinite(wait):
            raise ValueError(wait)
    except (KeyError, ValueError, OverflowError):
        wait = 60.0
    # If the reset is in the past, GitHub is about to renew the limit.
    return now + timedelta(seconds=min(max(wait, _MIN_WAIT), _HOUR))


def retry_time(response: requests.Response) -> datetime:
    """Return when to retry after a secondary limit: `Retry-After`, from 1 to 60 minutes."""
    retry_after = response.headers.get("Retry-After", "").strip()
    wait = int(retry_after[:9]) if retry_after.isascii() and retry_after.isdigit() else 0
    return clock.now() + timedelta(seconds=min(max(wait, 60), _HOUR))


def _message(response: requests.Response) -> str:
    """Return GitHub's error message, or "": a proxy may respond with HTML."""
    try:
        message = str(response.json().get("message", ""))[:400]
    except (ValueError, RecursionError, AttributeError):
        return ""
    return "".join(filter(str.isprintable, " ".join(message.split())))


def raise_for_status(response: requests.Response, path: str) -> None:
    """Raise the typed error of a response other than 200, 201 and 304."""
    status = response.status_code
    if status in (200, 201, 304):
        return
    message = _message(response)
    what = f"{path}: {status} {message}".rstrip()
    if status in (403, 429):
        raise _limit_or_denial(response, what, message)
    if status >= 500 and status not in _BY_STATUS:
        raise errors.ServerFault(what)
    if response.request.method in ("PUT", "DELETE") and status in (409, 422):
        # Any other comes from a rule of the repository, which would also reject a retry.
        changed = any(text in message for text in _FILE_CHANGED)
        raise (errors.FileChanged if changed else errors.Refused)(what)
    raise _BY_STATUS.get(status, errors.UnexpectedAnswer)(what)


def _limit_or_denial(response: requests.Response, what: str, message: str) -> errors.GitHubError:
    """Distinguish the three meanings of 403 and 429: only one of them is about access."""
    words = message.lower()
    is_secondary = "retry-after" in response.headers or any(text in words for text in _SECONDARY)
    is_used_up = response.headers.get("x-ratelimit-remaining") == "0"
    if not is_secondary and (is_used_up or "api rate limit exceeded" in words):
        return errors.RateLimited(what, reset_time(response))
    if is_secondary or response.status_code == 429:
        return errors.SecondaryLimited(what, retry_time(response))
    if "x-github-sso" in response.headers:
        return errors.SingleSignOnRequired(what)
    denied = next((error for text, error in _DENIALS.items() if text in words), errors.AccessDenied)
    return denied(what)
