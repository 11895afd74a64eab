"""Repositories that were renamed or transferred.

GitHub redirects their former names. A redirect costs a request, so the hub stores the new name and
uses it for requests and links; if the name is not known, it uses the path of the redirect. A source
keeps its configured name, and so its data.
"""

import logging
from datetime import timedelta

from django.db.models import QuerySet

from hub import clock
from hub.models import RenamedRepository
from hub.names.repositories import is_repository

logger = logging.getLogger(__name__)

# After this time, the former name is requested again: it may belong to another repository now.
_VALID = timedelta(days=1)


def renames_of(repository: object) -> QuerySet[RenamedRepository]:
    """Return the rename of a former name in lower case, if there is one that is still valid."""
    since = clock.now() - _VALID
    return RenamedRepository.objects.filter(pk=repository, seen_at__gt=since)


def current_name(repository: str) -> str:
    """Return the name of a repository (OWNER/NAME) on GitHub; the given one if not renamed."""
    names = renames_of(repository.casefold()).values_list("current", flat=True)
    return names.first() or repository


def api_path(repository: str) -> str:
    """Return the start of the paths of the repository's requests."""
    paths = renames_of(repository.casefold()).values_list("path", flat=True)
    return paths.first() or f"/repos/{repository}"


def store_rename(repository: str, path: str, name: str) -> None:
    """Store the path to which GitHub redirects a repository, and its new name ("": unknown)."""
    if name.casefold() != repository.casefold() and is_repository(name):
        path = f"/repos/{name}"
        logger.warning("GitHub has renamed %s to %s: the hub uses the new name", repository, name)
    else:
        name = repository
        logger.warning("GitHub redirects %s to %s: the hub uses this path", repository, path)
    RenamedRepository.objects.update_or_create(
        pk=repository.casefold(),
        defaults={"current": name, "path": path, "seen_at": clock.now()},
    )


def forget_rename(former: str) -> None:
    """Use the former name again."""
    RenamedRepository.objects.filter(pk=former.casefold()).delete()


def rename_note(repository: str) -> str:
    """Return a sentence about the repository's rename; "" if it was not renamed."""
    rename = renames_of(repository.casefold()).first()
    if rename is None:
        return ""
    is_known = rename.current != repository
    return f"GitHub has renamed {repository} to {rename.current if is_known else rename.path}"
