"""The status page, and the part of it that is asked for again and again while a run goes."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from hub.content import status
from hub.content.map import read_map
from hub.github.source import configured_source
from hub.models import GitHubToken, RefreshRun, Resource, TokenState
from hub.runs import schedule
from hub.web.pages.chart import chart, mark_of

_RUNS = 20
# htmx's own status: its polling ends with it (https://htmx.org/docs/#polling).
_STOP_POLLING = 286


class Allowance:
    """A token's requests, as anybody may see them: without its secret and its name."""

    def __init__(self, number: int, token: GitHubToken, now: datetime) -> None:
        self.token = token
        self.masked_name = f"Token {number}"
        self.refused = token.state == TokenState.INVALID
        self.blocked_until = (
            token.blocked_until if token.blocked_until and token.blocked_until > now else None
        )
        quotas = [quota for resource in Resource if (quota := token.quota(resource))]
        self.quotas = [(quota.resource.label, quota.limit, quota.left(now)) for quota in quotas]


@never_cache
@require_safe
def status_page(request: HttpRequest) -> HttpResponse:
    """How the hub is, for people."""
    now = timezone.now()
    plan = schedule.plan(now)
    served = read_map.fetch_head().served
    runs = list(status.runs()[:_RUNS])
    return render(
        request,
        "hub/status.html",
        {
            "freshness": read_map.freshness(served),
            "snapshot": served.snapshot_id,
            "source": configured_source(),
            "plan": plan,
            "beat_seen": now - plan.late_by,
            "directories": status.directories(),
            "allowances": [
                Allowance(number, token, now)
                for number, token in enumerate(GitHubToken.objects.all(), start=1)
            ],
            "chart": chart(runs),
            "runs": [(run, mark_of(run)) for run in runs],
            **_live(runs[0] if runs else None),
        },
    )


@never_cache
@require_safe
def status_live(request: HttpRequest) -> HttpResponse:
    """The newest run's progress; with its end, the page is told to fetch its figures anew."""
    context = _live(status.runs().first())
    response = render(request, "hub/includes/progress.html", context)
    if not context["running"]:
        response.status_code = _STOP_POLLING
        response["HX-Trigger"] = "run-ended"
    return response


def _live(newest: RefreshRun | None) -> dict[str, Any]:
    return {
        "run": newest,
        "running": newest is not None and newest.is_open,
        "mark": mark_of(newest) if newest else "",
    }
