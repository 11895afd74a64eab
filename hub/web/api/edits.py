"""Editing of content files over the API, with a session or with a user's password."""

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
    """A user's name and password (HTTP Basic). Failures count towards the same lock as sign-ins."""

    def authenticate(self, request: HttpRequest, username: str, password: str) -> Any:
        if "\0" in username:  # Postgres does not accept NUL, so no account has this name
            return None
        user = authenticate(request, username=username, password=password)
        if getattr(request, "axes_locked_out", False):
            # Do not try the session instead. django-axes replaces this response (hub.web.lockout).
            raise HttpError(429, "Locked out.")
        if user is not None:
            request.user = user
        return user


class Session(SessionAuth):
    """A browser's session with the CSRF token. A request without the session cookie gets 401."""

    def _get_key(self, request: HttpRequest) -> str | None:
        return super()._get_key(request) if self.param_name in request.COOKIES else None


_SIGNED_IN = [Password(), Session()]


def _valid_unicode(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("must not contain a lone surrogate") from None
    return text


Text = Annotated[str, AfterValidator(_valid_unicode)]  # JSON may contain what UTF-8 cannot encode
_TextOrNone = Annotated[str | None, BeforeValidator(lambda text: text or None)]


class EditIn(Schema):
    """The change to make to a file."""

    directory: Text = Field(min_length=1, max_length=255)
    path: Text = Field(min_length=1, max_length=1000, description="Relative to the directory.")
    action: Literal["write", "delete"] = "write"
    text: Text = Field("", description="The new text; ignored when the action is delete.")
    base_sha: str = Field(
        "",
        pattern="^([0-9a-f]{40}|[0-9a-f]{64})?$",
        description="SHA of the blob that the edit is based on; empty for a new file.",
    )
    message: Text = Field(
        "", max_length=200, pattern=r"^[^\x00]*$", description="The commit message."
    )


class EditOut(Schema):
    """An edit and its state."""

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
    """Why an edit was rejected. A rejected edit is not stored."""

    field: str = Field("", description="The field of the request that is invalid.")
    findings: list[FindingOut] = Field([], description="The problems of the file.")


@router.post(
    "",
    auth=_SIGNED_IN,
    response={
        202: EditOut,
        frozenset({400, 401, 403, 413, 429, 503}): ProblemOut,
        frozenset({409, 422}): EditProblemOut,
    },
    summary="Write or delete a file",
    description="The file is checked at once: 422 with the findings if it would not be usable, "
    "409 if it has changed since. A run then commits the edit to GitHub and publishes "
    "it. Poll the edit to see its state.",
)
def submit(request: HttpRequest, proposal: EditIn) -> Any:
    """Store the edit and start the run."""
    if not request.user.has_perm("hub.add_contentedit"):
        raise HttpError(403, "Your account may not edit contents: ask an admin.")
    values = proposal.dict()
    values["action"] = EditAction(values["action"])
    author = request.user if isinstance(request.user, User) else None
    try:
        edit, _ = editing.submit_edit(editing.EditProposal(**values), author)
    except editing.InvalidEdit as invalid:
        findings = [vars(finding) for finding in invalid.findings]
        problem = {"detail": str(invalid), "field": invalid.field, "findings": findings}
        return Status(409 if isinstance(invalid, editing.FileChangedSince) else 422, problem)
    return Status(202, edit)


@router.get(
    "/{int:edit}",
    auth=_SIGNED_IN,
    response={200: EditOut, frozenset({401, 403, 404, 422, 429, 503}): ProblemOut},
    summary="Get an edit and its state",
)
def one_edit(request: HttpRequest, edit: Annotated[int, Path(ge=1, le=2**62)]) -> Any:
    """Return an edit. Its state is `queued` until a run has processed it."""
    if not request.user.has_perm("hub.view_contentedit"):
        raise HttpError(403, "Your account may not see edits: ask an admin.")
    found = ContentEdit.objects.filter(source=configured_source().key, pk=edit).first()
    if found is None:
        raise HttpError(404, "Edit not found.")
    return found
