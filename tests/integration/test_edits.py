"""Tests of edits: checked, committed to GitHub, and published by the same run."""

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import transaction
from django.test import Client
from django.utils import timezone
from django.utils.formats import localize

from config.celery import app
from hub.content import editing
from hub.demo.fake_github import Fault
from hub.demo.fake_github import faults as f
from hub.github.git_objects import blob_sha
from hub.models import (
    ContentEdit,
    EditAction,
    EditState,
    ExporterContents,
    Reason,
    RefreshRun,
    RunStatus,
    RunTrigger,
)
from tests.common import contents
from tests.common.processes import Process
from tests.common.waiting import wait_until
from tests.conftest import Hub

PASSWORD = "a password of the test"


@pytest.fixture
def filled(hub: Hub) -> Hub:
    """Two directories, published."""
    hub.add_token()
    hub.write("Redis/Redis_alert.yaml", contents.alert("RedisDown"))
    hub.fill("Kafka/Kafka_alert.yaml")
    hub.refresh()
    hub.github.requests.clear()
    return hub


@pytest.fixture
def author(filled: Hub) -> User:
    return User.objects.create_superuser("root", password=PASSWORD)


def proposal(path: str = "Redis_alert.yaml", **fields: Any) -> editing.EditProposal:
    base = editing.current_file("Redis", path).sha
    given = {"action": EditAction.WRITE, "text": contents.alert("Other").decode()}
    return editing.EditProposal(
        **{"directory": "Redis", "path": path, "base_sha": base, **given, **fields}
    )


def ended(trigger: RunTrigger = RunTrigger.EDIT) -> RefreshRun:
    runs = RefreshRun.objects.filter(trigger=trigger, finished_at__isnull=False)
    return wait_until(runs.first, "the edit's run")


def at_github(hub: Hub, path: str) -> bytes | None:
    found = hub.github.repository.find("main", f"contents/{path}")
    return hub.github.repository.blob(found.sha) if found else None


def published(directory: str) -> dict:
    return Client().get(f"/api/v1/contents/{directory}").json()


# --- from the edit to the map ---------------------------------------------------------------------


def test_an_edit_is_committed_and_published_by_one_run(filled: Hub, author: User) -> None:
    edit, started = editing.submit_edit(
        proposal("Redis_dashboard.json", text=contents.dashboard("Mine").decode()), author
    )
    run = ended()
    edit.refresh_from_db()
    assert (started.created, edit.state, edit.run_id) == (True, EditState.COMMITTED, run.pk)
    assert run.status == RunStatus.PUBLISHED
    assert at_github(filled, "Redis/Redis_dashboard.json") == contents.dashboard("Mine")
    assert published("Redis")["G"] is True
    assert edit.commit_sha == filled.github.repository.branches["main"]
    # no full refresh: the write, then the trees of the commit, of the contents and of the directory
    paths = [request.path.partition("exporters/")[2] for request in filled.github.requests]
    assert [request.method for request in filled.github.requests] == ["PUT", "GET", "GET", "GET"]
    root = filled.github.repository.resolve("main")
    assert paths[1] == f"git/trees/{root}"
    assert list(run.lookups.values_list("directory", flat=True)) == ["Redis"]


def test_the_next_refresh_finds_no_changes(filled: Hub, author: User) -> None:
    editing.submit_edit(proposal(), author)
    ended()
    run = filled.refresh()
    assert (run.status, run.to_look_up) == (RunStatus.UNCHANGED, 0)


def test_a_file_is_deleted(filled: Hub, author: User) -> None:
    editing.submit_edit(proposal(action=EditAction.DELETE, text=""), author)
    ended()
    assert at_github(filled, "Redis/Redis_alert.yaml") is None
    assert "Redis" not in Client().get("/api/v1/contents").json()["contents"]


def test_an_edit_can_create_a_directory(filled: Hub, author: User) -> None:
    editing.submit_edit(
        proposal("values.yaml", directory="New", text=contents.VALUES.decode()), author
    )
    ended()
    assert published("New")["usable"]["I"] is True


