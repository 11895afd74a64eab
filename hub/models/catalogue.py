"""Models of the catalogue: exporters, their categories, logos, facts and views."""

from collections.abc import Collection
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.urls import reverse

from hub import clock
from hub.models.choices import Reason
from hub.models.fields import PastDateTimeField
from hub.models.rendered import RenderedText
from hub.names.directories import Names, normalise
from hub.names.repositories import NotARepository, repository_of, url_of


class Category(models.Model):
    """A category of the catalogue, such as Database or Messaging."""

    name = models.CharField(max_length=60, unique=True)

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "categories"

    def __str__(self) -> str:
        return self.name


class ExporterQuerySet(models.QuerySet["Exporter"]):
    def names(self) -> dict[int, Names]:
        """Return exporter id → normalised names, which are matched with directories."""
        named = self.only("title", "project_name", "slug", "repository")
        return {exporter.pk: exporter.names for exporter in named}

    def without_facts(self) -> "ExporterQuerySet":
        """Return the exporters whose facts were never fetched."""
        return self.filter(facts_at__isnull=True)

    @transaction.atomic
    def delete(self) -> tuple[int, dict[str, int]]:
        """Delete the exporters. See `lock_exporters`."""
        lock_exporters(list(self.values_list("pk", flat=True)))
        return super().delete()

    # As Django marks its own method: without this, `Exporter.objects.delete()` would exist.
    delete.queryset_only = True  # type: ignore[attr-defined]


def lock_exporters(ids: Collection[int]) -> None:
    """Lock exporters before they are deleted. Call it in the transaction that deletes them.

    Django deletes the rows that refer to an exporter first. Without the lock, a reader's view or a
    lookup of facts could add another one before the exporter is deleted, which Postgres rejects.
    """
    list(Exporter.objects.select_for_update().filter(pk__in=ids).order_by("pk").values_list("pk"))


def validate_repository(url: str) -> None:
    """Raise `ValidationError` unless `url` is exactly `https://github.com/OWNER/NAME`."""
    try:
        canonical = url_of(repository_of(url))
    except NotARepository as fault:
        raise ValidationError(str(fault)) from None
    if url != canonical:
        raise ValidationError(f"Write it as {canonical}")


# Set when an exporter's repository changes, so that its facts are fetched again.
RESET_FACTS: dict[str, Any] = {"renamed_to": "", "facts_at": None, "facts_problem": ""}


class Exporter(models.Model):
    """An exporter, or a project that exposes Prometheus metrics natively."""

    slug = models.SlugField(max_length=80, unique=True)
    title = models.CharField(max_length=120, unique=True)
    project_name = models.CharField(max_length=120, blank=True)
    repository = models.URLField(max_length=200, unique=True, validators=[validate_repository])
    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="exporters")
    official = models.BooleanField(
        default=False, help_text="Maintained by the Prometheus team (github.com/prometheus)."
    )
    description = models.CharField(max_length=300, blank=True)
    # The media type of the `Logo`; without a logo, the pages show the title's first letters.
    logo_type = models.CharField(max_length=40, blank=True, editable=False)
    # The first digits of the logo's SHA-256, part of its URL so that browsers can cache it.
    logo_version = models.CharField(max_length=16, blank=True, editable=False)
    views = models.PositiveIntegerField(default=0, editable=False)
    added_at = PastDateTimeField(default=clock.now, editable=False)

    # Facts of its repository, last fetched at `facts_at`. A failed lookup does not change them.
    stars = models.PositiveIntegerField(null=True, editable=False)
    archived = models.BooleanField(default=False, editable=False)
    default_branch = models.CharField(max_length=255, blank=True, editable=False)
    renamed_to = models.URLField(max_length=200, blank=True, editable=False)
    last_release_at = models.DateTimeField(null=True, editable=False)
    facts_at = PastDateTimeField(null=True, editable=False)
    facts_problem = models.CharField(
        max_length=20, choices=Reason.choices, blank=True, editable=False
    )

    # The search index: words for full-text search, and trigrams of the names for misspelt ones.
    words = SearchVectorField(null=True, editable=False)
    trigrams = ArrayField(models.CharField(max_length=3), default=list, editable=False)

    objects = ExporterQuerySet.as_manager()

    class Meta:
        ordering = ["title"]
        indexes = [
            GinIndex(fields=["words"], name="exporter_words"),
            GinIndex(fields=["trigrams"], name="exporter_trigrams"),
        ]

    def __str__(self) -> str:
        return self.title

    @transaction.atomic
    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Delete the exporter. See `lock_exporters`."""
        lock_exporters([self.pk])
        return super().delete(*args, **kwargs)

    @property
    def names(self) -> Names:
        """The normalised names that a directory of this exporter can have."""
        repository = self.repository.rstrip("/").rpartition("/")[2]
        given = (self.title, self.project_name, self.slug)
        return Names(frozenset(normalise(name) for name in given if name), normalise(repository))

    @property
    def logo_url(self) -> str:
        """The URL of the logo; "" without one."""
        if not self.logo_type:
            return ""
        return f"{reverse('exporter_logo', args=[self.slug])}?v={self.logo_version}"


class Logo(models.Model):
    """An exporter's logo, in a separate table so that list queries do not load its bytes."""

    exporter = models.OneToOneField(
        Exporter, primary_key=True, on_delete=models.CASCADE, related_name="logo"
    )
    data = models.BinaryField()

    def __str__(self) -> str:
        return f"logo of {self.exporter_id}"


class Readme(RenderedText):
    """The README of an exporter's repository."""

    exporter = models.OneToOneField(
        Exporter, primary_key=True, on_delete=models.CASCADE, related_name="readme"
    )
    path = models.CharField(max_length=255)
    sha = models.CharField(max_length=64)
    text = models.TextField()

    def __str__(self) -> str:
        return self.path


class ReleaseQuerySet(models.QuerySet["Release"]):
    def newest_of(self, exporter: Any) -> "ReleaseQuerySet":
        """Return the exporter's releases, the newest first, and prereleases last."""
        return self.filter(exporter=exporter).order_by("prerelease", "-published_at")


class Release(RenderedText):
    """A published release of an exporter's repository."""

    exporter = models.ForeignKey(Exporter, on_delete=models.CASCADE, related_name="releases")
    tag = models.CharField(max_length=200)
    name = models.CharField(max_length=300, blank=True)
    body = models.TextField(blank=True)
    url = models.URLField(max_length=500)
    prerelease = models.BooleanField(default=False)
    published_at = models.DateTimeField()

    objects = ReleaseQuerySet.as_manager()

    class Meta:
        ordering = ["-published_at"]
        constraints = [
            models.UniqueConstraint(fields=["exporter", "tag"], name="one_release_per_tag")
        ]

    def __str__(self) -> str:
        return self.tag


class DailyViews(models.Model):
    """The views of an exporter's page on one day, for the sort order "Trending"."""

    exporter = models.ForeignKey(Exporter, on_delete=models.CASCADE, related_name="daily_views")
    day = models.DateField()
    views = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["exporter", "day"], name="one_count_per_day")
        ]
        indexes = [models.Index(fields=["day"], name="views_by_day")]

    def __str__(self) -> str:
        return f"{self.exporter_id} {self.day}"
