"""Parsing a catalogue file and comparing it: changes, and problems with their line."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.catalogue import table
from hub.catalogue.importing import (
    MAX_LENGTHS,
    ImportPlan,
    KnownExporter,
    as_rows,
    compare,
    free_slug,
    parse_csv,
)
from hub.models import Category, Exporter

REAL = Path(__file__).parents[2] / "data" / "real-contents" / "exporter_list.csv"
SAMPLE = Path(__file__).parents[3] / "hub" / "demo" / "sample" / "catalogue.csv"
HEADER = "title,repository,category\n"


def known(number: int, title: str, **values: object) -> KnownExporter:
    name = title.replace(" ", "-").lower()
    return KnownExporter(
        number,
        {
            "slug": name,
            "title": title,
            "project_name": "",
            "repository": f"https://github.com/tests/{name}",
            "category": "Database",
            "official": False,
            "description": "",
            **values,
        },
    )


REDIS, MYSQL = known(1, "Redis"), known(2, "MySQL", description="words")


def plan(text: str, *exporters: KnownExporter, **options: bool) -> ImportPlan:
    return compare(parse_csv(text.encode()), exporters, ["Database"], **options)


def problems(text: str | bytes, *exporters: KnownExporter) -> list[str]:
    data = text if isinstance(text, bytes) else text.encode()
    return [str(problem) for problem in compare(parse_csv(data), exporters).problems]


def test_the_real_file() -> None:
    real = compare(parse_csv(REAL.read_bytes()), [])
    assert (len(real.new), real.problems) == (41, ())
    values = {new.values["title"]: new.values for new in real.new}
    assert values["Node Exporter"] == {
        "slug": "node-exporter",
        "title": "Node Exporter",
        "project_name": "Node Exporter",
        "repository": "https://github.com/prometheus/node_exporter",
        "category": "Hardware",
        "official": True,
        "description": "",
    }
    assert len({new.values["slug"] for new in real.new}) == 41


def test_the_sample_file() -> None:
    sample = compare(parse_csv(SAMPLE.read_bytes()), [])
    assert (len(sample.new), sample.problems) == (106, ())


def test_the_maximum_lengths_match_the_model() -> None:
    for column, longest in MAX_LENGTHS.items():
        model, name = (Category, "name") if column == "category" else (Exporter, column)
        assert model._meta.get_field(name).max_length == longest


def test_new_changed_and_unchanged() -> None:
    text = (
        "title,repository,category,official\n"
        "Redis,https://github.com/tests/redis,Cache,1\n"
        "MySQL,https://github.com/tests/mysql,Database,0\n"
        "Kafka,https://github.com/tests/kafka,Messaging,no\n"
    )
    found = plan(text, REDIS, MYSQL)
    assert found.summary == "1 new, 1 changed, 1 unchanged"
    assert found.changed[0].changes == {
        "category": ("Database", "Cache"),
        "official": (False, True),
    }
    assert as_rows(found)[0] == {
        "line": "2",
        "what": "changed",
        "exporter": "Redis",
        "details": "category: “Database” → “Cache”; official: no → yes",
    }


def test_a_missing_column_keeps_values_and_an_empty_one_clears_them() -> None:
    row = "MySQL,https://github.com/tests/mysql,Database"
    assert plan(f"{HEADER}{row}\n", MYSQL).changes_nothing
    found = plan(f"title,repository,category,description\n{row},\n", MYSQL)
    assert found.changed[0].changes == {"description": ("words", "")}


@pytest.mark.parametrize(
    ("row", "changes"),
    [
        ("Redis,https://github.com/Tests/REDIS.git/,Database", {"repository"}),
        ("Redis,https://github.com/other/redis,Database", {"repository"}),
        ("Valkey,https://github.com/tests/redis,Database", {"title"}),
        ("Redis,https://github.com/tests/redis/,database", set()),
    ],
)
def test_a_row_without_a_slug_matches_by_repository_or_title(row: str, changes: set[str]) -> None:
    found = plan(f"{HEADER}{row}\n", REDIS)
    assert not found.new
    assert {column for changed in found.changed for column in changed.changes} == changes


def test_a_renamed_repository_matches_by_its_new_name() -> None:
    renamed = KnownExporter(1, REDIS.values, "https://github.com/new/redis")
    found = plan(f"{HEADER}Other,https://github.com/New/redis,Database\n", renamed)
    assert set(found.changed[0].changes) == {"title", "repository"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: the file is empty"),
        ("\ufeff \n", "line 1: the file is empty"),
        ("title,category\nx,y\n", "line 1: missing column: repository; required: title"),
        (f"{HEADER}", "line 2: there are no exporters after"),
        ("{'a': 1}\n", "line 1: missing column: title, repository, category"),
        ("title,repository,category,stars\n", "line 1: unknown column: stars"),
        ("title,title,repository,category\n", "line 1: repeated column: title"),
        ("title,github_url,repository,category\n", "line 1: repeated column: repository"),
        (f"{HEADER}a,https://github.com/a/a\n", "line 2: 2 of 3 columns: category is missing"),
        (
            f"{HEADER}a,https://github.com/a/a,x,y\n",
            "line 2: 4 fields for 3 columns: put text that contains a comma",
        ),
        (f"{HEADER}a,https://github.com/a/a,\n", "line 2: category is empty"),
        (
            f"{HEADER}{'a' * 121},https://github.com/a/a,x\n",
            "line 2: title has 121 characters, the maximum is 120",
        ),
        (f'{HEADER}"a\nb",https://github.com/a/a,x\n', "line 2: title contains a line break"),
        (f"{HEADER}a\0,https://github.com/a/a,x\n", "line 2: title contains a line break"),
        (f'{HEADER}\n"a,https://github.com/a/a,x\n', "line 3: a double quote is not closed"),
        (f'{HEADER}"a"b,https://github.com/a/a,x\n', "line 2: not valid CSV"),
        (
            "slug,title,repository,category\nA b,a,https://github.com/a/a,x\n",
            "line 2: slug is “A b”: use lower-case letters",
        ),
        (
            "title,repository,category,official\na,https://github.com/a/a,x,maybe\n",
            "line 2: official is “maybe”: it must be 1 or 0",
        ),
    ],
)
def test_a_problem_has_its_line_number(text: str, message: str) -> None:
    found = problems(text)
    assert len(found) == 1
    assert found[0].startswith(message), found


@pytest.mark.parametrize(
    "url",
    [
        "http://github.com/a/b",
        "https://gitlab.com/a/b",
        "https://github.com/a",
        "https://github.com/a/b/tree/main",
        "https://github.com/a/..",
        "https://github.com.evil.example/a/b",
        "https://github.com@evil.example/a/b",
        "https://github.com/a/b?x=1",
        "javascript:alert(1)",
        "b",
    ],
)
def test_only_github_repositories_are_accepted(url: str) -> None:
    assert problems(f"{HEADER}a,{url},x\n")[0].startswith("line 2: “")


def test_a_field_of_ten_megabytes() -> None:
    text = f"{HEADER}a,https://github.com/a/a,x\n{'b' * 10_000_000},https://github.com/b/b,x\n"
    assert problems(text) == ["line 3: a field is longer than 131,072 characters"]


def test_an_encoding_problem_has_its_line_and_byte() -> None:
    latin = f"{HEADER}Größe,https://github.com/a/a,x\n".encode("latin-1")
    message = f"line 2: byte {len(HEADER) + 3} of the file (0xf6) is not UTF-8"
    assert problems(latin)[0].startswith(message)
    behind_a_mark = b"\xef\xbb\xbf" + latin
    assert f"byte {len(HEADER) + 6} of" in problems(behind_a_mark)[0]
    assert problems(HEADER.encode("utf-16"))[0].startswith("line 1: byte 1 of the file (0xff)")


def test_all_problems_are_reported() -> None:
    text = f"{HEADER}a,nowhere,x\n,https://github.com/b/b,x\nc,https://github.com/c/c,x\n"
    assert [line.partition(":")[0] for line in problems(text)] == ["line 2", "line 3"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("Kafka,https://github.com/x/y,x", "line 3: line 2 already has the title “Kafka”"),
        ("Other,https://github.com/TESTS/Kafka,x", "line 3: line 2 already has the repository"),
    ],
)
def test_a_duplicate_in_the_file(row: str, message: str) -> None:
    text = f"{HEADER}kafka,https://github.com/tests/kafka,x\n{row}\n"
    assert problems(text)[0].startswith(message)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            "new,Redis,https://github.com/x/y,x",
            "line 2: the title “Redis” belongs to Redis (slug redis) in the catalogue",
        ),
        ("new,New,https://github.com/tests/redis,x", "line 2: the repository “https://"),
        ("mysql,Redis,https://github.com/tests/mysql,x", "line 2: the title “Redis” belongs"),
    ],
)
def test_a_conflict_with_another_exporter(row: str, message: str) -> None:
    text = f"slug,title,repository,category\n{row}\n"
    assert problems(text, REDIS, MYSQL)[0].startswith(message)


def test_only_new_keeps_existing_exporters() -> None:
    text = (
        "slug,title,repository,category\n"
        "redis,Redis,https://github.com/moved/redis,Cache\n"  # exists with other values
        "mine,MySQL,https://github.com/x/y,x\n"  # its title is in use
        "kafka,Kafka,https://github.com/tests/kafka,Messaging\n"
    )
    found = plan(text, REDIS, MYSQL, only_new=True)
    assert (found.summary, found.problems) == ("1 new, 0 changed, 2 unchanged", ())


def test_slugs() -> None:
    assert free_slug("C++ client", "https://github.com/a/cpp", ()) == "c-client"
    assert free_slug("C client", "https://github.com/a/c", {"c-client"}) == "c-client-2"
    assert free_slug("監視", "https://github.com/a/Kanshi", ()) == "kanshi"
    assert len(free_slug("x" * 120, "https://github.com/a/x", {"x" * 80})) == 80
    text = (
        "slug,title,repository,category\n"
        ",C,https://github.com/a/c,x\n"
        "c,C++,https://github.com/a/cpp,x\n"
    )
    assert [new.values["slug"] for new in plan(text).new] == ["c-2", "c"]


@given(st.text(alphabet="'=+-@＝;|\t\n x", max_size=8))
def test_an_escaped_cell_is_no_formula_and_is_unescaped_exactly(text: str) -> None:
    cell = table.escape_formula(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert table.unescape_formula(cell) == text
    for part in re.split(r"[;|\t\r\n]", cell):  # as a spreadsheet with another separator splits it
        assert not re.match(r"\s*[=+\-@＝]", part)


def test_only_formulas_are_escaped() -> None:
    for text in ("a;b", "it's; 'x'", "a-b; c=d", "x, -y"):
        assert table.escape_formula(text) == text
    assert table.escape_formula("x;=1+1") == "x;'=1+1"


@given(
    st.lists(
        st.text(st.characters(exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp")), max_size=60),
        min_size=1,
        max_size=5,
    )
)
def test_a_written_file_is_parsed_back(descriptions: list[str]) -> None:
    rows = [
        {
            "slug": f"e{number}",
            "title": f"={number}",
            "project_name": "",
            "repository": f"https://github.com/tests/e{number}",
            "category": "-x",
            "official": "1",
            "description": description,
        }
        for number, description in enumerate(descriptions)
    ]
    read = parse_csv(table.write_csv(row.values() for row in rows).encode())
    assert read.problems == ()
    assert [row.values for row in read.rows] == [{**row, "official": True} for row in rows]