def test_edits_during_an_open_run_are_committed_by_the_follow_up_run(
    filled: Hub, author: User
) -> None:
    filled.fill("Kafka/Kafka_dashboard.json")
    sha = filled.github.repository.find("main", "contents/Kafka").sha
    filled.github.faults.append(Fault(f.slow(1), match=sha, times=1))
    from hub.content.runs import start_refresh

    first = start_refresh(RunTrigger.COMMAND).run
    looking_up = RefreshRun.objects.filter(pk=first.pk, status=RunStatus.LOOKING_UP)
    wait_until(looking_up.exists, "the first run to look up")
    for path in ("one.yaml", "two.yaml", "three.yaml"):
        _, started = editing.submit_edit(
            proposal(path, text=f"{contents.VALUES.decode()}# {path}\n"), author
        )
        assert (started.created, started.run.pk) == (False, first.pk)
    run = ended()
    assert run.pk != first.pk
    assert set(ContentEdit.objects.values_list("state", "run")) == {("committed", run.pk)}
    messages = [c.message.decode() for c in filled.github.repository.commits("main")[:3]]
    assert messages == ["Write three.yaml", "Write two.yaml", "Write one.yaml"]


# --- invalid edits --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "field", "reason"),
    [
        ({"text": "groups: [\n"}, "text", "has errors"),
        ({"text": contents.alert(expr="up ==").decode()}, "text", "has errors"),
        ({"text": contents.alert("RedisDown").decode()}, "text", "is unchanged"),
        ({"text": "x" * 3_000_000}, "text", "too large"),
        ({"text": "a: \0"}, "text", "NUL"),
        ({"path": "../../README.md", "base_sha": ""}, "path", "is not a valid"),
        ({"path": "a//b.yaml", "base_sha": ""}, "path", "name is empty"),
        ({"path": ".git/config", "base_sha": ""}, "path", "reserved for git"),
        ({"path": "a\nb.yaml", "base_sha": ""}, "path", "control"),
        ({"path": "a\u202eb.yaml", "base_sha": ""}, "path", "control"),
        ({"path": "ä" * 200 + ".yaml", "base_sha": ""}, "path", "longer than 255 bytes"),
        ({"directory": "..", "base_sha": ""}, "directory", "is not a valid"),
        ({"directory": "a/b", "base_sha": ""}, "directory", "is not a valid"),
        (
            {"action": EditAction.DELETE, "path": "gone.yaml", "base_sha": ""},
            "path",
            "does not exist",
        ),
        ({"base_sha": "0" * 40}, "base_sha", "the file changed"),
    ],
)
def test_an_invalid_edit_is_rejected(
    filled: Hub, author: User, fields: dict, field: str, reason: str
) -> None:
    with pytest.raises(editing.InvalidEdit, match=reason) as refusal:
        editing.submit_edit(proposal(**fields), author)
    assert refusal.value.field == field
    assert not ContentEdit.objects.exists()
    assert RefreshRun.objects.filter(trigger=RunTrigger.EDIT).count() == 0


def test_the_findings_name_the_line(filled: Hub, author: User) -> None:
    with pytest.raises(editing.InvalidEdit) as refusal:
        editing.check_edit(proposal(text=contents.alert(expr="sum(").decode()))
    (finding,) = refusal.value.findings
    assert (finding.line, finding.path) == (5, "Redis_alert.yaml")
    assert "not valid PromQL" in finding.reason


# --- refusals by GitHub, and faults ---------------------------------------------------------------


def test_a_conflict_keeps_the_draft_and_leaves_github_alone(filled: Hub, author: User) -> None:
    theirs = contents.alert("Theirs")
    given = proposal()
    filled.write("Redis/Redis_alert.yaml", theirs)
    edit, _ = editing.submit_edit(given, author)
    assert ended().status == RunStatus.PUBLISHED
    edit.refresh_from_db()
    assert (edit.state, edit.reason, edit.text) == (EditState.CONFLICT, Reason.CONFLICT, given.text)
    assert at_github(filled, "Redis/Redis_alert.yaml") == theirs
    assert editing.current_file("Redis", "Redis_alert.yaml").text == theirs.decode()
    # the author reviews the other change, and overwrites it with the draft
    RefreshRun.objects.filter(trigger=RunTrigger.EDIT).update(trigger=RunTrigger.COMMAND)
    editing.submit_edit(proposal(), author, edit)
    ended()
    edit.refresh_from_db()
    assert edit.state == EditState.COMMITTED
    assert at_github(filled, "Redis/Redis_alert.yaml") == given.text.encode()


