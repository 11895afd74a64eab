"""Parse a CSV file of exporters and compare it with the catalogue. `apply_import` writes."""

import csv
import hashlib
import io
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.text import slugify

from hub.catalogue.table import ALIASES, COLUMNS, REQUIRED, unescape_formula
from hub.names.repositories import NotARepository, repository_of, url_of

# The `max_length` of the model fields in `hub.models.catalogue` (a test compares them).
MAX_LENGTHS = {
    "slug": 80,
    "title": 120,
    "project_name": 120,
    "repository": 200,
    "category": 60,
    "description": 300,
}
_YES, _NO = {"1", "true", "yes"}, {"0", "false", "no", ""}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_MAX_PROBLEMS = 50  # more are not helpful: it is probably the wrong file
_IDENTIFYING = ("slug", "title", "repository")


@dataclass(frozen=True)
class ImportProblem:
    """A reason why a file cannot be imported, with the line number (from 1)."""

    line: int
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}"


@dataclass(frozen=True)
class ImportRow:
    """A row with the columns of the file, or a new exporter with all columns."""

    line: int
    values: dict[str, Any]  # text; `official` is a bool


@dataclass(frozen=True)
class KnownExporter:
    """An exporter in the catalogue, with all columns."""

    id: int
    values: dict[str, Any]
    renamed_to: str = ""


@dataclass(frozen=True)
class ChangedExporter:
    """An exporter to update: column → (old value, new value)."""

    line: int
    id: int
    title: str
    changes: dict[str, tuple[Any, Any]]


@dataclass(frozen=True)
class ImportPlan:
    """The changes of an import. If there are problems, nothing is imported."""

    new: tuple[ImportRow, ...] = ()
    changed: tuple[ChangedExporter, ...] = ()
    unchanged: int = 0
    problems: tuple[ImportProblem, ...] = ()

    @property
    def changes_nothing(self) -> bool:
        """Whether the import has nothing to write."""
        return not (self.new or self.changed)

    @property
    def digest(self) -> str:
        """A hash of the plan, to check that the confirmed plan is the one that was shown."""
        return hashlib.sha256(repr(self).encode()).hexdigest()

    @property
    def summary(self) -> str:
        """The numbers of new, changed and unchanged exporters."""
        return f"{len(self.new)} new, {len(self.changed)} changed, {self.unchanged} unchanged"


@dataclass(frozen=True)
class ImportFile:
    """The rows and problems of a parsed file."""

    rows: tuple[ImportRow, ...] = ()
    problems: tuple[ImportProblem, ...] = ()


