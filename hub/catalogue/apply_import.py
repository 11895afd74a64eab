"""Apply an import to the catalogue in one transaction."""

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q

from hub.catalogue.importing import ImportPlan, KnownExporter, compare, parse_csv
from hub.catalogue.table import COLUMNS, FIELDS
from hub.content.map.render_map import show_catalogue
from hub.models import Category, Exporter
from hub.models.catalogue import RESET_FACTS
from hub.models.search_index import reindex


class NotApplied(Exception):
    """The import was not applied; the message says why and what to do."""


def plan_import(data: bytes, *, only_new: bool = False) -> ImportPlan:
    """Return what importing the CSV file `data` would change. Writes nothing."""
    categories = Category.objects.values_list("name", flat=True)
    known = [
        KnownExporter(pk, dict(zip(COLUMNS, values, strict=True)), renamed_to)
        for pk, renamed_to, *values in Exporter.objects.values_list("pk", "renamed_to", *FIELDS)
    ]
    return compare(parse_csv(data), known, categories, only_new=only_new)


def apply_import(plan: ImportPlan) -> None:
    """Write the plan. Raises `NotApplied` if it has problems or the catalogue has changed."""
    if plan.problems:
        raise NotApplied("the file has errors, so nothing was imported")
    if plan.changes_nothing:
        return
    try:
        with transaction.atomic():
            _write(plan)
            show_catalogue()
    except IntegrityError:
        raise NotApplied(
            "someone else changed the catalogue meanwhile, so nothing was imported: try again"
        ) from None


def _write(plan: ImportPlan) -> None:
    names = [new.values["category"] for new in plan.new]
    names += [c.changes["category"][1] for c in plan.changed if "category" in c.changes]
    categories = {name: Category.objects.get_or_create(name=name)[0] for name in sorted(set(names))}

    def fields(values: dict[str, Any]) -> dict[str, Any]:
        """Replace the category's name with its row."""
        return {k: categories[v] if k == "category" else v for k, v in values.items()}

    Exporter.objects.bulk_create(Exporter(**fields(new.values)) for new in plan.new)
    exporters = Exporter.objects.select_for_update().in_bulk([c.id for c in plan.changed])
    written: set[str] = set()
    for changed in plan.changed:
        exporter = exporters.get(changed.id)
        if exporter is None:
            raise IntegrityError("an exporter was deleted")
        new_values = fields({column: value for column, (_, value) in changed.changes.items()})
        if "repository" in new_values:
            new_values |= RESET_FACTS
        for name, value in new_values.items():
            setattr(exporter, name, value)
        written |= new_values.keys()
    if exporters:
        Exporter.objects.bulk_update(exporters.values(), sorted(written), batch_size=500)
    slugs = [new.values["slug"] for new in plan.new]
    reindex(Exporter.objects.filter(Q(slug__in=slugs) | Q(pk__in=exporters)))
