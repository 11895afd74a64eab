"""Serving logos: whoever made the picture, it can do nothing but be looked at."""

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from hub.models import Logo
from hub.web.http_cache import matches


@require_safe
def logo(request: HttpRequest, slug: str) -> HttpResponse:
    """An exporter's logo. Under the address with its version (`?v=`) it is kept for ever."""
    found = (
        Logo.objects.select_related("exporter")
        .only("data", "exporter__logo_type", "exporter__logo_version")
        .filter(exporter__slug=slug)
        .first()
    )
    if found is None:
        raise Http404("This exporter has no logo.")
    version = found.exporter.logo_version
    etag = f'"{version}"'
    if matches(request.headers.get("If-None-Match", ""), etag):
        response = HttpResponse(status=304)
    else:
        response = HttpResponse(bytes(found.data), content_type=found.exporter.logo_type)
        response["X-Content-Type-Options"] = "nosniff"
    response["ETag"] = etag
    kept = "max-age=31536000, immutable" if request.GET.get("v") == version else "max-age=300"
    response["Cache-Control"] = f"public, {kept}"
    # Opened by itself, an SVG is a document: it gets no script, no style and no origin.
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
