"""The page of all changes to the contents."""

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from hub.models import Change, ChangeKind, ChangeWhat
from hub.web.pages.context import page_context
from hub.web.pages.history import changes_page

# Parameter, which is also the column → its label and the values that it can have.
_FILTERS = {"kind": ("Content", ChangeKind), "what": ("Change", ChangeWhat)}


@require_safe
@gzip_page
def all_changes(request: HttpRequest) -> HttpResponse:
    """Show the changes to all exporters and directories, newest first.

    Values of filters that do not exist are ignored.
    """
    chosen = {
        name: value
        for name, (_, values) in _FILTERS.items()
        if (value := request.GET.get(name, "")) in values.values
    }
    context = page_context()
    rows = Change.objects.filter(source=context["source"].key, **chosen)
    context |= changes_page(rows, request.GET.get("before", ""))
    context |= {
        "filters": [
            (name, label, values.choices, chosen.get(name, ""))
            for name, (label, values) in _FILTERS.items()
        ],
        "is_filtered": bool(chosen),
        "newest_url": f"?{urlencode(chosen)}",
        "older_url": f"?{urlencode(chosen | {'before': context['older']})}",
    }
    return render(request, "hub/changes.html", context)
