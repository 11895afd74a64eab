"""The page that explains how to connect a repository, and checks the connection for admins."""

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from hub.github.client import shared_client
from hub.github.connection import Step, check_connection
from hub.models import GitHubToken
from hub.web.pages.context import page_context

_PERMISSION = "hub.add_githubtoken"
_COMMAND = """\
GITHUB_TOKEN=YOUR_TOKEN \\
GITHUB_REPO=OWNER/NAME \\
GITHUB_CONTENTS_PATH=contents \\
make run"""


@never_cache
@require_safe
def setup(request: HttpRequest) -> HttpResponse:
    """Show what the hub reads now, and how to let it read another repository."""
    return _page(request)


@never_cache
@require_POST
def check_setup(request: HttpRequest) -> HttpResponse:
    """Check the token and the repository with requests to GitHub, and show the result."""
    if not request.user.is_staff:
        return redirect_to_login(reverse("setup"), reverse("admin:login"))
    if not request.user.has_perm(_PERMISSION):
        raise PermissionDenied
    source = page_context()["source"]
    return _page(request, check_connection(shared_client(), source))


def _page(request: HttpRequest, steps: list[Step] | None = None) -> HttpResponse:
    context = page_context() | {
        "command": _COMMAND,
        "has_token": GitHubToken.objects.exists(),
        "may_check": request.user.has_perm(_PERMISSION),
        "steps": steps,
        "works": steps is not None and not any(step.problem for step in steps),
    }
    return render(request, "hub/setup.html", context)