def test_a_new_file_that_somebody_else_added_is_a_conflict(filled: Hub, author: User) -> None:
    given = proposal("values.yaml", text=contents.VALUES.decode())
    filled.write("Redis/values.yaml", b"theirs: true\n")
    edit, _ = editing.submit_edit(given, author)
    ended()
    edit.refresh_from_db()
    assert edit.state == EditState.CONFLICT


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (403, "Resource not accessible"),
        (422, "Changes must be made through a pull request."),
        (409, "Repository rule violations found"),
        (409, "Could not update file: At least 1 approving review is required"),
        (409, "some rule that nobody here has heard of"),
    ],
)
def test_an_edit_that_github_refuses_stays_as_a_draft(
    filled: Hub, author: User, status: int, message: str
) -> None:
    filled.github.faults.append(Fault(f.answer(status, {"message": message}), match="/contents/"))
    edit, _ = editing.submit_edit(proposal(), author)
    assert ended().status == RunStatus.UNCHANGED
    edit.refresh_from_db()
    assert (edit.state, edit.text) == (EditState.REFUSED, contents.alert("Other").decode())
    assert message in edit.detail


def test_an_edit_that_github_refuses_holds_up_none_behind_it(filled: Hub, author: User) -> None:
    rules = f.answer(409, {"message": "Repository rule violations found"})
    filled.github.faults.append(Fault(rules, match="Redis_alert"))
    with transaction.atomic():  # one run commits both
        first, _ = editing.submit_edit(proposal(), author)
        second, _ = editing.submit_edit(proposal("values.yaml", text="a: 1\n"), author)
    ended()
    states = dict(ContentEdit.objects.values_list("pk", "state"))
    assert states == {first.pk: EditState.REFUSED, second.pk: EditState.COMMITTED}


@pytest.mark.parametrize("gone", ["withdrawn", "deleted"])
def test_an_edit_that_is_taken_back_while_others_are_sent_is_not_committed(
    filled: Hub, author: User, gone: str
) -> None:
    second = ContentEdit.objects.filter(path="values.yaml")

    def take_back(_: object) -> bool:
        second.delete() if gone == "deleted" else second.update(state=EditState.WITHDRAWN)
        return False  # the first is answered as always

    filled.github.faults.append(Fault(take_back, match="Redis_alert"))
    with transaction.atomic():
        editing.submit_edit(proposal(), author)
        editing.submit_edit(proposal("values.yaml", text="a: 1\n"), author)
    ended()
    assert at_github(filled, "Redis/values.yaml") is None
    assert list(second.values_list("state", flat=True)) == (
        [] if gone == "deleted" else [EditState.WITHDRAWN]
    )


def test_what_is_being_sent_cannot_be_withdrawn(filled: Hub, admin: Client) -> None:
    refused = []

    def withdraw(_: object) -> bool:
        edit = ContentEdit.objects.get()
        admin.post("/admin/hub/contentedit/", {"action": "withdraw", "_selected_action": [edit.pk]})
        refused.append(ContentEdit.objects.get().state)
        return False

    filled.github.faults.append(Fault(withdraw, match="/contents/"))
    admin.post(ADD, body(action="write"))
    ended()
    assert refused == [EditState.SENDING]
    assert ContentEdit.objects.get().state == EditState.COMMITTED


