"""Serving logos: whoever made the picture, it can do nothing but be looked at."""

from csp.constants import NONE
from csp.decorators import csp
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from hub.models import Logo


# Opened by itself, an SVG is a document: it gets no script, no style and no origin.
@csp({"default-src": [NONE], "sandbox": True})  # type: ignore[arg-type] # it takes any view
@require_safe
def logo(request: HttpRequest, slug: str) -> HttpResponse:
    """An exporter's logo. Under the address with its version (`?v=`) it never expires."""
    found = (
        Logo.objects.select_related("exporter")
        .only("data", "exporter__logo_type", "exporter__logo_version")
        .filter(exporter__slug=slug)
        .first()
    )
    if found is None:
        raise Http404("This exporter has no logo.")
    version = found.exporter.logo_version
    kept = "max-age=31536000, immutable" if request.GET.get("v") == version else "max-age=300"
    response = HttpResponse(
        bytes(found.data),
        content_type=found.exporter.logo_type,
        headers={"ETag": f'"{version}"', "Cache-Control": f"public, {kept}"},
    )
    return get_conditional_response(request, response["ETag"], response=response) or response
