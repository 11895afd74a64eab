"""Editing content files: checked, kept, committed by a run, and published by the same run.

A run commits what waits before it lists. As one run is open at a time, no other can list between a
commit and its publication. What GitHub does not take stays as a draft, with the reason.
"""

import logging
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from hub.content import blob_store
from hub.content.content_files import decoded
from hub.content.judgement import judge_directory
from hub.content.rules.judge import judge
from hub.content.rules.parsing import LARGEST_FILE, too_large
from hub.content.rules.report import Finding, Level
from hub.content.runs import Started, start_refresh
from hub.github import errors
from hub.github.client import Commit, GitHubClient
from hub.github.git_objects import blob_sha
from hub.github.source import Source, configured_source
from hub.models import ContentEdit, ContentTree, ExporterContents
from hub.models.choices import EditAction, EditState, Reason, RunTrigger

logger = logging.getLogger(__name__)

_LONGEST_NAME = 255  # bytes; what file systems take
_LONGEST_PATH = 1000  # characters


@dataclass(frozen=True)
class EditProposal:
    """What an author wants to do to one file. `base_sha` is the blob that he saw; "": none."""

    directory: str
    path: str
    action: EditAction
    text: str = ""
    base_sha: str = ""
    message: str = ""


class InvalidEdit(Exception):
    """The proposal cannot become an edit: `field` names the input, `findings` say more."""

    def __init__(self, field: str, reason: str, findings: Iterable[Finding] = ()) -> None:
        super().__init__(reason)
        self.field, self.findings = field, tuple(findings)


class FileChangedSince(InvalidEdit):
    """The file is another one by now than the one that the author saw."""


@dataclass(frozen=True)
class CurrentFile:
    """A file of the map: its blob's SHA, and its text where that is kept and is text."""

    sha: str
    text: str | None


def current_file(directory: str, path: str) -> CurrentFile:
    """The file as the last publication has it; an empty one when there is none."""
    sha = _files_of(directory).get(path, "")
    return CurrentFile(sha, decoded(blob_store.bytes_of(sha)))


def _files_of(directory: str) -> dict[str, str]:
    """Path → blob SHA of a directory of the map."""
    rows = ExporterContents.objects.filter(source=configured_source().key, directory=directory)
    tree = ContentTree.objects.filter(pk__in=rows.values("tree_sha")).first()
    return {path: sha for path, sha, _ in tree.files} if tree else {}


def check_edit(proposal: EditProposal) -> None:
    """Refuse what could not be committed, or would be broken. Raises `Invalid` or `Changed`."""
    _check_name("directory", proposal.directory)
    if len(proposal.path) > _LONGEST_PATH:
        raise InvalidEdit("path", f"longer than {_LONGEST_PATH} characters")
    for part in proposal.path.split("/"):
        _check_name("path", part)
    files = _files_of(proposal.directory)
    there = files.get(proposal.path, "")
    if proposal.base_sha != there:
        raise FileChangedSince("base_sha", str(Reason.CONFLICT.label))
    if proposal.action == EditAction.DELETE:
        if not there:
            raise InvalidEdit("path", "there is no such file to delete")
        return
    data = proposal.text.encode()
    if len(data) > LARGEST_FILE:
        raise InvalidEdit("text", too_large(len(data)))
    if "\0" in proposal.text:
        raise InvalidEdit("text", "a NUL byte: this is no text")
    if blob_sha(data, like=there) == there:
        raise InvalidEdit("text", "nothing was changed")
    # The file itself, judged among those that it will lie with.
    known = blob_store.known_reports(files.values())
    reports = {path: known.get(sha) for path, sha in files.items()}
    reports[proposal.path] = judge(data)
    broken = [
        finding
        for finding in judge_directory(reports).findings
        if finding.path == proposal.path and finding.level == Level.ERROR
    ]
    if broken:
        raise InvalidEdit("text", "the file would not work", broken)


def _check_name(field: str, name: str) -> None:
    """Refuse a name that git, GitHub or a file system could not keep, or would take elsewhere."""
    if not name or name != name.strip():
        raise InvalidEdit(field, "an empty name, or one that begins or ends with a space")
    if name in (".", "..") or "/" in name or "\\" in name:
        raise InvalidEdit(field, f"{name!r} is no name of a file or folder")
    if name.casefold() == ".git":
        raise InvalidEdit(field, "git keeps this name for itself")
    if any(unicodedata.category(character) in ("Cc", "Cf", "Cs") for character in name):
        raise InvalidEdit(field, "a name with control characters")
    if len(name.encode()) > _LONGEST_NAME:
        raise InvalidEdit(field, f"a name longer than {_LONGEST_NAME} bytes")


def submit_edit(
    proposal: EditProposal, author: User | None, draft: ContentEdit | None = None
) -> tuple[ContentEdit, Started]:
    """Check and keep an edit, or a `draft` anew, and begin the run that commits it.

    Raises `Invalid` or `Changed`, and keeps nothing then.
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
    """Commit the source's waiting edits, in order; the last commit that GitHub made, if any.

    A fault that may pass leaves the edit waiting for the next run. An edit that an earlier try
    brought to GitHub without learning of it (a killed worker, a lost answer) is found there.
    """
    last = None
    for edit in ContentEdit.objects.waiting(source.key):
        try:
            last = _commit(client, source, edit) or last
            edit.state, edit.reason, edit.detail = EditState.COMMITTED, "", ""
            edit.committed_at = timezone.now()
        except errors.FileChanged as changed:
            edit.state = EditState.CONFLICT
            edit.reason, edit.detail = changed.reason, str(changed)[:300]
        except (errors.Refused, errors.AccessDenied, errors.NotFound) as refusal:
            edit.state = EditState.REFUSED
            edit.reason, edit.detail = refusal.reason, str(refusal)[:300]
        except errors.GitHubError as fault:
            edit.reason, edit.detail = fault.reason, str(fault)[:300]
            edit.save(update_fields=["reason", "detail"])
            logger.warning("run %s: edit %s is not committed yet: %s", run_id, edit.pk, fault)
            return last
        edit.run_id = run_id
        edit.save()
        logger.info("run %s: edit %s: %s", run_id, edit.pk, edit.state)
    return last


def _commit(client: GitHubClient, source: Source, edit: ContentEdit) -> Commit | None:
    """The commit, or None when GitHub has had it already. Raises a `GitHubError`."""
    path = "/".join(part for part in (source.path, edit.directory, edit.path) if part)
    data = edit.text.encode()
    deleting = edit.action == EditAction.DELETE
    wanted = "" if deleting else blob_sha(data, like=edit.base_sha)
    where = (source.repository, source.branch, path)
    try:
        if deleting:
            commit = client.delete_file(*where, edit.message, edit.base_sha)
        else:
            commit = client.write_file(*where, data, edit.message, edit.base_sha)
    except (errors.FileChanged, errors.NotFound) as refusal:
        there = client.file_sha(*where)
        if there == wanted:
            return None
        if isinstance(refusal, errors.FileChanged) and there == edit.base_sha:
            # 409 "is at … but expected …": another commit moved the branch, but not this file.
            raise errors.ServerFault(str(refusal)) from None
        raise
    edit.commit_sha = commit.sha
    if not deleting:
        blob_store.store_blobs({wanted: data})
    return commit
