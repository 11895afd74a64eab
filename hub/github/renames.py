"""Repositories that were renamed or transferred.

GitHub redirects their former names. A redirect costs a request, so the hub stores the new name and
uses it for requests and links. A source keeps its configured name, and so its data.
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


def store_rename(former: str, current: str) -> None:
    """Store the name to which GitHub redirects a former name."""
    if former.casefold() == current.casefold():
        forget_rename(former)  # renamed back, or redirected for another reason
        return
    if not is_repository(current):
        return
    logger.warning("GitHub has renamed %s to %s: the hub uses the new name", former, current)
    RenamedRepository.objects.update_or_create(
        pk=former.casefold(), defaults={"current": current, "seen_at": clock.now()}
    )


def confirm_rename(former: str) -> None:
    """Record that GitHub still redirects a former name to the same repository."""
    RenamedRepository.objects.filter(pk=former.casefold()).update(seen_at=clock.now())


def forget_rename(former: str) -> None:
    """Use the former name again."""
    RenamedRepository.objects.filter(pk=former.casefold()).delete()


def rename_note(repository: str) -> str:
    """Return a sentence about the repository's rename; "" if it was not renamed."""
    current = current_name(repository)
    return f"GitHub has renamed {repository} to {current}" if current != repository else ""
