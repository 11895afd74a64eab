"""Packs: downloads of the content of one or several exporters, and the page that lists it."""

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.utils.datastructures import MultiValueDict
from django.views.decorators.http import require_safe

from hub.github.source import configured_source
from hub.models import Exporter, ExporterContents
from hub.packs.build import Pack, build_pack
from hub.packs.options import MAX_EXPORTERS, InvalidOption, PackOptions, parse_options
from hub.packs.render import archive, manifest, rules
from hub.packs.select import NotInPack, pin, select_files
from hub.web.error_pages import refuse
from hub.web.pages import snippets
from hub.web.pages.context import page_context
from hub.web.pages.exporter import Page, PageNotFound

View = Callable[..., HttpResponse]

_YAML = "application/yaml"  # RFC 9512
_RULE_FORMS = ("prometheus", "prometheusrule")
_NOTHING = "Nothing in the contents can be installed this way."


def _download(view: View) -> View:
    """Answer conditional requests by ETag, and invalid ones as plain text, for curl and kubectl."""

    @require_safe
    @wraps(view)
    def answer(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponse:
        try:
            response = view(request, *arguments, **named)
        except InvalidOption as fault:
            return _refusal(400, str(fault))
        except NotInPack as fault:
            return _refusal(404, str(fault))
        return get_conditional_response(request, response["ETag"], response=response) or response

    return answer


def _refusal(status: int, detail: str) -> HttpResponse:
    return HttpResponse(f"{detail}\n", status=status, content_type="text/plain; charset=utf-8")


@_download
def exporter_manifest(request: HttpRequest, slug: str) -> HttpResponse:
    """Return an exporter's pack as one Kubernetes manifest."""
    return _manifest(_pack(_of_exporter(request, slug)))


@_download
def exporter_archive(request: HttpRequest, slug: str) -> HttpResponse:
    """Return an exporter's pack as a zip."""
    return _archive(_pack(_of_exporter(request, slug)))


@_download
def exporter_rules(request: HttpRequest, slug: str) -> HttpResponse:
    """Return an exporter's alerting rules: `form` is prometheus (default) or prometheusrule."""
    form = request.GET.get("form", _RULE_FORMS[0])
    if form not in _RULE_FORMS:
        raise InvalidOption(f"form is {' or '.join(_RULE_FORMS)}.")
    pack = _pack(_of_exporter(request, slug, "form"))
    if not pack.rules:
        raise NotInPack(_why_empty(pack))
    return _response(rules(pack, configured_source(), form), _YAML, f"{pack.name}-rules.yaml")


def install(page: Page) -> dict[str, Any]:
    """Return the context of an exporter's tab *Install*."""
    options, problem = PackOptions(), ""
    try:
        options = parse_options(_chosen(page.request), "version")
    except InvalidOption as fault:
        problem = str(fault)
    slug = page.exporter.slug
    try:
        pack = _pack(replace(options, version=page.requested_version).of(slug))
    except NotInPack as fault:  # a publication has removed it since the page read it
        suggestions = [(reverse("exporter", args=[slug]), page.exporter.title)]
        raise PageNotFound("Nothing to install", str(fault), suggestions) from None
    return {"problem": problem, **_addresses(page.request, pack, "exporter", slug)}


@require_safe
def packs(request: HttpRequest) -> HttpResponse:
    """Show the pack of the chosen exporters, or let the reader choose."""
    context = page_context()
    chosen = _chosen(request, "exporter")
    try:
        options = parse_options(chosen, "exporter")
        if options.exporters:
            context |= _addresses(request, _pack(options), "packs")
    except (InvalidOption, NotInPack) as fault:
        return refuse(request, 400 if isinstance(fault, InvalidOption) else 404, str(fault))
    rows = ExporterContents.objects.filter(source=context["source"].key)
    with_contents = Exporter.objects.filter(contents__in=rows).distinct().order_by("title")
    context |= {
        "choices": with_contents.values_list("slug", "title"),
        "chosen": options.exporters,
        "most": MAX_EXPORTERS,
    }
    return render(request, "hub/packs.html", context)


def _chosen(request: HttpRequest, *known: str) -> MultiValueDict[str, str]:
    """Return the parameters of a page that are options; a page ignores all others."""
    names = ("namespace", "labels", "datasource", *known)
    return MultiValueDict({name: request.GET.getlist(name) for name in names})


def _addresses(request: HttpRequest, pack: Pack, url_name: str, *slug: str) -> dict[str, Any]:
    """Return the pack, the addresses of its downloads, and the commands that install it."""

    def address(part: str, options: PackOptions, *more: tuple[str, str]) -> str:
        exporters = [] if slug else [("exporter", each) for each in options.exporters]
        query = urlencode([*more, *exporters, *options.pairs()])
        path = reverse(f"{url_name}_{part}", args=slug)
        return request.build_absolute_uri(f"{path}?{query}" if query else path)

    options, pinned = pack.options, pin(pack.options, pack.exporters)
    urls = {part: address(part, options) for part in ("manifest", "archive")}
    urls |= {f"pinned_{part}": address(part, pinned) for part in ("manifest", "archive")}
    folders = {file.path.partition("/")[0] for file in pack.files}
    zipped = f"{pack.name}-pack.zip"
    commands = {
        "kubernetes": snippets.apply_and_check_pack(
            urls["manifest"], server_side=pack.exceeds_apply
        )
        if pack.resources
        else "",
        "grafana": snippets.install_dashboards(urls["archive"], zipped, pack.name)
        if "dashboards" in folders
        else "",
    }
    if slug and pack.rules:
        urls["rules"] = address("rules", options)
        commands["prometheus"] = snippets.install_rules(urls["rules"], f"{pack.name}-rules.yaml")
    return {"pack": pack, "urls": urls, "commands": commands}


@_download
def collection_manifest(request: HttpRequest) -> HttpResponse:
    """Return the pack of several exporters as one Kubernetes manifest."""
    return _manifest(_pack(parse_options(request.GET, "exporter")))


@_download
def collection_archive(request: HttpRequest) -> HttpResponse:
    """Return the pack of several exporters as a zip."""
    return _archive(_pack(parse_options(request.GET, "exporter")))


def _of_exporter(request: HttpRequest, slug: str, *known: str) -> PackOptions:
    return parse_options(request.GET, "version", *known).of(slug)


def _pack(options: PackOptions) -> Pack:
    return build_pack(select_files(configured_source(), options), options)


def _manifest(pack: Pack) -> HttpResponse:
    if not pack.resources:
        raise NotInPack(_why_empty(pack))
    return _response(manifest(pack, configured_source()), _YAML, f"{pack.name}-pack.yaml")


def _archive(pack: Pack) -> HttpResponse:
    if not pack.resources and not pack.files:
        raise NotInPack(_why_empty(pack))
    body = archive(pack, configured_source())
    return _response(body, "application/zip", f"{pack.name}-pack.zip")


def _why_empty(pack: Pack) -> str:
    reasons = [f"{left_out.path}: {left_out.reason}" for left_out in pack.left_out]
    return "\n".join([_NOTHING, *reasons])


def _response(body: bytes, content_type: str, name: str) -> HttpResponse:
    return HttpResponse(
        body,
        content_type=content_type,
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "ETag": f'"{sha256(body).hexdigest()}"',
            # A file that is removed from the contents must not stay in caches.
            "Cache-Control": "public, max-age=60",
        },
    )
