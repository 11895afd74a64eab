"""The sample data is parsable, consistent with its index and of the expected size."""

import csv
import gzip
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import promql_parser
import pytest
import yaml

from hub.content.rules.report import Level
from hub.demo.fake_github.repository import of_file
from hub.lint.directories import judge_on_disk

SAMPLE = Path(__file__).resolve().parents[3] / "hub" / "demo" / "sample"
CONTENTS = SAMPLE / "contents"

CATEGORIES = {
    "Cloud",
    "Database",
    "HTTP",
    "Hardware",
    "Logging",
    "Messaging",
    "Miscellaneous",
    "Monitoring",
    "Network",
    "Orchestration",
    "Runtime",
    "Storage",
}
SEVERITIES = {"critical", "warning", "info"}
# On purpose: the examples of an error and of a warning.
INVALID_ALERTS = {"SquidManyClientErrors"}
PANELS_WITHOUT_QUERY = {"Failed audit entries"}
NOISE_WORDS = {"exporter", "server", "metrics", "prometheus"}

# Grafana substitutes variables before it sends an expression to Prometheus.
INTERVALS = re.compile(r"\$__(rate_interval|interval|range)\b")
VARIABLES = re.compile(r"\$\{\w+(:\w+)?\}|\$\w+")


def normalised(name):
    words = re.findall(r"[^\W_]+", name.casefold())
    return "".join(word for word in words if word not in NOISE_WORDS)


def files(*suffixes):
    return sorted(path for path in CONTENTS.rglob("*") if path.suffix in suffixes)


def plain_yaml_files():
    """Return all YAML files except Helm templates, which are not YAML before rendering."""
    return [path for path in files(".yaml", ".yml") if "templates" not in path.parts]


def documents(path):
    return [doc for doc in yaml.load_all(path.read_bytes(), yaml.CSafeLoader) if doc]


def alerts_in(path):
    """Return the alerts of a rule file or a PrometheusRule resource."""
    for doc in documents(path):
        body = doc.get("spec", {}) if doc.get("kind") == "PrometheusRule" else doc
        groups = body.get("groups") or []
        yield from (rule for group in groups for rule in group["rules"] if "alert" in rule)


def dashboards_in(path):
    """Return the dashboards of a JSON file or a ConfigMap."""
    if path.suffix == ".json":
        yield json.loads(path.read_text(encoding="utf-8"))
        return
    for doc in documents(path):
        if doc.get("kind") == "ConfigMap":
            for name, text in doc["data"].items():
                if name.endswith(".json"):
                    yield json.loads(text)


def by_path(paths):
    return pytest.mark.parametrize(
        "path", paths, ids=[path.relative_to(CONTENTS).as_posix() for path in paths]
    )


def top_level(paths):
    return {path.relative_to(CONTENTS).parts[0] for path in paths}


def check_promql(expr, source):
    try:
        promql_parser.parse(VARIABLES.sub("x", INTERVALS.sub("5m", expr)))
    except ValueError as error:
        pytest.fail(f"{source}: {error}\n{expr}")


ALERT_FILES = [path for path in plain_yaml_files() if any(alerts_in(path))]
DASHBOARD_FILES = files(".json") + [path for path in plain_yaml_files() if any(dashboards_in(path))]


