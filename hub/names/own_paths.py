"""Validate paths of the hub's own pages, which clients send with forms. No I/O."""

from django.utils.encoding import iri_to_uri
from django.utils.http import MAX_URL_LENGTH, url_has_allowed_host_and_scheme

HOME = "/"


def own_path(path: str) -> str:
    """Return `path` if it is a page of this hub, otherwise `HOME`."""
    is_local = (
        path.startswith("/")
        and path.isprintable()
        and len(iri_to_uri(path)) <= MAX_URL_LENGTH
        and url_has_allowed_host_and_scheme(path, allowed_hosts=None)
    )
    return path if is_local else HOME