def parse_csv(data: bytes) -> ImportFile:
    """Parse a file with the hub's columns, or those of NexClipper's `exporter_list.csv`."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        at = fault.start + (len(data) - len(fault.object))  # `fault` does not count the BOM
        line = data.count(b"\n", 0, at) + 1
        problem = f"byte {at + 1} of the file (0x{data[at]:02x}) is not UTF-8"
        return ImportFile(problems=(ImportProblem(line, f"{problem}: save the file as UTF-8"),))
    if not text.strip():
        return ImportFile(problems=(ImportProblem(1, "the file is empty: it needs a header row"),))
    reader = _Reader(text)
    rows = tuple(reader.rows())
    return ImportFile(rows, tuple(reader.problems[:_MAX_PROBLEMS]))


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self.problems: list[ImportProblem] = []

    def rows(self) -> Iterator[ImportRow]:
        lines = self._lines()
        header = next(lines, None)
        columns = self._columns(*header) if header else None
        if columns is None:
            return
        empty = True
        for line, cells in lines:
            if any(cell.strip() for cell in cells):
                empty = False
                values = self._values(line, columns, cells)
                if values is not None:
                    yield ImportRow(line, values)
        if empty and not self.problems:
            self._problem(2, "there are no exporters after the header row")

    def _lines(self) -> Iterator[tuple[int, list[str]]]:
        """Yield each record with its first line number. Stop at an invalid record."""
        reader = csv.reader(io.StringIO(self._text, newline=""), strict=True)
        line = 1
        try:
            for cells in reader:
                if cells:
                    yield line, cells
                line = reader.line_num + 1
        except csv.Error as fault:
            self._problem(line, _csv_fault(fault))

    def _columns(self, line: int, cells: Sequence[str]) -> list[str] | None:
        """Return the columns ("" for one without a name), or None if they are invalid."""
        names = [cell.strip().casefold() for cell in cells]
        columns = [ALIASES.get(name, name) for name in names]
        unknown = [name for name in columns if name and name not in COLUMNS]
        repeated = sorted({name for name in columns if name and columns.count(name) > 1})
        missing = [name for name in REQUIRED if name not in columns]
        if missing:
            self._problem(line, f"missing column: {_listed(missing)}; {_expected()}")
        elif unknown:
            self._problem(line, f"unknown column: {_listed(unknown)}; {_expected()}")
        elif repeated:
            self._problem(line, f"repeated column: {_listed(repeated)}")
        else:
            return columns
        return None

    def _values(self, line: int, columns: list[str], cells: list[str]) -> dict[str, Any] | None:
        """Return the row's values, or None if one of them is invalid."""
        before = len(self.problems)
        named = max(place for place, name in enumerate(columns, start=1) if name)
        if len(cells) < named:
            missing = [name for name in columns[len(cells) :] if name]
            self._problem(line, f"{len(cells)} of {named} columns: {_listed(missing)} is missing")
            return None
        if any(cell.strip() for cell in cells[len(columns) :]):
            found = f"{len(cells)} fields for {len(columns)} columns"
            self._problem(line, f"{found}: put text that contains a comma in double quotes")
            return None
        values: dict[str, Any] = {}
        for column, cell in zip(columns, cells, strict=False):
            if column:
                values[column] = self._value(line, column, unescape_formula(cell.strip()))
        return values if len(self.problems) == before else None

    def _value(self, line: int, column: str, text: str) -> Any:
        if column == "official":
            if text.casefold() not in _YES | _NO:
                self._problem(line, f"official is “{_short(text)}”: it must be 1 or 0")
            return text.casefold() in _YES
        max_length = MAX_LENGTHS[column]
        if len(text) > max_length:
            self._problem(line, f"{column} has {len(text)} characters, the maximum is {max_length}")
        elif _CONTROL.search(text):
            self._problem(line, f"{column} contains a line break or another control character")
        elif not text and column in REQUIRED:
            self._problem(line, f"{column} is empty")
        elif column == "repository":
            try:
                return url_of(repository_of(text))
            except NotARepository as fault:
                self._problem(line, str(fault))
        elif column == "slug" and text and slugify(text) != text:
            problem = f"slug is “{_short(text)}”: use lower-case letters, digits and hyphens"
            self._problem(line, problem)
        return text

    def _problem(self, line: int, text: str) -> None:
        self.problems.append(ImportProblem(line, text))


def _csv_fault(fault: csv.Error) -> str:
    if "field limit" in str(fault):
        return f"a field is longer than {csv.field_size_limit():,} characters"
    if "unexpected end of data" in str(fault):
        return "a double quote is not closed"
    return f"not valid CSV ({fault})"


def _expected() -> str:
    return f"required: {', '.join(REQUIRED)}; allowed: {', '.join(COLUMNS)}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(_short(name) for name in names)


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"


def compare(
    file: ImportFile,
    known: Iterable[KnownExporter],
    categories: Iterable[str] = (),
    *,
    only_new: bool = False,
) -> ImportPlan:
    """Return the changes of importing `file` into a catalogue of `known` and `categories`.

    A row is matched by its slug; without a slug, by its repository or else its title. With
    `only_new`, rows that match or conflict with an exporter are skipped.
    """
    catalogue = _Catalogue(known, file.rows)
    lines: dict[tuple[str, str], int] = {}
    existing = {name.casefold(): name for name in categories}
    problems, new, changed, unchanged = list(file.problems), [], [], 0
    for row in file.rows:
        category = row.values["category"]
        row.values["category"] = existing.setdefault(category.casefold(), category)
        exporter = catalogue.match(row)
        repeated, conflict = _repeated(row, lines), catalogue.conflict(row, exporter)
        if repeated:
            problems.append(ImportProblem(row.line, repeated))
        elif only_new and (exporter or conflict):
            unchanged += 1
        elif conflict:
            problems.append(ImportProblem(row.line, conflict))
        elif exporter is None:
            new.append(ImportRow(row.line, catalogue.complete(row)))
        elif changes := _differences(exporter, row):
            title = exporter.values["title"]
            changed.append(ChangedExporter(row.line, exporter.id, title, changes))
        else:
            unchanged += 1
    problems.sort(key=lambda problem: problem.line)
    return ImportPlan(tuple(new), tuple(changed), unchanged, tuple(problems))