@pytest.fixture(scope="module")
def catalogue():
    with (SAMPLE / "catalogue.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def truth():
    return json.loads((SAMPLE / "truth.json").read_text(encoding="utf-8"))


def test_catalogue_is_large_and_without_duplicates(catalogue):
    assert len(catalogue) >= 40
    for column in ("slug", "title", "repository"):
        values = [row[column].casefold() for row in catalogue]
        assert len(values) == len(set(values)), column
    names = [normalised(row["title"]) for row in catalogue]
    assert all(names)
    assert len(names) == len(set(names))


def test_catalogue_has_the_documented_format():
    raw = (SAMPLE / "catalogue.csv").read_bytes()
    header = b"slug,title,project_name,repository,category,official,description\n"
    assert raw.startswith(header)
    assert b"\r" not in raw


def test_every_row_is_valid(catalogue):
    for row in catalogue:
        url = urlsplit(row["repository"])
        assert (url.scheme, url.netloc) == ("https", "github.com"), row
        owner, _, repository = url.path.removeprefix("/").partition("/")
        assert owner, row
        assert re.fullmatch(r"[\w.-]+", repository), row
        assert not repository.endswith(".git"), row
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", row["slug"]), row
        assert row["category"] in CATEGORIES, row
        assert row["official"] == ("1" if owner == "prometheus" else "0"), row
        assert row["project_name"], row
        assert 0 < len(row["description"]) < 160, row


def test_truth_has_every_directory(truth):
    assert set(truth) == {path.name for path in CONTENTS.iterdir() if path.is_dir()}
    assert all(set(held) == {"I", "A", "G"} for held in truth.values())
    assert sum(all(held.values()) for held in truth.values()) >= 12


def test_every_directory_matches_one_row(truth, catalogue):
    titles = {normalised(row["title"]) for row in catalogue}
    names = [normalised(name) for name in truth]
    assert set(names) <= titles
    assert len(names) == len(set(names))


def test_truth_agrees_with_the_files(truth):
    charts = top_level(CONTENTS.rglob("Chart.yaml"))
    values = top_level(CONTENTS.rglob("*_helm.yaml"))
    manifests = top_level(CONTENTS.glob("*/manifests/*.yaml"))
    assert {name for name, held in truth.items() if held["I"]} == charts | values | manifests
    assert {name for name, held in truth.items() if held["A"]} == top_level(ALERT_FILES)
    assert {name for name, held in truth.items() if held["G"]} == top_level(DASHBOARD_FILES)


@by_path(plain_yaml_files())
def test_yaml_parses(path):
    assert documents(path)


@by_path(files(".yaml", ".yml", ".json", ".md", ".tpl", ".txt"))
def test_text_is_utf8_with_unix_line_ends(path):
    raw = path.read_bytes()
    raw.decode("utf-8")
    assert b"\r" not in raw
    assert raw.endswith(b"\n")


@by_path(sorted(CONTENTS.rglob("Chart.yaml")))
def test_chart_is_complete(path):
    (chart,) = documents(path)
    assert chart["apiVersion"] == "v2"
    assert chart["version"] == "0.1.0"
    assert chart["appVersion"]
    (values,) = documents(path.with_name("values.yaml"))
    assert values["image"]["repository"]
    templates = {template.name for template in (path.parent / "templates").iterdir()}
    assert {"_helpers.tpl", "service.yaml", "servicemonitor.yaml"} <= templates
    assert templates & {"deployment.yaml", "daemonset.yaml"}


@by_path(ALERT_FILES)
def test_alerts_are_complete(path):
    alerts = list(alerts_in(path))
    assert 3 <= len(alerts) <= 8
    for alert in alerts:
        assert alert["alert"], alert
        assert alert["for"], alert
        assert alert["labels"]["severity"] in SEVERITIES, alert
        assert alert["annotations"]["summary"], alert
        assert alert["annotations"]["description"], alert
        if alert["alert"] not in INVALID_ALERTS:
            check_promql(alert["expr"], f"{path.name}: {alert['alert']}")


@by_path(DASHBOARD_FILES)
def test_dashboards_are_complete(path):
    for board in dashboards_in(path):
        assert board["title"]
        assert board["schemaVersion"] >= 39
        variables = {variable["type"] for variable in board["templating"]["list"]}
        assert variables >= {"datasource", "query"}
        assert 6 <= len(board["panels"]) <= 12
        ids = [panel["id"] for panel in board["panels"]]
        assert len(ids) == len(set(ids))
        for panel in board["panels"]:
            assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24, panel["title"]
            assert panel["targets"] or panel["title"] in PANELS_WITHOUT_QUERY, panel["title"]
            for target in panel["targets"]:
                check_promql(target["expr"], f"{path.name}: {panel['title']}")


def test_one_file_has_an_error_and_one_has_a_warning():
    found = {
        (finding.level, finding.path)
        for path in CONTENTS.iterdir()
        for finding in judge_on_disk(path).judgement.findings
        if finding.level != Level.NOTE
    }
    assert found == {
        (Level.ERROR, "Squid_alert.yaml"),
        (Level.WARNING, "Vault_dashboard.json"),
    }


def test_dashboards_have_unique_ids():
    boards = [board for path in DASHBOARD_FILES for board in dashboards_in(path)]
    for key in ("uid", "title"):
        values = [board[key] for board in boards]
        assert len(values) == len(set(values)), key


def test_the_facts_match_the_catalogue(catalogue):
    others = {other.name.casefold(): other for other in of_file(SAMPLE / "repositories.json")}
    former = {name.casefold() for other in others.values() for name in other.renamed_from}
    names = {row["repository"].removeprefix("https://github.com/").casefold() for row in catalogue}
    assert names - former == others.keys() - {
        other.name.casefold() for other in others.values() if other.renamed_from
    }
    assert former <= names
    with_readme = [other for other in others.values() if other.readme]
    assert len(with_readme) >= 12
    readmes = {path.stem for path in (SAMPLE / "repositories").rglob("*.md")}
    assert len(readmes) == len(with_readme), "each README belongs to a repository"
    assert any(other.archived for other in others.values())
    assert any(not other.releases for other in others.values())
    for other in with_readme:
        text = other.readme.decode()
        assert text.startswith("# "), other.name
        assert "Sample text of the hub's demo" in text, other.name
        assert "```" in text, other.name
        assert text.count("```") % 2 == 0, other.name
    for other in others.values():
        dates = [release["published_at"] for release in other.releases]
        assert dates == sorted(dates, reverse=True), other.name


def test_the_releases_of_the_demo_are_recent():
    others = of_file(SAMPLE / "repositories.json")
    newest = max(each["published_at"] for other in others for each in other.releases)
    age = datetime.now(UTC) - datetime.fromisoformat(newest)
    assert timedelta() < age < timedelta(days=30)


SURFACES = ("ffffff", "f5f7f8", "182026", "10161a")  # of both themes, in hub.css


def luminance(colour):
    """Return the relative luminance of WCAG 2."""
    parts = (int(colour[start : start + 2], 16) / 255 for start in (0, 2, 4))
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    darker, lighter = sorted(map(luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_logos_are_those_of_exporters_and_visible_in_both_themes():
    with (SAMPLE / "catalogue.csv").open(encoding="utf-8") as file:
        slugs = {row["slug"] for row in csv.DictReader(file)}
    logos = {path.stem: path.read_text() for path in (SAMPLE / "logos").glob("*.svg")}
    assert len(logos) >= 40
    assert logos.keys() <= slugs
    for slug, svg in logos.items():
        (colour,) = re.findall(r'fill="#([0-9a-f]{6})"', svg)
        assert min(contrast(colour, surface) for surface in SURFACES) >= 3, slug
    # The list shows about sixteen on the first screen, and may take 60 KB.
    assert sum(len(gzip.compress(svg.encode())) for svg in logos.values()) < 600 * len(logos)
    assert "CC0 1.0" in (SAMPLE / "logos" / "LICENSE.md").read_text()
