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
from hub.content.judgement import Judgement, judge_directory
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
    """The file is not the one that the author opened: changed, deleted, or not opened at all."""


@dataclass(frozen=True)
class CurrentFile:
    """A published file: blob SHA, text (if it is stored and valid UTF-8) and findings."""

    sha: str
    text: str | None
    findings: tuple[Finding, ...] = ()


def current_file(directory: str, path: str) -> CurrentFile:
    """Return the file as last published; `sha` is "" if it does not exist."""
    tree = _tree_of(directory)
    sha = _files_of(tree).get(path, "")
    data = ContentBlob.objects.filter(pk=sha).values_list("data", flat=True).first()
    found = Judgement.from_json(tree.judgement if tree else None).findings
    return CurrentFile(sha, decoded(data), tuple(each for each in found if each.path == path))


def _tree_of(directory: str) -> ContentTree | None:
    """Return the files and the judgement of a published directory."""
    rows = ExporterContents.objects.filter(source=configured_source().key, directory=directory)
    return ContentTree.objects.filter(pk__in=rows.values("tree_sha")).first()


def _files_of(tree: ContentTree | None) -> dict[str, str]:
    """Return path → blob SHA."""
    return {path: sha for path, sha, _ in tree.files} if tree else {}


def check_edit(proposal: EditProposal) -> None:
    """Check an edit. Raises `InvalidEdit` or its subclass `FileChangedSince`."""
    _check_name("directory", proposal.directory)
    if len(proposal.path) > _MAX_PATH_LENGTH:
        raise InvalidEdit("path", f"longer than {_MAX_PATH_LENGTH} characters")
    for part in proposal.path.split("/"):
        _check_name("path", part)
    tree = _tree_of(proposal.directory)
    _check_links(proposal, tree)
    files = _files_of(tree)
    current_sha = files.get(proposal.path, "")
    data = proposal.text.encode()
    is_delete = proposal.action == EditAction.DELETE
    if is_delete and not current_sha:
        raise InvalidEdit("path", "the file to delete does not exist")
    if current_sha and not is_delete and blob_sha(data, like=current_sha) == current_sha:
        raise InvalidEdit("text", "the text is unchanged")
    if proposal.base_sha != current_sha:
        raise FileChangedSince("base_sha", _difference(proposal.base_sha, current_sha))
    if is_delete:
        return
    if len(data) > MAX_FILE_SIZE:
        raise InvalidEdit("text", too_large(len(data)))
    if "\0" in proposal.text:
        raise InvalidEdit("text", "contains a NUL byte: not a text file")
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


def _difference(base_sha: str, current_sha: str) -> str:
    """Say why the file is not the one that the author opened."""
    if not base_sha:
        return "the file exists already: open it, then edit its current version"
    if not current_sha:
        return "the file was deleted after it was opened: add it again, or leave it deleted"
    return str(Reason.CONFLICT.label)


def _check_links(proposal: EditProposal, tree: ContentTree | None) -> None:
    """Reject a path through a link or a submodule: GitHub would not write to the file there."""
    source = configured_source().key
    newest = Snapshot.objects.filter(source=source).values("contents_sha")[:1]
    listing = TreeListing.objects.filter(pk__in=newest).first()
    kind, _, *targets = (listing.entries if listing else {}).get(proposal.directory, ["tree", ""])
    if kind != "tree":
        raise InvalidEdit("directory", "not a directory: a file, a symbolic link or a submodule")
    if targets:
        raise InvalidEdit("directory", f"a symbolic link: edit the file in {targets[0]!r}")
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
    path = source.path_of(edit.directory, edit.path)
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
