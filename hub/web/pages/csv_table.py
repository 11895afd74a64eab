"""Show a CSV file, such as `Redis_alert.csv`, as a table."""

import csv
from io import StringIO
from itertools import islice

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from hub.web.pages.prose import Prose

_LONGEST = 100_000  # characters
_MAX_ROWS = 200
_MAX_COLUMNS = 20


def csv_table(text: str) -> Prose:
    """Return the file as an HTML table.

    The first of several lines names the columns, unless one of its cells is empty or a number.
    """
    shown = text[:_LONGEST].removeprefix("\ufeff")
    reader = csv.reader(StringIO(shown, newline=""), skipinitialspace=True)
    rows = list(islice((row for row in reader if any(row)), _MAX_ROWS + 1))
    is_whole = len(rows) <= _MAX_ROWS and all(len(row) <= _MAX_COLUMNS for row in rows)
    rows = [row[:_MAX_COLUMNS] for row in rows[:_MAX_ROWS]]
    width = max((len(row) for row in rows), default=0)
    for row in rows:
        row += [""] * (width - len(row))
    header = rows.pop(0) if len(rows) > 1 and _names_columns(rows[0]) else []
    table = format_html(
        '<div class="readme__table" tabindex="0" role="group" aria-label="Table">'
        "<table>{}<tbody>{}</tbody></table></div>",
        format_html("<thead>{}</thead>", _row('<th scope="col">{}</th>', header)) if header else "",
        format_html_join("", "{}", ((_row("<td>{}</td>", row),) for row in rows)),
    )
    return Prose(table, len(text) > _LONGEST or not is_whole)


def _names_columns(row: list[str]) -> bool:
    return all(cell.strip() and not cell.strip().isdecimal() for cell in row)


def _row(cell: str, values: list[str]) -> SafeString:
    return format_html("<tr>{}</tr>", format_html_join("", cell, ((value,) for value in values)))
