"""Import and export by command and in the admin, and adding exporters by repository URL."""

from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from hub.catalogue.add_by_repository import title_of
from hub.catalogue.apply_import import NotApplied, apply_import, plan_import
from hub.catalogue.table import export
from hub.demo.fake_github import Fault, OtherRepository
from hub.demo.fake_github import faults as f
from hub.models import Category, Exporter, FactsETag, FactsRun, GitHubToken, RunTrigger
from tests.common.waiting import wait_until
from tests.conftest import Hub

IMPORT = "/admin/hub/exporter/import/"
ADD_BY_REPOSITORY = "/admin/hub/exporter/add-by-repository/"
HEADER = "title,repository,category,description\n"
REDIS = "Redis,https://github.com/tests/redis,Database,fast\n"


@pytest.fixture
def admin(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.fixture
def real(real_contents: Path) -> Path:
    return real_contents / "exporter_list.csv"


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("importcatalogue", *arguments, stdout=out)
    return out.getvalue()


def upload(client: Client, data: bytes) -> str:
    answer = client.post(IMPORT, {"file": SimpleUploadedFile("list.csv", data, "text/csv")})
    return answer.content.decode()


def test_the_real_list_is_imported_completely(db: None, real: Path) -> None:
    assert "41 new, 0 changed, 0 unchanged" in run(str(real), "--dry-run")
    assert not Exporter.objects.exists()
    run(str(real))
    assert Exporter.objects.count() == 41
    assert Category.objects.count() == 10
    assert "0 new, 0 changed, 41 unchanged" in run(str(real))


def test_the_real_list_updates_the_sample(db: None, real: Path) -> None:
    run()
    text = run(str(real), "--dry-run")
    assert "cAdvisor" in text
    assert "category: “Orchestration” → “Miscellaneous”" in text
    assert "Dry run: nothing was imported" in text
    assert Exporter.objects.get(slug="cadvisor").category.name == "Orchestration"


def test_a_start_keeps_the_changes_of_an_admin(db: None) -> None:
    run("--only-new")
    Exporter.objects.filter(slug="redis").update(title="My Redis", description="mine")
    Exporter.objects.filter(slug="mysql").delete()
    Exporter.objects.create(
        slug="own",
        title="MySQL",
        repository="https://github.com/own/mysql",
        category=Category.objects.first(),
    )
    assert "0 new, 0 changed, 106 unchanged" in run("--only-new")
    assert Exporter.objects.get(slug="redis").description == "mine"


def test_the_export_is_imported_without_a_change(db: None) -> None:
    run()
    Exporter.objects.filter(slug="redis").update(title="=cmd()", description="'-1, “x”")
    text = export()
    assert "\nredis,'=cmd(),Redis Exporter,https://" in text
    assert plan_import(text.encode()).summary == "0 new, 0 changed, 106 unchanged"
    out = StringIO()
    call_command("exportcatalogue", stdout=out)
    assert out.getvalue() == text
    Exporter.objects.all().delete()
    apply_import(plan_import(text.encode()))
    assert export() == text


def test_a_changed_file_updates_exporters(db: None) -> None:
    apply_import(plan_import((HEADER + REDIS).encode()))
    Exporter.objects.update(renamed_to="https://github.com/new/redis")
    changed = "title,repository,category\nRedis,https://github.com/new/redis,Cache\n"
    apply_import(plan_import(changed.encode()))
    redis = Exporter.objects.get()
    assert (redis.category.name, redis.description) == ("Cache", "fast")
    assert (redis.repository, redis.renamed_to) == ("https://github.com/new/redis", "")


def test_an_invalid_line_prevents_the_import(db: None, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text(f"{HEADER}{REDIS}Broken,nowhere,Database,\n")
    with pytest.raises(CommandError, match=r"(?s)Nothing was imported.*line 3: “nowhere” is not a"):
        run(str(file))
    assert not Exporter.objects.exists()
    assert not Category.objects.exists()
    with pytest.raises(CommandError, match=r"Cannot read .*: No such file"):
        run(str(tmp_path / "nowhere.csv"))


def test_a_conflict_in_postgres_prevents_the_import(db: None) -> None:
    plan = plan_import(f"{HEADER}{REDIS}Kafka,https://github.com/tests/kafka,Messaging,\n".encode())
    apply_import(plan_import((HEADER + REDIS).encode()))
    with pytest.raises(NotApplied, match="someone else changed the catalogue"):
        apply_import(plan)
    assert Exporter.objects.get().title == "Redis"
    assert not Category.objects.filter(name="Messaging").exists()


# --- the admin ------------------------------------------------------------------------------------


def test_upload_review_and_confirm(admin: Client, real: Path) -> None:
    assert "Import CSV" in admin.get("/admin/hub/exporter/").content.decode()
    page = upload(admin, real.read_bytes())
    assert "41 new, 0 changed, 0 unchanged" in page
    assert "https://github.com/cloudflare/ebpf_exporter" in page
    assert not Exporter.objects.exists()
    answer = admin.post(IMPORT, hidden(page), follow=True).content.decode()
    assert "Imported: 41 new" in answer
    assert Exporter.objects.count() == 41


def hidden(page: str) -> dict[str, str]:
    """Return the hidden fields of the confirmation form."""
    from html import unescape
    from re import findall

    return {name: unescape(v) for name, v in findall(r'name="(seen|text)" value="([^"]*)"', page)}


def test_only_the_plan_that_was_shown_is_imported(admin: Client) -> None:
    confirmation = hidden(upload(admin, (HEADER + REDIS).encode()))
    apply_import(plan_import((HEADER + REDIS.replace("fast", "slow")).encode()))
    answer = admin.post(IMPORT, confirmation).content.decode()
    assert "The catalogue changed since your review" in answer
    assert "description: “slow” → “fast”" in answer
    assert Exporter.objects.get().description == "slow"
    admin.post(IMPORT, hidden(answer))
    assert Exporter.objects.get().description == "fast"


def test_problems_are_shown_with_their_line_and_prevent_the_import(admin: Client) -> None:
    page = upload(admin, f"{HEADER}{REDIS}<b>,nowhere,Database,\n".encode())
    assert "line 3: “nowhere”" in page
    assert 'name="seen"' not in page
    assert "line 1: byte 1" in upload(admin, b"\xff\xfe")
    assert "The submitted file is empty" in upload(admin, b"")
    assert "2.0 MB; the limit is 2 MB" in upload(admin, b"x" * (2 * 1024 * 1024 + 1))
    assert not Exporter.objects.exists()


def test_export_in_the_admin(admin: Client) -> None:
    apply_import(plan_import((HEADER + REDIS).encode()))
    answer = admin.get("/admin/hub/exporter/export/")
    assert answer["Content-Disposition"] == 'attachment; filename="catalogue.csv"'
    assert answer.content.decode() == export()


@pytest.mark.parametrize(
    ("permissions", "may_import", "may_register", "may_export"),
    [
        ((), 403, 403, 403),
        (("view_exporter",), 403, 403, 200),
        (("add_exporter",), 403, 200, 403),
        (("change_exporter",), 403, 403, 200),
        (("add_exporter", "change_exporter"), 200, 200, 200),
    ],
)
def test_permissions_are_checked_on_the_server(
    db: None, permissions: tuple[str, ...], may_import: int, may_register: int, may_export: int
) -> None:
    user = User.objects.create_user("staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    posted = client.post(IMPORT, {"seen": "", "text": HEADER + REDIS})
    assert posted.status_code == may_import
    for path, expected in (
        (IMPORT, may_import),
        (ADD_BY_REPOSITORY, may_register),
        ("/admin/hub/exporter/export/", may_export),
    ):
        assert client.get(path).status_code == expected, path
        assert Client().get(path).status_code == 302, path
    assert not Exporter.objects.exists()


def test_an_import_of_many_takes_few_queries(db: None) -> None:
    lines = (f"E{n},https://github.com/tests/e{n},Database,\n" for n in range(1000))
    data = (HEADER + "".join(lines)).encode()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        apply_import(plan_import(data))
    assert len(queries) < 30
    changed = data.replace(b",Database,", b",Storage,x")
    with CaptureQueriesContext(connection) as queries:
        apply_import(plan_import(changed))
    assert len(queries) < 30
    assert Exporter.objects.filter(category__name="Storage", description="x").count() == 1000


# --- registration ---------------------------------------------------------------------------------


@pytest.fixture
def hub_for_registration(hub: Hub) -> Hub:
    Category.objects.create(name="Database")
    hub.github.add_other(
        OtherRepository(
            "Tests/redis_exporter",
            description="Metrics of Redis",
            stars=12,
            default_branch="master",
            renamed_from=["old/redis"],
        )
    )
    hub.github.add_other(OtherRepository("prometheus/node_exporter", archived=True))
    return hub


def add_by_repository(client: Client, url: str) -> str:
    category = Category.objects.get().pk
    answer = client.post(ADD_BY_REPOSITORY, {"url": url, "category": category}, follow=True)
    return answer.content.decode()


@pytest.fixture
def signed_in(hub_for_registration: Hub) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


def test_add_an_exporter_by_its_repository(signed_in: Client, hub_for_registration: Hub) -> None:
    hub_for_registration.add_token()
    page = add_by_repository(signed_in, "https://github.com/tests/redis_exporter/")
    assert "Added Redis Exporter to the catalogue" in page
    redis = Exporter.objects.get()
    assert (redis.title, redis.slug) == ("Redis Exporter", "redis-exporter")
    assert redis.repository == "https://github.com/Tests/redis_exporter"
    assert (redis.description, redis.stars, redis.default_branch) == (
        "Metrics of Redis",
        12,
        "master",
    )
    assert (redis.official, redis.archived) == (False, False)
    run = wait_until(
        FactsRun.objects.filter(finished_at__isnull=False).first, "README and releases to follow"
    )
    assert (run.trigger, run.chosen) == (RunTrigger.ADMIN, [redis.pk])
    assert Exporter.objects.get().facts_at
    add_by_repository(signed_in, "https://github.com/prometheus/node_exporter")
    node = Exporter.objects.get(slug="node-exporter")
    assert (node.official, node.archived) == (True, True)


def test_a_renamed_repository_is_added_once_under_its_new_name(
    signed_in: Client, hub_for_registration: Hub
) -> None:
    hub_for_registration.add_token()
    add_by_repository(signed_in, "https://github.com/old/redis")
    redis = Exporter.objects.get()
    assert redis.repository == "https://github.com/Tests/redis_exporter"
    assert not FactsETag.objects.filter(url="/repos/old/redis").exists()
    for url in ("https://github.com/old/redis", "https://github.com/TESTS/redis_exporter"):
        assert "is already in the catalogue: Redis Exporter" in add_by_repository(signed_in, url)
    assert Exporter.objects.count() == 1


def test_the_new_repository_of_a_renamed_exporter_is_not_added_again(
    signed_in: Client, hub_for_registration: Hub
) -> None:
    hub_for_registration.add_token()
    Exporter.objects.create(
        slug="redis",
        title="Redis",
        repository="https://github.com/old/redis",
        renamed_to="https://github.com/Tests/redis_exporter",
        category=Category.objects.get(),
    )
    page = add_by_repository(signed_in, "https://github.com/tests/redis_exporter")
    assert "is already in the catalogue: Redis (slug redis)" in page


def test_without_a_token_no_request_is_sent(signed_in: Client, hub_for_registration: Hub) -> None:
    page = add_by_repository(signed_in, "https://github.com/tests/redis_exporter")
    assert "No GitHub token is configured" in page
    assert hub_for_registration.github.requests == []


FAULTS = (
    (f.answer(404, {"message": "Not Found"}), "GitHub has no such repository"),
    (f.answer(401, {"message": "Bad credentials"}), "GitHub rejected the hub&#x27;s token"),
    (f.secondary_limit(60), "GitHub&#x27;s rate limit is used up (until "),
    (f.reset, "GitHub could not be reached"),
    (f.answer(200, []), "response could not be read"),
    (f.answer(200, {"full_name": "../evil"}), "response could not be read"),
    (f.answer(301, {}, {"Location": "http://127.0.0.1:1/internal"}), "response could not be read"),
)


def test_errors_of_github_are_shown(signed_in: Client, hub_for_registration: Hub) -> None:
    for fault, message in FAULTS:
        GitHubToken.objects.all().delete()
        hub_for_registration.add_token()
        hub_for_registration.github.faults = [Fault(fault, match="/repos/")]
        assert message in add_by_repository(signed_in, "https://github.com/tests/redis_exporter")
        assert not Exporter.objects.exists()


def test_no_request_is_sent_to_another_url(signed_in: Client, hub_for_registration: Hub) -> None:
    hub_for_registration.add_token()
    for url in (
        "http://169.254.169.254/latest/meta-data",
        "https://github.com@127.0.0.1/a/b",
        "https://github.com/a/b/../../../rate_limit",
        "https://github.com/a/..",
        "https://github.com/a/b%2F..%2F..",
        "https://github.com/",
        "file:///etc/passwd",
    ):
        assert "is not a GitHub repository" in add_by_repository(signed_in, url)
    assert hub_for_registration.github.requests == []


def test_titles() -> None:
    assert title_of("node_exporter") == "Node Exporter"
    assert title_of("kube-state-metrics") == "Kube State Metrics"
    assert title_of("_") == "_"


def test_an_existing_title_gets_the_owner_added(
    signed_in: Client, hub_for_registration: Hub
) -> None:
    hub_for_registration.add_token()
    hub_for_registration.github.add_other(OtherRepository("else/redis-exporter"))
    add_by_repository(signed_in, "https://github.com/tests/redis_exporter")
    add_by_repository(signed_in, "https://github.com/else/redis-exporter")
    titles = set(Exporter.objects.values_list("title", flat=True))
    assert titles == {"Redis Exporter", "Redis Exporter (else)"}


def test_logos_beside_the_file_are_added_to_exporters_without_one(db: None, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text(HEADER + REDIS)
    (tmp_path / "logos").mkdir()
    logo = tmp_path / "logos" / "redis.svg"
    logo.write_bytes(b"no picture")
    with pytest.raises(CommandError, match=r"redis\.svg: The file is not"):
        run(str(file))
    assert not Exporter.objects.exists()
    logo.write_bytes(b'<svg xmlns="http://www.w3.org/2000/svg"><script/><path d="M0 0"/></svg>')
    assert "Logos added: 1" in run(str(file), "--only-new")
    exporter = Exporter.objects.get()
    answer = Client().get(exporter.logo_url)
    assert answer["Content-Type"] == "image/svg+xml"
    assert b"<path" in answer.content
    assert b"script" not in answer.content
    exporter.logo.delete()
    Exporter.objects.update(logo_type="")
    assert "Logos" not in run(str(file), "--only-new")
    assert "Logos added: 1" in run(str(file))
    assert "Logos" not in run(str(file))
