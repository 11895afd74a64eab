"""A wrong key of the stored secrets is noticed, and a key can be replaced."""

import os
import subprocess
import sys
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client

from hub.models import Category, Exporter, GitHubToken, Reason, RunStatus, TokenState
from hub.models.fields import SecretField, is_encrypted
from tests.common.processes import ROOT, database_url, worker
from tests.conftest import TOKEN, Hub

FORMER = "the former secret key of a test: " + "x" * 40
NEW = "the new secret key of a test: " + "y" * 40


def stored(token: GitHubToken) -> str:
    """Return the token as Postgres stores it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM hub_githubtoken WHERE id = %s", [token.pk])
        return str(cursor.fetchone()[0])


def store(token: GitHubToken, ciphertext: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE hub_githubtoken SET secret = %s WHERE id = %s", [ciphertext, token.pk]
        )


@pytest.fixture
def lost(hub: Hub, settings: Any) -> GitHubToken:
    """A token that was encrypted with a key that this hub does not have."""
    token = hub.add_token(name="of another key")
    settings.SALT_KEY = ["another key"]
    store(token, SecretField().get_prep_value(TOKEN))
    token.refresh_from_db()
    return token


def command(*words: str, **keys: str) -> subprocess.CompletedProcess[str]:
    """Run a management command with other keys."""
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database_url(), **keys},
        capture_output=True,
        text=True,
        check=False,
    )


def check(**keys: str) -> int:
    """Return the exit code of the system check with these keys: 0 if it has no warnings."""
    return command("check", "--database=default", "--fail-level=WARNING", **keys).returncode


def test_nothing_is_sent_with_a_wrong_key(hub: Hub, lost: GitHubToken) -> None:
    hub.fill("Redis/Redis_alert.yaml")
    Exporter.objects.create(
        title="Redis",
        repository="https://github.com/o/redis_exporter",
        category=Category.objects.create(name="Databases"),
    )
    run = hub.refresh()
    assert (run.status, run.reason) == (RunStatus.NO_TOKEN, Reason.WRONG_KEY)
    assert "of another key" in run.detail
    assert hub.refresh_facts().reason == Reason.WRONG_KEY
    assert hub.github.requests == []
    lost.refresh_from_db()
    assert (lost.state, lost.refusals) == (TokenState.UNKNOWN, 0)
    assert not lost.is_readable

    # Readers and admins are told why.
    assert Client().get("/api/v1/contents").json()["reason"] == "wrong_key"
    assert "cannot be decrypted" in Client().get("/status").content.decode()
    admin = Client()
    admin.force_login(User.objects.create_superuser("root"))
    assert "cannot be decrypted" in admin.get("/admin/hub/githubtoken/").content.decode()


def test_a_wrong_key_is_reported_at_the_start(
    hub: Hub, lost: GitHubToken, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("check", databases=["default"])
    assert "of another key: the GitHub tokens cannot be decrypted" in capsys.readouterr().err
    process = worker("third")
    process.start()
    try:
        process.wait_for_output("first run:")
        assert "encrypted them: of another key" in process.output()
    finally:
        process.stop()


def test_other_tokens_are_used_meanwhile(hub: Hub, lost: GitHubToken) -> None:
    hub.fill("Redis/Redis_alert.yaml")
    hub.add_token(name="of this key")
    assert hub.refresh().status == RunStatus.PUBLISHED
    assert all(request.status < 400 for request in hub.github.requests)
    lost.refresh_from_db()
    assert (lost.state, lost.used_at) == (TokenState.UNKNOWN, None)


def test_a_token_works_again_once_the_key_is_right(hub: Hub) -> None:
    hub.fill("Redis/Redis_alert.yaml")
    token = hub.add_token()
    ciphertext = stored(token)
    wrong = {"FIELD_ENCRYPTION_KEY": "a wrong key"}
    assert check() == 0
    assert check(**wrong) == 1
    # Saving it with the wrong key does not encrypt it twice.
    save = "from hub.models import GitHubToken; GitHubToken.objects.get().save()"
    assert command("shell", "-c", save, **wrong).returncode == 0
    assert stored(token) == ciphertext
    assert hub.refresh().status == RunStatus.PUBLISHED


def test_the_token_of_the_environment_is_stored_again(hub: Hub, lost: GitHubToken) -> None:
    GitHubToken.objects.update(from_environment=True)
    adopt = "from hub.github.tokens import adopt_environment_token as adopt; adopt()"
    assert command("shell", "-c", adopt, GITHUB_TOKEN=TOKEN).returncode == 0
    assert GitHubToken.objects.get().secret == TOKEN


@pytest.mark.parametrize(
    ("former", "both", "new"),
    [
        pytest.param(
            {"FIELD_ENCRYPTION_KEY": "former"},
            {"FIELD_ENCRYPTION_KEY": "new, former"},
            {"FIELD_ENCRYPTION_KEY": "new"},
            id="FIELD_ENCRYPTION_KEY",
        ),
        pytest.param(
            {"SECRET_KEY": FORMER},
            {"SECRET_KEY": NEW, "SECRET_KEY_FALLBACKS": FORMER},
            {"SECRET_KEY": NEW},
            id="SECRET_KEY",
        ),
    ],
)
def test_a_key_is_replaced_in_three_steps(
    transactional_db: None, former: dict[str, str], both: dict[str, str], new: dict[str, str]
) -> None:
    def shell(*code: str, **keys: str) -> str:
        """Run all lines in one process, which takes less time than one for each; return stdout."""
        lines = [
            "from django.core.management import call_command",
            "from hub.models import GitHubToken",
            *code,
        ]
        result = command("shell", "-c", "\n".join(lines), **keys)
        assert result.returncode == 0, result.stderr
        assert TOKEN not in result.stderr
        return result.stdout.strip()

    no_warnings = "call_command('check', databases=['default'], fail_level='WARNING')"
    token = f"GitHubToken(name='a', secret={TOKEN!r})"
    shell(f"GitHubToken.objects.bulk_create([{token}])", no_warnings, **former)
    assert check(**new) == 1
    said = shell(no_warnings, "call_command('reencrypt')", no_warnings, **both)
    assert "Encrypted 1 GitHub tokens" in said
    assert TOKEN not in said
    assert check(**former) == 1
    said = shell(no_warnings, "print(GitHubToken.objects.get().secret)", **new)
    assert said.endswith(TOKEN)
    assert is_encrypted(stored(GitHubToken.objects.get()))


def test_all_secrets_are_encrypted_again_or_none(hub: Hub, lost: GitHubToken) -> None:
    token = hub.add_token(name="of this key")
    before = stored(token), stored(lost)
    result = command("reencrypt")
    assert result.returncode == 1
    assert "cannot decrypt these tokens: of another key" in result.stderr
    assert (stored(token), stored(lost)) == before
