"""The pure parts of `make run`."""

import re
import shlex
import sys
from pathlib import Path

import pytest
from supervisor.options import ServerOptions

from config import settings
from hub.monitoring import PORT_OFFSETS
from hub.ops.local import __main__ as command_line
from hub.ops.local.environment import (
    SOURCE,
    DifferentSource,
    check_source,
    hub_environment,
    read_environment,
    write_environment,
)
from hub.ops.local.ports import OFFSETS, ports_from
from hub.ops.local.supervisor import Program, configuration, paths

URLS = {"DATABASE_URL": "postgres://embedded", "REDIS_URL": "redis://embedded"}


def test_ports_stand_beside_each_other() -> None:
    assert sorted(ports_from(8000).values()) == [*range(8000, 8009)]


def test_the_ports_of_metrics_are_those_of_the_default_address() -> None:
    default = re.search(
        r'"HUB_METRICS_ADDR", "127.0.0.1:(\d+)"', Path(str(settings.__file__)).read_text()
    )
    assert default
    for role, offset in PORT_OFFSETS.items():
        (name,) = [name for name in OFFSETS if name.endswith(role) and name.startswith("metrics")]
        assert ports_from(8000)[name] == int(default[1]) + offset


def test_keys_are_made_once_and_kept() -> None:
    first = hub_environment({}, {}, URLS, "http://demo")
    assert hub_environment({}, first, URLS, "http://demo") == first
    assert len(first["SECRET_KEY"]) >= 50


def test_former_keys_that_were_added_by_hand_are_kept() -> None:
    first = hub_environment({}, {}, URLS, "http://demo")
    assert "SECRET_KEY_FALLBACKS" not in first
    stored = first | {"SECRET_KEY_FALLBACKS": "former", "FIELD_ENCRYPTION_KEY": "new,former"}
    assert hub_environment({}, stored, URLS, "http://demo") == stored


def test_without_a_token_it_is_the_demo() -> None:
    made = hub_environment({}, {}, URLS, "http://demo")
    assert (made["HUB_DEMO"], made["GITHUB_API_URL"]) == ("true", "http://demo")


def test_with_a_token_nothing_of_the_demo_is_left_and_the_token_is_not_kept() -> None:
    demo = hub_environment({}, {}, URLS, "http://demo")
    made = hub_environment({"GITHUB_TOKEN": "ghp_mine"}, demo, URLS, "http://demo")
    left = {name for name in made if name.startswith("GITHUB_") or name == "HUB_DEMO"}
    # the source, and a key of the hub's own, made once and kept
    assert left == {*SOURCE, "GITHUB_WEBHOOK_SECRET"}
    assert {name: made[name] for name in SOURCE} == SOURCE
    assert made["GITHUB_WEBHOOK_SECRET"] == demo["GITHUB_WEBHOOK_SECRET"]


def test_what_the_user_sets_wins() -> None:
    given = {"GITHUB_TOKEN": "ghp_mine", "SECRET_KEY": "theirs", "HUB_HTTPS": "true"}
    made = hub_environment(given, {}, {}, "http://demo")
    assert {"SECRET_KEY", "HUB_HTTPS", "DATABASE_URL"}.isdisjoint(made)


def test_the_source_is_stored_for_another_terminal() -> None:
    given = {"GITHUB_TOKEN": "ghp_mine", "GITHUB_REPO": "owner/name", "GITHUB_CONTENTS_PATH": ""}
    made = hub_environment(given, {}, URLS, "http://demo")
    assert {name: made[name] for name in SOURCE} == {
        **SOURCE,
        "GITHUB_REPO": "owner/name",
        "GITHUB_CONTENTS_PATH": "",
    }


def test_the_defaults_of_the_source_are_those_of_the_settings() -> None:
    text = Path(str(settings.__file__)).read_text()
    for name, default in SOURCE.items():
        assert re.search(rf'env.str\(\s*"{name}", "{re.escape(default)}"', text), name


HUB = {**SOURCE, "GITHUB_REPO": "owner/name", "DATABASE_URL": "postgres://embedded"}


@pytest.mark.parametrize(("words", "code"), [(["run"], 0), (["manage", "backup"], 1)])
def test_an_interrupted_command_has_failed(
    words: list[str], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command_line, "run_hub", interrupted)
    monkeypatch.setattr(command_line, "manage", interrupted)
    monkeypatch.setattr(sys, "argv", ["hub", *words])
    assert command_line.main() == code


@pytest.mark.parametrize(
    "user",
    [
        {},
        {"GITHUB_REPO": "owner/name", "GITHUB_CONTENTS_PATH": "/contents/"},
        {"GITHUB_API_URL": "https://api.github.com/"},
        # the database of another hub
        {"GITHUB_REPO": "owner/other", "DATABASE_URL": "postgres://other"},
    ],
)
def test_commands_with_the_hubs_source_are_allowed(user: dict[str, str]) -> None:
    check_source(user, HUB, Path("data"))
    check_source({"GITHUB_BRANCH": "next"}, {}, Path("data"))  # written by an older hub


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GITHUB_REPO", "owner/other"),
        ("GITHUB_BRANCH", "next"),
        ("GITHUB_CONTENTS_PATH", ""),
        ("GITHUB_API_URL", "https://ghe.example.com/api/v3"),
    ],
)
@pytest.mark.parametrize("database", [{}, {"DATABASE_URL": "postgres://embedded"}])
def test_commands_with_another_source_are_refused(
    name: str, value: str, database: dict[str, str]
) -> None:
    with pytest.raises(DifferentSource, match=rf"{name} is '{value}'.*Unset {name}"):
        check_source({name: value, **database}, HUB, Path("data"))


def test_a_hub_with_the_users_own_database_is_protected_too() -> None:
    with pytest.raises(DifferentSource):
        check_source({"GITHUB_REPO": "a/b", "DATABASE_URL": "postgres://own"}, SOURCE, Path("data"))


def test_the_file_is_private_and_reads_back(tmp_path: Path) -> None:
    file = tmp_path / "hub.env"
    write_environment(file, {"A": "x y#z$q", "B": "2"})
    assert read_environment(file) == {"A": "x y#z$q", "B": "2"}
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["a b", "%h", "a ;b", "a #b", "a\nb", "%(here)s", "'\"\\$&?*[ü"])
def test_supervisord_gets_every_command_and_path_as_it_is(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    command = [f"/{name}/python", "-m", name]
    programs = [Program("web", command), Program("redis", ["/redis"], priority=1)]
    for variable, value in paths(programs, folder / "s").items():
        monkeypatch.setenv(variable, value)
    (tmp_path / "supervisord.conf").write_text(configuration(programs, root=False))
    monkeypatch.chdir(folder)
    options = ServerOptions()
    options.realize(["-c", str(tmp_path / "supervisord.conf"), "-n"])
    (web,) = next(
        group for group in options.process_group_configs if group.name == "hub"
    ).process_configs
    assert shlex.split(web.command) == command
    assert Path(web.stdout_logfile).absolute() == folder / "web.log"
    assert Path(options.logfile) == folder / "supervisord.log"
    assert options.server_configs[0]["file"] == str(folder / "s")