@pytest.mark.parametrize("arrived", [True, False])
@pytest.mark.parametrize(
    "fault", [f.server_error(), f.reset, f.half_body], ids=["502", "cut", "half"]
)
def test_a_fault_during_the_write_is_resolved_by_the_next_refresh(
    filled: Hub, author: User, fault: Any, arrived: bool
) -> None:
    """GitHub and the map agree afterwards, whether the write arrived before the fault or not."""
    act = f.after_serving(fault) if arrived else fault
    filled.github.faults.append(Fault(act, match="/contents/", times=1))
    edit, _ = editing.submit_edit(proposal(), author)
    ended()
    edit.refresh_from_db()
    assert edit.state == EditState.QUEUED
    assert edit.reason in (Reason.SERVER_FAULT, Reason.UNREACHABLE)
    filled.refresh()
    edit.refresh_from_db()
    assert edit.state == EditState.COMMITTED
    agreed(filled)
    assert len(filled.github.repository.commits("main", "contents/Redis/Redis_alert.yaml")) == 2


def test_a_commit_elsewhere_at_the_same_moment_is_no_conflict(filled: Hub, author: User) -> None:
    busy = f.answer(409, {"message": "is at 1111111 but expected 2222222"})
    filled.github.faults.append(Fault(busy, match="/contents/", times=1))
    edit, _ = editing.submit_edit(proposal(), author)
    ended()
    edit.refresh_from_db()
    assert edit.state == EditState.QUEUED
    filled.refresh()
    agreed(filled)


def agreed(hub: Hub) -> None:
    """Assert that GitHub and the map have the same contents."""
    assert at_github(hub, "Redis/Redis_alert.yaml") == contents.alert("Other")
    row = ExporterContents.objects.get(directory="Redis")
    assert row.tree_sha == hub.github.repository.find("main", "contents/Redis").sha
    assert row.stale == ""
    assert (
        editing.current_file("Redis", "Redis_alert.yaml").text == contents.alert("Other").decode()
    )


@pytest.fixture
def lone_worker(filled: Hub) -> Iterator[Process]:
    """Stop one of the session's two workers; the test can kill the other and start it again."""
    lone, other = filled.workers
    other.stop()
    yield lone
    stopped = [process for process in (lone, other) if not process.running]
    for process in stopped:
        process.start()
    for process in stopped:
        process.wait_for_output("first run: not needed")


@pytest.mark.parametrize("moment", ["in the write", "before the listing", "in the lookup"])
def test_a_worker_killed_between_commit_and_publication(
    filled: Hub, author: User, lone_worker: Process, settings: Any, moment: str
) -> None:
    settings.RUN_DEADLINE = timedelta(seconds=2)
    reached = []

    def note(_: object) -> bool:
        reached.append(moment)
        return f.slow(5)(_)  # type: ignore[arg-type]

    act, match = {
        "in the write": (f.after_serving(note), "/contents/"),
        "before the listing": (note, "/git/trees/"),
        "in the lookup": (note, "recursive"),
    }[moment]
    filled.github.faults.append(Fault(act, match=match, times=1))
    edit, started = editing.submit_edit(proposal(), author)
    wait_until(lambda: reached, moment)
    lone_worker.kill()
    assert at_github(filled, "Redis/Redis_alert.yaml") == contents.alert("Other")
    lone_worker.start()
    lone_worker.wait_for_output("first run: not needed")
    wait_until(lambda: timezone.now() > started.run.deadline, "the deadline")
    app.send_task("tasks.housekeeping.housekeeping")
    wait_until(lambda: not RefreshRun.objects.get(pk=started.run.pk).is_open, "the run's end")
    settings.RUN_DEADLINE = timedelta(minutes=5)
    filled.refresh()
    edit.refresh_from_db()
    assert edit.state == EditState.COMMITTED
    agreed(filled)
    assert len(filled.github.repository.commits("main", "contents/Redis/Redis_alert.yaml")) == 2


def test_without_a_token_an_edit_waits(filled: Hub, author: User) -> None:
    from hub.models import GitHubToken

    GitHubToken.objects.all().delete()
    edit, _ = editing.submit_edit(proposal(), author)
    assert ended().status == RunStatus.NO_TOKEN
    edit.refresh_from_db()
    assert (edit.state, edit.reason) == (EditState.QUEUED, Reason.NO_TOKEN)
    filled.add_token()
    filled.refresh()
    agreed(filled)


