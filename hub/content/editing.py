"""Check and store edits of content files, and commit them to GitHub.

A run commits the waiting edits and then lists and publishes the repository; as only one run is open
at a time, no other run can list in between. A rejected edit stays as a draft, with the reason.
"""

import logging
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction

from hub import clock
from hub.content import blob_store
from hub.content.content_files import decoded
from hub.content.judgement import judge_directory
from hub.content.rules.judge import judge
from hub.content.rules.parsing import MAX_FILE_SIZE, too_large
from hub.content.rules.report import Finding, Level
from hub.content.runs import Started, refresh_runs, start_refresh
from hub.github import errors
from hub.github.client import Commit, GitHubClient
from hub.github.git_objects import blob_sha
from hub.github.source import Source, configured_source
from hub.models import (
    ContentBlob,
    ContentEdit,
    ContentTree,
    ExporterContents,
    Snapshot,
    TreeListing,
)
from hub.models.choices import EditAction, EditState, Reason, RunTrigger

logger = logging.getLogger(__name__)

_MAX_NAME_LENGTH = 255  # bytes; the limit of file systems
_MAX_PATH_LENGTH = 1000  # characters


@dataclass(frozen=True)
class EditProposal:
    """A change to one file. `base_sha`: the blob that the author edited; "" for a new file."""

    directory: str
    path: str
    action: EditAction
    text: str = ""
    base_sha: str = ""
    message: str = ""


class InvalidEdit(Exception):
    """The proposal is invalid. `field` names the input; `findings` lists errors in the text."""

    def __init__(self, field: str, reason: str, findings: Iterable[Finding] = ()) -> None:
        super().__init__(reason)
        self.field, self.findings = field, tuple(findings)


class FileChangedSince(InvalidEdit):
    """The file has changed since the author loaded it."""


@dataclass(frozen=True)
class CurrentFile:
    """A published file: its blob SHA, and its text if it is stored and valid UTF-8."""

    sha: str
    text: str | None


def current_file(directory: str, path: str) -> CurrentFile:
    """Return the file as last published; `sha` is "" if it does not exist."""
    sha = _files_of(directory).get(path, "")
    data = ContentBlob.objects.filter(pk=sha).values_list("data", flat=True).first()
    return CurrentFile(sha, decoded(data))


def _files_of(directory: str) -> dict[str, str]:
    """Return path → blob SHA for a published directory."""
    rows = ExporterContents.objects.filter(source=configured_source().key, directory=directory)
    tree = ContentTree.objects.filter(pk__in=rows.values("tree_sha")).first()
    return {path: sha for path, sha, _ in tree.files} if tree else {}


def check_edit(proposal: EditProposal) -> None:
    """Check an edit. Raises `InvalidEdit` or its subclass `FileChangedSince`."""
    _check_name("directory", proposal.directory)
    if len(proposal.path) > _MAX_PATH_LENGTH:
        raise InvalidEdit("path", f"longer than {_MAX_PATH_LENGTH} characters")
    for part in proposal.path.split("/"):
        _check_name("path", part)
    _check_links(proposal)
    files = _files_of(proposal.directory)
    current_sha = files.get(proposal.path, "")
    if proposal.base_sha != current_sha:
        raise FileChangedSince("base_sha", str(Reason.CONFLICT.label))
    if proposal.action == EditAction.DELETE:
        if not current_sha:
            raise InvalidEdit("path", "the file to delete does not exist")
        return
    data = proposal.text.encode()
    if len(data) > MAX_FILE_SIZE:
        raise InvalidEdit("text", too_large(len(data)))
    if "\0" in proposal.text:
        raise InvalidEdit("text", "contains a NUL byte: not a text file")
    if blob_sha(data, like=current_sha) == current_sha:
        raise InvalidEdit("text", "the text is unchanged")
    # Judge the file together with the other files of its directory.
    known = blob_store.known_reports(files.values())
    reports = {path: known.get(sha) for path, sha in files.items()}
    reports[proposal.path] = judge(data)
    broken = [
        finding
        for finding in judge_directory(reports).findings
        if finding.path == proposal.path and finding.level == Level.ERROR
    ]
    if broken:
        raise InvalidEdit("text", "the file has errors", broken)


def _check_links(proposal: EditProposal) -> None:
    """Reject a path through a link or a submodule: GitHub would not write to the file there."""
    source = configured_source().key
    newest = Snapshot.objects.filter(source=source).values("contents_sha")[:1]
    listing = TreeListing.objects.filter(pk__in=newest).first()
    kind, _, *targets = (listing.entries if listing else {}).get(proposal.directory, ["tree", ""])
    if kind != "tree":
        raise InvalidEdit("directory", "not a directory: a file, a symbolic link or a submodule")
    if targets:
        raise InvalidEdit("directory", f"a symbolic link: edit the file in {targets[0]!r}")
    rows = ExporterContents.objects.filter(source=source, directory=proposal.directory)
    tree = ContentTree.objects.filter(pk__in=rows.values("tree_sha")).first()
    for link, target in ((tree.links if tree else None) or {}).items():
        if f"{proposal.path}/".startswith(f"{link}/"):
            hint = f": edit {target!r}" if target else ""
            raise InvalidEdit("path", f"{link!r} is a symbolic link{hint}")


