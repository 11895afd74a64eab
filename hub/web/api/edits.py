"""Editing content files over the API, for signed-in people and for programs with a password."""

from typing import Annotated, Any, Literal

from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.http import HttpRequest
from ninja import Field, Path, Router, Schema, Status
from ninja.errors import HttpError
from ninja.security import HttpBasicAuth, SessionAuth
from pydantic import AfterValidator, BeforeValidator

from hub.content import editing
from hub.github.source import configured_source
from hub.models import ContentEdit, EditAction
from hub.web.api.schemas import FindingOut, ProblemOut

router = Router(tags=["editing"])


class Password(HttpBasicAuth):
    """A user's name and password, for programs; failures count as the admin's do."""

    def authenticate(self, request: HttpRequest, username: str, password: str) -> Any:
        if "\0" in username:  # no account's name, and no text that Postgres takes
            return None
        user = authenticate(request, username=username, password=password)
        if getattr(request, "axes_locked_out", False):
            # Not as the session's user either; django-axes' middleware says it in our words.
            raise HttpError(429, "Locked out.")
        if user is not None:
            request.user = user
        return user


class Session(SessionAuth):
    """A browser's session, with the CSRF token. Without the cookie it is simply none: 401."""

    def _get_key(self, request: HttpRequest) -> str | None:
        return super()._get_key(request) if self.param_name in request.COOKIES else None


_SIGNED_IN = [Password(), Session()]


def _in_unicode(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("it holds half a character (a lone surrogate)") from None
    return text


Text = Annotated[str, AfterValidator(_in_unicode)]  # JSON may hold what UTF-8 cannot


_TextOrNone = Annotated[str | None, BeforeValidator(lambda text: text or None)]


class EditIn(Schema):
    """What to do to one file."""

    directory: Text = Field(min_length=1, max_length=255)
    path: Text = Field(min_length=1, max_length=1000, description="Relative to the directory.")
    action: Literal["write", "delete"] = "write"
    text: Text = ""
    base_sha: str = Field(
        "",
        pattern="^([0-9a-f]{40}|[0-9a-f]{64})?$",
        description="The blob that you started from; empty for a new file.",
    )
    message: Text = Field(
        "", max_length=200, pattern=r"^[^\x00]*$", description="The commit's message."
    )


class EditOut(Schema):
    """An edit, and what became of it."""

    edit: int = Field(validation_alias="pk")
    directory: str
    path: str
    action: Literal["write", "delete"]
    state: Literal["queued", "sending", "committed", "conflict", "refused", "withdrawn"]
    reason: _TextOrNone
    detail: _TextOrNone
    commit_sha: _TextOrNone
    run: int | None = Field(validation_alias="run_id")


class EditProblemOut(ProblemOut):
    """Why an edit was not taken; nothing was kept."""

    field: str = Field("", description="The member of the proposal that is wrong.")
    findings: list[FindingOut] = Field([], description="What is wrong with the file.")


@router.post(
    "",
    auth=_SIGNED_IN,
    response={
        202: EditOut,
        frozenset({400, 401, 403, 413, 429}): ProblemOut,
        frozenset({409, 422}): EditProblemOut,
    },
    summary="Write or delete a file",
    description="Checked at once: 422 with the findings when the file would not work, 409 when "
    "somebody else changed it. Then it waits for the run that commits it to GitHub and publishes "
    "it; ask for the edit to see what became of it.",
)
def submit(request: HttpRequest, proposal: EditIn) -> Any:
    """Keep the edit and begin the run."""
    if not request.user.has_perm("hub.add_contentedit"):
        raise HttpError(403, "Your account may not edit contents: ask an admin.")
    given = proposal.dict()
    given["action"] = EditAction(given["action"])
    author = request.user if isinstance(request.user, User) else None
    try:
        edit, _ = editing.submit_edit(editing.EditProposal(**given), author)
    except editing.InvalidEdit as invalid:
        findings = [vars(finding) for finding in invalid.findings]
        refusal = {"detail": str(invalid), "field": invalid.field, "findings": findings}
        return Status(409 if isinstance(invalid, editing.FileChangedSince) else 422, refusal)
    return Status(202, edit)


@router.get(
    "/{int:edit}",
    auth=_SIGNED_IN,
    response={200: EditOut, frozenset({401, 403, 404, 422, 429}): ProblemOut},
    summary="What became of an edit",
)
def one_edit(request: HttpRequest, edit: Annotated[int, Path(ge=1, le=2**62)]) -> Any:
    """One edit."""
    if not request.user.has_perm("hub.view_contentedit"):
        raise HttpError(403, "Your account may not see edits: ask an admin.")
    found = ContentEdit.objects.filter(source=configured_source().key, pk=edit).first()
    if found is None:
        raise HttpError(404, "There is no such edit.")
    return found
