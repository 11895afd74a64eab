"""Tests of the shell commands: correct for any file name, without shell injection."""

import shlex
import subprocess

import pytest

from hub.github.source import Source
from hub.web.pages import snippets

GITHUB = Source("https://api.github.com", "tests/exporters", "main", "contents")
URL = "https://hub.example/api/v1/files/0a?name=x"
NAMES = [
    "Redis_alert.yaml",
    "Node Exporter rules.yaml",
    'it\'s $(touch hacked) `id` "x".yaml',
    "Übersicht – 図.yaml",
    "a;b&&c|d>e.yaml",
    "new\nline.yaml",
]


def commands(text: str) -> list[list[str]]:
    """Split each line of a snippet as a shell does."""
    return [shlex.split(line) for line in text.split("\n")]


@pytest.mark.parametrize("name", NAMES)
def test_a_download_is_saved_under_its_name(name: str) -> None:
    saved = name.replace("\n", "")
    assert commands(snippets.curl_download(URL, f"nc/v1/{name}")) == [
        ["curl", "-fsSL", "-o", saved, URL]
    ]
    assert commands(snippets.check_rules(URL, name))[1] == ["promtool", "check", "rules", saved]
    assert commands(snippets.kubectl_apply(URL, name))[1] == ["kubectl", "apply", "-f", saved]


def test_a_name_is_not_read_as_an_option() -> None:
    assert commands(snippets.check_rules(URL, "-rf.yaml"))[1][-1] == "./-rf.yaml"
    assert commands(snippets.curl_download(URL, "…/"))[0][3] == "file"


def test_a_chart_is_installed_from_a_clone() -> None:
    text = snippets.install_chart(
        GITHUB, "Node Exporter/helm's", "node_Exporter", dependencies=True
    )
    assert commands(text) == [
        [
            *("git", "clone", "--depth", "1", "--branch", "main"),
            *("https://github.com/tests/exporters.git", "./exporters"),
        ],
        ["helm", "dependency", "update", "./exporters/contents/Node Exporter/helm's"],
        ["helm", "install", "node-exporter", "./exporters/contents/Node Exporter/helm's"],
    ]
    without = snippets.install_chart(GITHUB, "Redis", "redis", dependencies=False)
    assert "dependency" not in without


def test_no_install_command_without_a_repository() -> None:
    demo = Source("http://127.0.0.1:1", "demo/exporters", "main", "", demo=True)
    assert snippets.install_chart(demo, "Redis", "redis", dependencies=False) == ""


def test_release_name_is_valid_for_helm() -> None:
    assert snippets.release_name("Redis_Exporter-") == "redis-exporter"
    assert snippets.release_name("é") == "exporter"
    assert len(snippets.release_name("x" * 80)) == 53


@pytest.mark.parametrize("name", NAMES)
def test_the_shell_parses_the_import_command(name: str) -> None:
    text = snippets.import_dashboard(f"https://hub.example/f?name={name}")
    subprocess.run(["sh", "-n"], input=text.encode(), check=True)
    assert f"https://hub.example/f?name={name}" in shlex.split(text)
    assert "$GRAFANA_URL/api/dashboards/import" in text


def test_url_of_the_repository() -> None:
    assert GITHUB.page_of("A b/c#.yaml") == (
        "https://github.com/tests/exporters/blob/main/contents/A%20b/c%23.yaml"
    )
    root = Source("https://ghe.example/api/v3", "o/r", "a#b", "")
    assert root.page_of("x", "edit") == "https://ghe.example/o/r/edit/a%23b/x"
    assert Source("http://127.0.0.1:1", "o/r", "main", "").page_of("x") == ""


def test_commands_of_a_pack_quote_the_address() -> None:
    url = "https://hub.example/exporters/redis/pack.yaml?namespace=a&labels=b%3Dc"
    assert commands(snippets.apply_and_check_pack(url, server_side=True)) == [
        ["kubectl", "apply", "--server-side", "-f", url],
        ["kubectl", "get", "-f", url],
    ]
    rules = commands(snippets.install_rules(url, "redis-rules.yaml"))
    assert rules[2][-1] == "/etc/prometheus/rules/redis-rules.yaml"
    boards = commands(snippets.install_dashboards(url, "redis-pack.zip", "redis"))
    assert boards[:2] == [
        ["curl", "-fsSL", "-o", "redis-pack.zip", url],
        ["unzip", "-o", "redis-pack.zip", "redis/dashboards/*"],
    ]
