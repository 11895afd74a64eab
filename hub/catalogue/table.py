"""The catalogue as a CSV file: its columns, and how a cell is written and read. Pure."""

import csv
import io
import re
from collections.abc import Iterable

COLUMNS = ("slug", "title", "project_name", "repository", "category", "official", "description")
# What other lists call them; `offcial` is how the list of NexClipper/exporterhub.io spells it.
ALIASES = {"github_url": "repository", "offcial": "official"}
REQUIRED = ("title", "repository", "category")

# A spreadsheet runs a cell that begins so as a formula (OWASP, "CSV Injection").
_FORMULA = re.compile(r"'*(?:\s*[=+\-@]|[\t\r\n])")


def guarded(text: str) -> str:
    """The cell for `text`: no spreadsheet takes it for a formula.

    An apostrophe comes before what begins like one, and before apostrophes that precede such a
    beginning; so `unguarded` gives back exactly what was there.
    """
    return f"'{text}" if _FORMULA.match(text) else text


def unguarded(cell: str) -> str:
    """What `guarded` was given."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def write(rows: Iterable[dict[str, str]]) -> str:
    """A CSV file in the hub's own shape; `rows` hold the text of each column."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([guarded(row[column]) for column in COLUMNS])
    return file.getvalue()
