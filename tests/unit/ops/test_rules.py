"""Which environment the hub's processes get, what is private, and which folders are reachable."""

import getpass
from pathlib import Path

import pytest

from hub.ops.local.environment import (
    hub_environment,
    process_environment,
    read_environment,
    write_environment,
)
from hub.ops.local.ports import ports_from
from hub.ops.local.postgres import reachable
from hub.ops.local.run import _addresses
from hub.ops.local.supervisor import Program, configuration

URLS = {"DATABASE_URL": "postgres://embedded", "REDIS_URL": "redis://embedded"}


@pytest.mark.parametrize("mode", [{}, {"GITHUB_TOKEN": "ghp_mine"}, {"GITHUB_API_URL": "http://x"}])
def test_what_the_user_sets_reaches_the_processes(mode: dict[str, str]) -> None:
    given = {**mode, "SECRET_KEY": "theirs", "HUB_HTTPS": "true", "REDIS_URL": "redis://theirs"}
    made = hub_environment(given, {}, URLS, "http://demo")
    processes = process_environment(given, made)
    assert {name: processes[name] for name in given} == given
    assert processes["DATABASE_URL"] == "postgres://embedded"


def test_an_empty_variable_is_as_good_as_none() -> None:
    given = {"GITHUB_TOKEN": "", "DATABASE_URL": "", "SECRET_KEY": ""}
    processes = process_environment(given, hub_environment(given, {}, URLS, "http://demo"))
    assert processes["DATABASE_URL"] == "postgres://embedded"
    assert len(processes["SECRET_KEY"]) >= 50
    assert processes["GITHUB_TOKEN"].startswith("demo_")


def test_the_demo_reads_the_demo_whatever_branch_is_named() -> None:
    given = {"GITHUB_BRANCH": "trunk"}
    processes = process_environment(given, hub_environment(given, {}, URLS, "http://demo"))
    assert (processes["GITHUB_REPO"], processes["GITHUB_BRANCH"]) == ("demo/exporters", "main")


def test_a_repository_without_a_token_is_not_replaced_by_the_demo() -> None:
    given = {"GITHUB_REPO": "owner/name"}
    processes = process_environment(given, hub_environment(given, {}, URLS, "http://demo"))
    assert processes["GITHUB_REPO"] == "owner/name"
    assert {"HUB_DEMO", "GITHUB_TOKEN"}.isdisjoint(processes)


def test_the_demo_too_takes_the_webhook_secret_that_is_set() -> None:
    kept = hub_environment({}, {}, URLS, "http://demo")
    given = {"GITHUB_WEBHOOK_SECRET": "theirs"}
    processes = process_environment(given, hub_environment(given, kept, URLS, "http://demo"))
    assert processes["GITHUB_WEBHOOK_SECRET"] == "theirs"
    assert processes["GITHUB_REPO"] == "demo/exporters"


def test_keys_that_are_set_for_one_start_do_not_replace_the_kept_ones() -> None:
    first = hub_environment({}, {}, URLS, "http://demo")
    given = {"SECRET_KEY": "theirs", "FIELD_ENCRYPTION_KEY": "theirs"}
    second = hub_environment(given, first, URLS, "http://demo")
    assert process_environment(given, second)["SECRET_KEY"] == "theirs"
    assert hub_environment({}, second, URLS, "http://demo") == first


@pytest.mark.parametrize("value", ["it's", 'say "x"', "back\\slash", "a=b # c", " edges ", "$x"])
def test_any_value_reads_back(tmp_path: Path, value: str) -> None:
    write_environment(tmp_path / "hub.env", {"VALUE": value})
    assert read_environment(tmp_path / "hub.env") == {"VALUE": value}


def test_the_file_is_private_even_where_an_open_one_stood(tmp_path: Path) -> None:
    file = tmp_path / "hub.env"
    file.write_text("OLD='1'\n")
    file.chmod(0o644)
    write_environment(file, {"NEW": "2"})
    assert read_environment(file) == {"NEW": "2"}
    assert file.stat().st_mode & 0o777 == 0o600


def test_servers_start_at_once_and_end_after_the_hub() -> None:
    text = configuration(
        [Program("postgres", ["p"], priority=10), Program("web", ["w"]), Program("beat", ["b"])],
        root=False,
    )
    assert "[group:hub]\nprograms = web,beat\npriority = 100" in text
    assert text.count("autostart = true") == 1


def test_only_a_folder_that_others_may_pass_is_reachable(tmp_path: Path) -> None:
    folder = tmp_path / "open" / "inner"
    folder.mkdir(parents=True)
    folder.parent.chmod(0o700)
    assert not reachable(folder, "nobody")
    # what does not exist yet is judged by the folders that do
    assert not reachable(folder / "later", "nobody")
    assert reachable(folder, getpass.getuser())


def test_four_addresses() -> None:
    assert [line.split()[-1] for line in _addresses(ports_from(8100)).splitlines()] == [
        "http://127.0.0.1:8100/",
        "http://127.0.0.1:8100/admin/",
        "http://127.0.0.1:8101/",
        "http://127.0.0.1:8100/api/v1/docs",
    ]