def _repeated(row: ImportRow, lines: dict[tuple[str, str], int]) -> str:
    """Return the problem if an earlier line has the same value, or "". Extends `lines`."""
    for column in _IDENTIFYING:
        if value := str(row.values.get(column, "")):
            line = lines.setdefault((column, value.casefold()), row.line)
            if line != row.line:
                return f"line {line} already has the {column} “{_short(value)}”"
    return ""


class _Catalogue:
    """Indexes the known exporters by slug, title and repository."""

    def __init__(self, known: Iterable[KnownExporter], rows: Iterable[ImportRow]) -> None:
        exporters = list(known)
        self._by: dict[str, dict[str, KnownExporter]] = {
            column: {str(e.values[column]).casefold(): e for e in exporters}
            for column in _IDENTIFYING
        }
        for exporter in exporters:
            if exporter.renamed_to:
                self._by["repository"].setdefault(exporter.renamed_to.casefold(), exporter)
        self._slugs = set(self._by["slug"]) | {str(row.values.get("slug", "")) for row in rows}

    def match(self, row: ImportRow) -> KnownExporter | None:
        """Return the exporter that the row updates, or None."""
        columns = ("slug",) if row.values.get("slug") else ("repository", "title")
        found = (self._by[column].get(str(row.values[column]).casefold()) for column in columns)
        return next(filter(None, found), None)

    def conflict(self, row: ImportRow, exporter: KnownExporter | None) -> str:
        """Return the problem if a value belongs to an exporter other than `exporter`, or ""."""
        for column in _IDENTIFYING:
            value = str(row.values.get(column, ""))
            owner = self._by[column].get(value.casefold()) if value else None
            if owner and (exporter is None or owner.id != exporter.id):
                return (
                    f"the {column} “{_short(value)}” belongs to {owner.values['title']} "
                    f"(slug {owner.values['slug']}) in the catalogue"
                )
        return ""

    def complete(self, row: ImportRow) -> dict[str, Any]:
        """Return all columns of a new exporter, with defaults for those not in the file."""
        values = {column: row.values.get(column, "") for column in COLUMNS}
        values["official"] = bool(values["official"])
        if not values["slug"]:
            values["slug"] = free_slug(values["title"], values["repository"], self._slugs)
            self._slugs.add(values["slug"])
        return values


def free_slug(title: str, repository: str, taken: Collection[str]) -> str:
    """Return an unused slug for a title; from the repository if it has no Latin letters."""
    max_length = MAX_LENGTHS["slug"]
    base = (slugify(title) or slugify(repository.rpartition("/")[2]) or "exporter")[:max_length]
    slug, number = base, 1
    while slug in taken:
        number += 1
        suffix = f"-{number}"
        slug = base[: max_length - len(suffix)] + suffix
    return slug


def _differences(exporter: KnownExporter, row: ImportRow) -> dict[str, tuple[Any, Any]]:
    """Return column → (old, new). Ignores columns that are not in the file, and empty slugs."""
    return {
        column: (exporter.values[column], value)
        for column, value in row.values.items()
        if value != exporter.values[column] and not (column == "slug" and not value)
    }


def as_rows(plan: ImportPlan) -> list[dict[str, str]]:
    """Return the plan as a table with a row for each new or changed exporter, by line."""
    details = "{category}, {repository}, slug {slug}".format
    lines = [(new.line, "new", new.values["title"], details(**new.values)) for new in plan.new]
    lines += [(one.line, "changed", one.title, _changes(one)) for one in plan.changed]
    return [
        {"line": str(line), "what": what, "exporter": title, "details": text}
        for line, what, title, text in sorted(lines)
    ]


def _changes(changed: ChangedExporter) -> str:
    return "; ".join(
        f"{column}: {_shown(old)} → {_shown(new)}" for column, (old, new) in changed.changes.items()
    )


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"“{value}”" if value else "nothing"