# --- the API and the admin ------------------------------------------------------------------------


def body(**fields: Any) -> dict:
    text = contents.alert("Other").decode()
    sha = blob_sha(contents.alert("RedisDown"))
    return {
        "directory": "Redis",
        "path": "Redis_alert.yaml",
        "text": text,
        "base_sha": sha,
        **fields,
    }


def post(client: Client, data: dict, **headers: str) -> Any:
    return client.post(
        "/api/v1/edits", json.dumps(data), content_type="application/json", headers=headers
    )


def basic(name: str, password: str = PASSWORD) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def test_editing_over_the_api(filled: Hub, author: User) -> None:
    answer = post(Client(), body(message="Rename the alert"), Authorization=basic("root"))
    assert (answer.status_code, answer.json()["state"]) == (202, "queued")
    ended()
    number = answer.json()["edit"]
    own = Client().get(f"/api/v1/edits/{number}", headers={"Authorization": basic("root")})
    assert own.json()["state"] == "committed"
    newest = filled.github.repository.commits("main")[0]
    assert own.json()["commit_sha"] == newest.id.decode()
    assert newest.message == b"Rename the alert"


def test_the_api_returns_the_errors(filled: Hub, author: User) -> None:
    broken = post(
        Client(), body(text=contents.alert(expr="(").decode()), Authorization=basic("root")
    )
    assert broken.status_code == 422
    assert broken.json()["findings"][0]["line"] == 5
    older = post(Client(), body(base_sha="1" * 40), Authorization=basic("root"))
    assert older.status_code == 409
    assert "the file changed" in older.json()["detail"]
    assert not ContentEdit.objects.exists()


def test_editing_needs_permission(filled: Hub, author: User) -> None:
    viewer = User.objects.create_user("viewer", password=PASSWORD, is_staff=True)
    assert post(Client(), body()).status_code == 401
    assert post(Client(), body(), Authorization=basic("root", "wrong")).status_code == 401
    assert post(Client(), body(), Authorization=basic("viewer")).status_code == 403
    viewer.user_permissions.add(Permission.objects.get(codename="add_contentedit"))
    session = Client(enforce_csrf_checks=True)
    session.force_login(viewer)
    assert post(session, body()).status_code == 403  # without the CSRF token
    assert not ContentEdit.objects.exists()
    assert post(Client(), body(), Authorization=basic("viewer")).status_code == 202
    ended()


@pytest.fixture
def admin(author: User) -> Client:
    client = Client()
    client.force_login(author)
    return client


ADD = "/admin/hub/contentedit/add/"


def test_editing_in_the_admin(filled: Hub, admin: Client) -> None:
    page = admin.get(f"{ADD}?directory=Redis&path=Redis_alert.yaml")
    form = page.context["adminform"].form
    assert form.initial["text"] == contents.alert("RedisDown").decode()
    text = contents.alert("Other").decode().replace("\n", "\r\n")  # as browsers send it
    given = body(text=text, action="write", message="")
    broken = admin.post(ADD, {**given, "text": text.replace("up == 0", "up ==")})
    assert "line 5" in broken.content.decode()
    said = admin.post(ADD, given, follow=True).content.decode()
    assert "committed and published by" in said
    ended()
    agreed(filled)
    edit = ContentEdit.objects.get()
    assert edit.author.username == "root"
    page = admin.get(f"/admin/hub/contentedit/{edit.pk}/change/").content.decode()
    assert f'<div class="readonly">{localize(edit.committed_at)}<' in page
    assert edit.commit_sha in page


CHECK_BOX = '<input type="checkbox" name="overwrite"'


def seen(page: Any) -> str:
    """Return the SHA of the version that the form shows for comparison."""
    return str(page.context["adminform"].form["seen_sha"].value())


