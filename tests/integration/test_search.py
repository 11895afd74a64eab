"""Search in the hub's sample catalogue."""

import random
from collections.abc import Iterator
from io import StringIO

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader

from hub.catalogue.search import closest, search
from hub.models import Category, Exporter, Readme
from hub.models.search_index import reindex
from hub.names.search_terms import words


@pytest.fixture
def catalogue(db: None) -> None:
    call_command("importcatalogue", stdout=StringIO())


def found(text: str) -> list[str]:
    return [exporter.title for exporter in search(Exporter.objects.all(), text)]


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("redsi", "Redis"),
        ("postgers", "PostgreSQL"),
        ("kafak", "Kafka"),
        ("elastcsearch", "Elasticsearch"),
        ("elasticsaerch", "Elasticsearch"),
        ("grafan", "Grafana"),
        ("gafana", "Grafana"),
        ("ngnix", "NGINX"),
        ("mogodb exporter", "MongoDB"),
        ("Rabbit-QM", "RabbitMQ"),
        ("kube-sate-metrics", "kube-state-metrics"),
    ],
)
def test_misspelt_names_find_their_exporter(catalogue: None, misspelt: str, meant: str) -> None:
    assert found(misspelt)[0] == meant


def test_recall_and_precision_with_misspelt_names(catalogue: None) -> None:
    """The measured recall and precision for the chosen threshold."""
    hits, results, tried = 0, 0, 0
    for title in Exporter.objects.values_list("title", flat=True):
        word = max(words(title), key=len)
        if len(word) < 5:
            continue
        for slip in slips(word):
            titles = found(slip)
            tried, results = tried + 1, results + len(titles)
            hits += title in titles[:3]
    assert hits / tried > 0.97
    assert results / tried < 2


def slips(word: str) -> Iterator[str]:
    """Return `word` with letters swapped, dropped, replaced or added, except for the first one."""
    chance = random.Random(word)
    at = chance.randrange(1, len(word) - 1)
    yield word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    yield word[:at] + word[at + 1 :]
    yield word[:at] + chance.choice("abcdefghijklmnopqrstuvwxyz") + word[at + 1 :]
    yield word[:at] + chance.choice("aeiou") + word[at:]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("p", "PostgreSQL"), ("post", "PostgreSQL"), ("postgre", "PostgreSQL"), ("MESSAGIN", "Kafka")],
)
def test_prefixes_match_while_typing(catalogue: None, typed: str, meant: str) -> None:
    assert meant in found(typed)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("k8s", "kube-state-metrics"),
        ("pg", "PostgreSQL"),
        ("postgres", "PostgreSQL"),
        ("mongo", "MongoDB"),
        ("es", "Elasticsearch"),
        ("node", "Node"),
    ],
)
def test_synonyms_find_their_exporter(catalogue: None, typed: str, meant: str) -> None:
    assert meant in found(typed)[:6]


def test_an_exact_match_is_before_a_similar_one(catalogue: None) -> None:
    Exporter.objects.filter(slug="squid").update(description="Not for redsi.")
    reindex(Exporter.objects.filter(slug="squid"))
    assert found("redsi") == ["Squid", "Redis"]


def test_names_rank_above_descriptions_and_descriptions_above_readmes(catalogue: None) -> None:
    squid = Exporter.objects.get(slug="squid")
    Readme.objects.create(exporter=squid, path="README.md", sha="a", text="consul " * 50)
    Exporter.objects.filter(slug="caddy").update(description="Beside Consul.")
    reindex(Exporter.objects.filter(slug="caddy"))
    assert found("consul") == ["Consul", "Caddy", "Squid"]


def test_filler_words_are_ignored(catalogue: None) -> None:
    assert found("Prometheus exporter for redis")[0:1] == found("redis")[0:1] == ["Redis"]
    assert len(found("exporter")) > 50


def test_each_word_has_to_be_similar(catalogue: None) -> None:
    assert found("postgresql clickhouse") == []
    assert found("proxmxo ve") == ["Proxmox VE"]
    assert found("orcale databsae") == ["Oracle Database"]


def test_saved_exporters_are_found_at_once(catalogue: None) -> None:
    shelf = Category.objects.get(name="Database")
    exporter = Exporter.objects.create(
        slug="zzz", title="Zebra", repository="https://github.com/tests/zzz", category=shelf
    )
    assert found("zebra") == ["Zebra"]
    exporter.title = "Yak"
    exporter.save()
    assert found("zebra") == []
    readme = Readme.objects.create(exporter=exporter, path="README.md", sha="a", text="Antelopes")
    assert found("antelope") == ["Yak"]
    readme.delete()
    assert found("antelope") == []
    shelf.name = "Ungulates"
    shelf.save()
    assert "Yak" in found("ungulates")


def test_a_readme_too_long_for_the_index(catalogue: None) -> None:
    squid = Exporter.objects.get(slug="squid")
    text = "antelope " + " ".join(f"word{number}" for number in range(300_000))
    Readme.objects.create(exporter=squid, path="README.md", sha="a", text=text)
    assert found("antelope") == ["Squid"]


@pytest.mark.parametrize(
    "hostile",
    [
        *("'", '"', "\\", "& | !", "redis' OR 1=1 --", "<->", ":*", "%", "\x00", "((", "'):*"),
        *("a" * 10_000, "é" * 10_000, "redis:*B & !x", "💥", "\ud800", "{}", "NULL"),
    ],
)
def test_no_query_is_an_error(catalogue: None, hostile: str) -> None:
    assert len(found(hostile)) <= 106
    assert len(closest(Exporter.objects.all(), hostile)) <= 5


def test_the_closest_names(catalogue: None) -> None:
    assert closest(Exporter.objects.all(), "mongostore")[0].title == "MongoDB"
    assert list(closest(Exporter.objects.all(), "")) == []


def test_the_migration_indexes_existing_rows(catalogue: None) -> None:
    Exporter.objects.update(words=None, trigrams=[])
    assert found("redis") == []
    migrations = MigrationLoader(None).disk_migrations
    (index,) = (
        m
        for (app, name), m in migrations.items()
        if app == "hub" and "search" in name and "fill" in name
    )
    index.operations[0].code(apps, None)
    assert found("redsi") == ["Redis"]