def _check_name(field: str, name: str) -> None:
    """Reject a name that git, GitHub or a file system cannot store, or that escapes the folder."""
    if not name or name != name.strip():
        raise InvalidEdit(field, "the name is empty, or begins or ends with a space")
    if name in (".", "..") or "/" in name or "\\" in name:
        raise InvalidEdit(field, f"{name!r} is not a valid file or folder name")
    if name.casefold() == ".git":
        raise InvalidEdit(field, "this name is reserved for git")
    if any(unicodedata.category(character) in ("Cc", "Cf", "Cs") for character in name):
        raise InvalidEdit(field, "the name contains control characters")
    if len(name.encode()) > _MAX_NAME_LENGTH:
        raise InvalidEdit(field, f"the name is longer than {_MAX_NAME_LENGTH} bytes")


def submit_edit(
    proposal: EditProposal, author: User | None, draft: ContentEdit | None = None
) -> tuple[ContentEdit, Started]:
    """Check and store an edit (or update `draft`), and start the run that commits it.

    Raises `InvalidEdit` or `FileChangedSince`; then nothing is stored.
    """
    check_edit(proposal)
    with transaction.atomic():
        edit = draft or ContentEdit()
        edit.source = configured_source().key
        for name, value in vars(proposal).items():
            setattr(edit, name, value)
        edit.message = proposal.message or f"{proposal.action.label.capitalize()} {proposal.path}"
        edit.author, edit.state, edit.reason, edit.detail = author, EditState.QUEUED, "", ""
        edit.save()
        started = start_refresh(RunTrigger.EDIT, requested_by=author, follow_up=True)
    return edit, started


def commit_waiting(client: GitHubClient, source: Source, run_id: int) -> Commit | None:
    """Commit the source's waiting edits in order, and return the last commit, if there was one.

    After a transient error the edit waits for the next run. An earlier attempt may have committed
    the edit without recording it (a killed worker, a lost response): `_commit` detects this.
    """
    last = None
    waiting = ContentEdit.objects.waiting(source.key)
    for pk in waiting.values_list("pk", flat=True):
        # Read right before it is sent: the author may have withdrawn or deleted it meanwhile.
        this = waiting.filter(pk=pk)
        edit = this.first() if this.update(state=EditState.SENDING) else None
        if edit is None:
            continue
        refresh_runs.note_progress(run_id)
        try:
            last = _commit(client, source, edit) or last
            committed = {"commit_sha": edit.commit_sha, "committed_at": clock.now()}
            outcome = {"state": EditState.COMMITTED, "reason": "", "detail": "", **committed}
        except errors.GitHubError as error:
            state = _state_after(error)
            outcome = {"state": state, "reason": error.reason, "detail": str(error)[:300]}
        is_waiting = outcome["state"] == EditState.QUEUED
        this.update(**outcome, **({} if is_waiting else {"run": run_id}))
        logger.info("run %s: edit %s: %s", run_id, pk, outcome)
        if is_waiting:
            break
    return last


def _state_after(error: errors.GitHubError) -> EditState:
    """The state of an edit that was not committed; queued if the next run may succeed."""
    if isinstance(error, errors.FileChanged):
        return EditState.CONFLICT
    refused = isinstance(error, errors.Refused | errors.AccessDenied | errors.NotFound)
    return EditState.REFUSED if refused else EditState.QUEUED


def _commit(client: GitHubClient, source: Source, edit: ContentEdit) -> Commit | None:
    """Commit one edit; return None if GitHub already has it. Raises `GitHubError`."""
    path = "/".join(part for part in (source.path, edit.directory, edit.path) if part)
    data = edit.text.encode()
    deleting = edit.action == EditAction.DELETE
    new_sha = "" if deleting else blob_sha(data, like=edit.base_sha)
    where = (source.repository, source.branch, path)
    try:
        if deleting:
            commit = client.delete_file(*where, edit.message, edit.base_sha)
        else:
            commit = client.write_file(*where, data, edit.message, edit.base_sha)
    except (errors.FileChanged, errors.NotFound) as refusal:
        current_sha = client.file_sha(*where)
        if current_sha == new_sha:
            return None
        if isinstance(refusal, errors.FileChanged) and current_sha == edit.base_sha:
            # 409 "is at … but expected …": another commit changed the branch, but not this file.
            raise errors.ServerFault(str(refusal)) from None
        raise
    edit.commit_sha = commit.sha
    if not deleting:
        blob_store.store_blobs({new_sha: data})
    return commit
