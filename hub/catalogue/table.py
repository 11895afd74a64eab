"""The CSV format of the catalogue: its columns, escaping and export."""

import csv
import io
import re
from collections.abc import Iterable

from hub.models import Exporter

COLUMNS = ("slug", "title", "project_name", "repository", "category", "official", "description")
# The model field of each column.
FIELDS = tuple("category__name" if column == "category" else column for column in COLUMNS)
# Column names in other lists; NexClipper/exporterhub.io misspells `offcial`.
ALIASES = {"github_url": "repository", "offcial": "official"}
REQUIRED = ("title", "repository", "category")

# Spreadsheets run cells that begin like this as formulas (OWASP, "CSV Injection"). A spreadsheet
# may also split at other separators than the comma, and then ignores the quotes around a cell.
_FORMULA_START = r"""(?=['\s]*[=+\-@＝＋－＠])"""
_CELL_START = rf"""(?:\A|(?<=[;|\t\r\n])){_FORMULA_START}|\A(?=['\s]*[\t\r\n])"""
_FORMULA = re.compile(_CELL_START)
_ESCAPED = re.compile(rf"(?:{_CELL_START})'")


def escape_formula(text: str) -> str:
    """Return a cell with an apostrophe before each text that a spreadsheet would run as a formula.

    Text with apostrophes before a formula gets one too, so `unescape_formula` is exact.
    """
    return _FORMULA.sub("'", text)


def unescape_formula(cell: str) -> str:
    """Return the text that `escape_formula` was called with."""
    return _ESCAPED.sub("", cell)


def write_csv(rows: Iterable[Iterable[str | bool]]) -> str:
    """Return a CSV file of rows with a value for each of `COLUMNS`."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow(escape_formula(v if isinstance(v, str) else str(int(v))) for v in row)
    return file.getvalue()


def export() -> str:
    """Return all exporters by slug as CSV. Importing the file again changes nothing."""
    return write_csv(Exporter.objects.order_by("slug").values_list(*FIELDS))
