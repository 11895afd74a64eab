"""If-None-Match, as RFC 9110 has it (13.1.2). Pure."""

from django.utils.http import parse_etags


def matches(if_none_match: str, etag: str) -> bool:
    """Whether a client that sent `if_none_match` has the representation named `etag` already.

    The comparison is the weak one: `W/"x"` and `"x"` are the same. `*` matches anything.
    """
    if not if_none_match:
        return False
    tags = parse_etags(if_none_match)
    return "*" in tags or etag.removeprefix("W/") in {tag.removeprefix("W/") for tag in tags}
