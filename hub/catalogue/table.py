"""The catalogue as a CSV file: its columns, and how a cell is written and read."""

import csv
import io
import re
from collections.abc import Iterable, Mapping

from hub.models import Exporter

COLUMNS = ("slug", "title", "project_name", "repository", "category", "official", "description")
# Where each column is in the database.
FIELDS = tuple("category__name" if column == "category" else column for column in COLUMNS)
# Names in other lists; `offcial` is a misspelling in the list of NexClipper/exporterhub.io.
ALIASES = {"github_url": "repository", "offcial": "official"}
REQUIRED = ("title", "repository", "category")

# Spreadsheets run a cell that begins so as a formula (OWASP, "CSV Injection").
_FORMULA = re.compile(r"'*(?:\s*[=+\-@]|[\t\r\n])")


def guarded(text: str) -> str:
    """The cell for `text`, with an apostrophe before what a spreadsheet would run as a formula.

    Text that begins with apostrophes and a formula gets one too, so `unguarded` is exact.
    """
    return f"'{text}" if _FORMULA.match(text) else text


def unguarded(cell: str) -> str:
    """The text that `guarded` was called with."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def write_csv(rows: Iterable[Mapping[str, str | bool]]) -> str:
    """A CSV file of rows that have all columns."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        values = (row[column] for column in COLUMNS)
        writer.writerow(guarded(v if isinstance(v, str) else str(int(v))) for v in values)
    return file.getvalue()


def export() -> str:
    """All exporters by slug; an import takes the file back without a change."""
    rows = Exporter.objects.order_by("slug").values_list(*FIELDS)
    return write_csv(dict(zip(COLUMNS, row, strict=True)) for row in rows)
