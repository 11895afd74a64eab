"""The catalogue: which exporters exist."""

from django.db import models

from hub.contents.matching import Names, normalise


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
        return {exporter.pk: exporter.names for exporter in self}


class Exporter(models.Model):
    """An exporter, or a project that speaks the exposition format itself."""

    slug = models.SlugField(max_length=80, unique=True)
    title = models.CharField(max_length=120, unique=True)
    project_name = models.CharField(max_length=120, blank=True)
    repository = models.URLField(max_length=200, unique=True)
    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="exporters")
    official = models.BooleanField(
        default=False, help_text="Kept by the Prometheus team (github.com/prometheus)."
    )
    description = models.CharField(max_length=300, blank=True)

    objects = ExporterQuerySet.as_manager()

    class Meta:
        ordering = ["title"]

    def __str__(self) -> str:
        return self.title

    @property
    def names(self) -> Names:
        """The normalised names under which a directory may hold this exporter's contents."""
        repository = self.repository.rstrip("/").rpartition("/")[2]
        given = (self.title, self.project_name, self.slug)
        return Names(frozenset(normalise(name) for name in given if name), normalise(repository))
