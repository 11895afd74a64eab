"""Fetch the pictures in the served directories, after a publication. Lookups never fetch them.

GraphQL returns no bytes of binary files, so each picture costs a REST request.
"""

import logging
from datetime import timedelta
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db import transaction
from django.db.models import CharField, Exists, F, Func, JSONField, OuterRef, QuerySet, Value
from django.db.models.functions import JSONObject

from hub import clock
from hub.content.picture_rules import (
    CheckedPicture,
    NotAPicture,
    check_picture,
    picture_paths,
)
from hub.github import errors
from hub.github.client import shared_client
from hub.github.source import configured_source
from hub.github.tokens import shared_pool
from hub.models import ContentTree, ExporterContents, FactsRun, Picture, RefreshRun

logger = logging.getLogger(__name__)

_BATCH = 50  # requests of one task; housekeeping sends the next one
# Longer than one request takes with the wait for the budget and all retries.
_RETRY_AFTER = timedelta(minutes=10)
_TREES = 500  # read at once, with up to a thousand files each


def any_missing() -> bool:
    """Return whether a picture is to be fetched now."""
    return bool(_missing_pictures())


def fetch_pictures() -> None:
    """Fetch some of the missing pictures, until a lookup needs the budget or GitHub fails.

    Half of the hourly rate limit stays for refreshes. A picture that GitHub did not return, or
    whose worker died, is fetched again ten minutes later; without a token or budget, by the next
    task.
    """
    repository = configured_source().repository
    for sha in _missing_pictures()[:_BATCH]:
        if RefreshRun.objects.open().exists() or FactsRun.objects.open().exists():
            return
        try:
            if not shared_pool().is_half_left():
                return
        except errors.GitHubError:  # no token can be used now
            return
        if not _claim(sha):
            continue
        try:
            data, _ = shared_client().blob(repository, sha)
        except (errors.NoToken, errors.RateLimited, errors.BudgetSpent):
            Picture.objects.filter(pk=sha).update(retry_at=clock.now())
            return
        except errors.GitHubError as error:
            logger.warning("picture %s: not fetched: %s", sha, error)
            return
        _store(sha, data)


def _missing_pictures() -> list[str]:
    """Return the SHAs of pictures of served directories that are to be fetched now.

    Trees of which no picture is missing are marked, and never read again. Trees without `links` are
    from an earlier version: the next lookup adds the files behind their links.
    """
    now = clock.now()
    rows = ExporterContents.objects.filter(source=configured_source().key)
    trees = ContentTree.objects.filter(
        has_all_pictures=False, links__isnull=False, pk__in=rows.values("tree_sha")
    )
    while True:
        batch = trees.order_by("pk").values_list("pk", "files")[:_TREES]
        named = {tree: _pictures_in(files) for tree, files in batch}
        pictures = Picture.objects.filter(pk__in={sha for shas in named.values() for sha in shas})
        retry_at = dict(pictures.values_list("pk", "retry_at"))
        complete = [
            tree
            for tree, shas in named.items()
            if all(retry_at.get(sha, now) is None for sha in shas)
        ]
        marked = _mark(complete)
        found = dict.fromkeys(sha for shas in named.values() for sha in shas)  # without duplicates
        due = [sha for sha in found if (at := retry_at.get(sha, now)) and at <= now]
        if due or not marked:
            return due


def _mark(complete: list[str]) -> int:
    """Mark trees as those without a missing picture, except locked ones. Return the number.

    Lookups and housekeeping lock trees, too, and to wait for them here could be a deadlock.
    """
    with transaction.atomic():
        trees = ContentTree.objects.filter(pk__in=complete).select_for_update(skip_locked=True)
        free = list(trees.values_list("pk", flat=True))
        return ContentTree.objects.filter(pk__in=free).update(has_all_pictures=True)


def _pictures_in(files: list[tuple[str, str, int]]) -> list[str]:
    """Return the SHAs of the pictures to show. `files`: as `ContentTree.files`."""
    shas = {path: sha for path, sha, _ in files}
    return [shas[path] for path in picture_paths((path, size) for path, _, size in files)]


def _claim(sha: str) -> bool:
    """Let only this task fetch the picture for the next ten minutes. False if another one does."""
    now = clock.now()
    Picture.objects.bulk_create([Picture(sha=sha, retry_at=now)], ignore_conflicts=True)
    due = Picture.objects.filter(pk=sha, retry_at__lte=now)
    return bool(due.update(retry_at=now + _RETRY_AFTER))


def _store(sha: str, data: bytes) -> None:
    """Store the picture, or why it is none, so that it is never fetched again."""
    refused = ""
    try:
        checked = check_picture(data)
    except NotAPicture as fault:
        checked, refused = CheckedPicture(b"", "", 0, 0), str(fault)
        logger.info("picture %s: not shown: %s", sha, refused)
    Picture.objects.filter(pk=sha).update(**vars(checked), refused=refused, retry_at=None)


def with_pictures(rows: QuerySet[Any], tree_sha: str = "tree_sha") -> QuerySet[Any]:
    """Annotate the rows with `tree_pictures`: what `Picture` has of their files, without bytes."""
    elements = Func(F("files"), function="jsonb_array_elements", output_field=JSONField())
    sha = Func(
        *(elements, Value(1)),
        template="(%(expressions)s)",
        arg_joiner=" ->> ",
        output_field=CharField(),
    )
    trees = ContentTree.objects.filter(pk=OuterRef(OuterRef(tree_sha)))
    named = trees.annotate(named=sha).values("named")
    columns = ("sha", "media_type", "width", "height")
    pictures = Picture.objects.shown().filter(sha__in=named)
    found = pictures.values(found=JSONObject(**{column: column for column in columns}))
    annotated: QuerySet[Any] = rows.annotate(tree_pictures=ArraySubquery(found))
    return annotated


def served_pictures(source: str, slug: str, sha: str) -> QuerySet[Picture]:
    """Return the picture if a served directory of the exporter has it."""
    rows = ExporterContents.objects.filter(source=source, exporter__slug=slug)
    trees = ContentTree.objects.filter(pk__in=rows.values("tree_sha")).naming(sha)
    return Picture.objects.shown().filter(Exists(trees), pk=sha)
