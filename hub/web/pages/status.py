"""The status page, and its fragment that is polled during a run."""

from dataclasses import replace

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from hub import clock
from hub.content import status
from hub.content.map import read_map
from hub.content.status import FoundError
from hub.github.renames import rename_note
from hub.github.source import configured_source
from hub.runs import schedule
from hub.web.pages.chart import chart
from hub.web.pages.metrics import line_url

_RUNS = 20


@never_cache
@require_safe
def status_page(request: HttpRequest) -> HttpResponse:
    """Show the freshness of the contents, the last runs and the tokens' rate limits.

    Everybody gets the same page; what only staff may know is on the admin's start page.
    """
    now = clock.now()
    plan = schedule.schedule_status(now)
    current = read_map.fetch_map()
    served = current.served
    source = replace(configured_source(), renamed_to=current.renamed_to)
    runs = list(status.runs()[:_RUNS])
    directories = status.directories()
    return render(
        request,
        "hub/status.html",
        {
            "freshness": read_map.freshness(served),
            "snapshot": served.snapshot_id,
            "source": source,
            "rename_note": rename_note(source.repository),
            "plan": plan,
            "beat_seen": now - plan.late_by,
            "directories": directories,
            "errors": [(error, _url_of(error)) for error in directories.broken],
            "tokens": status.token_quotas(),
            "now": now,
            "chart": chart(runs),
            "runs": runs,
            **status.progress(runs[0] if runs else None),
        },
    )


@never_cache
@require_safe
def status_live(request: HttpRequest) -> HttpResponse:
    """Return the newest run's progress; when it has ended, make the page reload its figures.

    `seen` is the finished run that the page shows. If it is still the newest, answer 204, so that
    the page does not change and screen readers say nothing.
    """
    context = status.progress(status.runs().first())
    if not context["running"] and context["seen"] == request.GET.get("seen", ""):
        return HttpResponse(status=204)
    response = render(request, "hub/includes/progress.html", context)
    if not context["running"]:
        response["HX-Trigger"] = "run-ended"
    return response


def _url_of(error: FoundError) -> str:
    """Return the URL of the page that shows an error."""
    finding = error.finding
    if not error.slug:
        return reverse("directory", args=[error.directory])
    if not error.kind:
        return reverse("exporter", args=[error.slug])
    return line_url(error.slug, error.kind, error.directory, finding.path, finding.line)