def test_the_form_says_that_a_file_changed_only_when_it_did(filled: Hub, admin: Client) -> None:
    def post_form(**fields: str) -> str:
        opened = {"opened": "Redis/Redis_alert.yaml", "action": "write", "message": ""}
        return admin.post(ADD, body(**opened, **fields)).content.decode()

    page = admin.get(f"{ADD}?directory=Redis&path=Redis_alert.yaml").content.decode()
    assert "<h1>Edit Redis/Redis_alert.yaml</h1>" in page
    assert CHECK_BOX not in page
    # saved under the name of another file, which the author did not open
    page = post_form(directory="Kafka", path="Kafka_alert.yaml")
    assert "the file exists already" in page
    assert "the file changed" not in page
    # opened as a new file, and the text is that of the existing one
    page = post_form(base_sha="", text=contents.alert("RedisDown").decode())
    assert "the text is unchanged" in page
    assert CHECK_BOX not in page
    assert not ContentEdit.objects.exists()
    # saved under a new name
    assert post_form(path="other.yaml") == ""
    ended()
    assert at_github(filled, "Redis/other.yaml") == contents.alert("Other")


def test_only_the_version_that_was_shown_is_overwritten(filled: Hub, admin: Client) -> None:
    given = body(action="write", message="", opened="Redis/Redis_alert.yaml")
    for name in ("Theirs", "Newer"):
        filled.write("Redis/Redis_alert.yaml", contents.alert(name))
        filled.refresh()
        page = admin.post(ADD, given)
        html = page.content.decode()
        assert "the file changed after it was opened" in html
        assert f"alert: {name}" in html
        assert CHECK_BOX in html
        given |= {"overwrite": "on", "seen_sha": seen(page)}
    admin.post(ADD, given)
    ended()
    agreed(filled)


def test_the_form_says_that_a_file_is_no_text(filled: Hub, admin: Client) -> None:
    filled.write("Redis/picture.png", b"\x89PNG\xff")
    filled.refresh()
    page = admin.get(f"{ADD}?directory=Redis&path=picture.png").content.decode()
    assert "It is not a text file." in page


def test_the_form_shows_the_findings_at_their_lines(filled: Hub, admin: Client) -> None:
    filled.write("Redis/Redis_alert.yaml", contents.alert(expr="sum("))
    filled.refresh()
    address = f"{ADD}?directory=Redis&path=Redis_alert.yaml"
    page = admin.get(address).content.decode()
    assert 'data-line="5" data-level="error"' in page
    assert "data-unsaved" not in page
    base_sha = editing.current_file("Redis", "Redis_alert.yaml").sha
    text = "# one more line\n" + contents.alert(expr="sum(").decode()
    given = body(action="write", message="", text=text, base_sha=base_sha)
    page = admin.post(address, given).content.decode()
    assert 'data-line="6" data-level="error"' in page
    assert "data-unsaved" in page


def test_a_draft_with_a_conflict_in_the_admin(filled: Hub, admin: Client) -> None:
    filled.write("Redis/Redis_alert.yaml", contents.alert("Theirs"))
    admin.post(ADD, body(action="write"))
    ended()
    edit = ContentEdit.objects.get()
    change = f"/admin/hub/contentedit/{edit.pk}/change/"
    assert "alert: Theirs" in admin.get(change).content.decode()
    again = admin.post(change, body(action="write"))
    assert "the file changed after it was opened" in again.content.decode()
    RefreshRun.objects.filter(trigger=RunTrigger.EDIT).update(trigger=RunTrigger.COMMAND)
    admin.post(change, body(action="write", overwrite="on", seen_sha=seen(again)))
    ended()
    agreed(filled)


def test_a_waiting_edit_can_be_withdrawn(filled: Hub, admin: Client) -> None:
    filled.github.faults.append(Fault(f.server_error(), match="/contents/"))
    admin.post(ADD, body(action="write"))
    ended()
    edit = ContentEdit.objects.get()
    admin.post("/admin/hub/contentedit/", {"action": "withdraw", "_selected_action": [edit.pk]})
    filled.github.faults.clear()
    filled.refresh()
    edit.refresh_from_db()
    assert (edit.state, edit.commit_sha) == (EditState.WITHDRAWN, "")
    assert at_github(filled, "Redis/Redis_alert.yaml") == contents.alert("RedisDown")
