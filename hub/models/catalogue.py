"""The catalogue: which exporters exist."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.core.exceptions import ValidationError
from django.db import models
from django.urls import reverse
from django.utils import timezone

from hub.models.choices import Reason
from hub.names.directories import Names, normalise
from hub.names.repositories import NotARepository, repository_of, url_of


class Category(models.Model):
    """A shelf of the catalogue, such as Database or Messaging."""

    name = models.CharField(max_length=60, unique=True)

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "categories"

    def __str__(self) -> str:
        return self.name


class ExporterQuerySet(models.QuerySet["Exporter"]):
    """Exporters, by intent."""

    def names(self) -> dict[int, Names]:
        """Each exporter's normalised names, by its id: what directories are matched with."""
        named = self.only("title", "project_name", "slug", "repository")
        return {exporter.pk: exporter.names for exporter in named}

    def without_facts(self) -> "ExporterQuerySet":
        """Those of whose repository GitHub has told nothing yet."""
        return self.filter(facts_at__isnull=True)

    def never_asked(self) -> "ExporterQuerySet":
        """Those without facts for no other reason than being new."""
        return self.without_facts().filter(facts_problem="")


def validate_repository(url: str) -> None:
    """Refuse what is not written exactly as `https://github.com/OWNER/NAME`."""
    try:
        canonical = url_of(repository_of(url))
    except NotARepository as fault:
        raise ValidationError(str(fault)) from None
    if url != canonical:
        raise ValidationError(f"Write it as {canonical}")


# What an exporter is given together with another repository: its facts are asked for anew.
FACTS_NOT_ASKED: dict[str, Any] = {"renamed_to": "", "facts_at": None, "facts_problem": ""}


class Exporter(models.Model):
    """An exporter, or a project that speaks the exposition format itself."""

    slug = models.SlugField(max_length=80, unique=True)
    title = models.CharField(max_length=120, unique=True)
    project_name = models.CharField(max_length=120, blank=True)
    repository = models.URLField(max_length=200, unique=True, validators=[validate_repository])
    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="exporters")
    official = models.BooleanField(
        default=False, help_text="Kept by the Prometheus team (github.com/prometheus)."
    )
    description = models.CharField(max_length=300, blank=True)
    # The media type of its `Logo`; without one the pages draw the title's first letters.
    logo_type = models.CharField(max_length=40, blank=True, editable=False)
    # The beginning of its SHA-256: part of its address, so that browsers may cache it.
    logo_version = models.CharField(max_length=16, blank=True, editable=False)
    views = models.PositiveIntegerField(default=0, editable=False)
    added_at = models.DateTimeField(default=timezone.now, editable=False)
    # When what its directories hold last changed; set by the publisher.
    contents_changed_at = models.DateTimeField(null=True, editable=False)

    # Facts of its repository, as GitHub last told them (`facts_at`); kept when it cannot be asked.
    stars = models.PositiveIntegerField(null=True, editable=False)
    archived = models.BooleanField(default=False, editable=False)
    default_branch = models.CharField(max_length=255, blank=True, editable=False)
    renamed_to = models.URLField(max_length=200, blank=True, editable=False)
    last_release_at = models.DateTimeField(null=True, editable=False)
    facts_at = models.DateTimeField(null=True, editable=False)
    facts_problem = models.CharField(
        max_length=20, choices=Reason.choices, blank=True, editable=False
    )

    # What the search looks in: Postgres' words, and trigrams of the names for misspelt ones.
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

    @property
    def names(self) -> Names:
        """The normalised names under which a directory may hold this exporter's contents."""
        repository = self.repository.rstrip("/").rpartition("/")[2]
        given = (self.title, self.project_name, self.slug)
        return Names(frozenset(normalise(name) for name in given if name), normalise(repository))

    @property
    def logo_url(self) -> str:
        """Where its logo is; "" without one."""
        if not self.logo_type:
            return ""
        return f"{reverse('exporter_logo', args=[self.slug])}?v={self.logo_version}"


class Logo(models.Model):
    """An exporter's small picture. A table of its own, so that lists do not carry the bytes."""

    exporter = models.OneToOneField(
        Exporter, primary_key=True, on_delete=models.CASCADE, related_name="logo"
    )
    data = models.BinaryField()

    def __str__(self) -> str:
        return f"logo of {self.exporter_id}"


class Readme(models.Model):
    """The README of an exporter's repository."""

    exporter = models.OneToOneField(
        Exporter, primary_key=True, on_delete=models.CASCADE, related_name="readme"
    )
    path = models.CharField(max_length=255)
    sha = models.CharField(max_length=64)
    text = models.TextField()

    def __str__(self) -> str:
        return self.path


class Release(models.Model):
    """A published release of an exporter's repository."""

    exporter = models.ForeignKey(Exporter, on_delete=models.CASCADE, related_name="releases")
    tag = models.CharField(max_length=200)
    name = models.CharField(max_length=300, blank=True)
    body = models.TextField(blank=True)
    url = models.URLField(max_length=500)
    prerelease = models.BooleanField(default=False)
    published_at = models.DateTimeField()

    class Meta:
        ordering = ["-published_at"]
        constraints = [
            models.UniqueConstraint(fields=["exporter", "tag"], name="one_release_per_tag")
        ]

    def __str__(self) -> str:
        return self.tag


class DailyViews(models.Model):
    """How often an exporter's page was opened on one day: what trends."""

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
