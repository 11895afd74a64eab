"""Names that are meant to break something, from GitHub to the last page that shows them."""

import csv
import io
import re
from collections.abc import Iterator
from email.message import Message
from urllib.parse import quote, unquote, urljoin, urlsplit
from xml.etree import ElementTree

import html5lib
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from hub.catalogue.table import export, unescape_formula
from hub.github.git_objects import storable_name
from hub.github.source import configured_source
from hub.models import Category, DirectoryOwner, Exporter, ExporterContents, RunStatus
from hub.models.search_index import reindex
from tests.common import contents, tables
from tests.conftest import Hub

ODD = [
    *("...", "..a", ".gitignore", "a.git", "~", "-rf", "--help", "*", "|", "`id`", "$(id)"),
    *("__proto__", "constructor", "toString", "hasOwnProperty", "null", "undefined", "true", "0"),
    *("admin", "api", "static", "exporters", "1e9", "NaN", "javascript:alert(1)", "http:", "a:b"),
    *("a" * 255, "é" * 127, "\u65e5" * 85, "<" * 255),
    *("new\nline", "carriage\rreturn", "tab\there", "escape\x1b[31m", "delete\x7f", "bell\x07"),
    *("rtl\u202egpj.exe", "isolate\u2066x", "zero\u200bwidth", "\ufeffbom", "line\u2028separator"),
    *(
        "caf\u00e9",
        "cafe\u0301",
        "Z\u0351\u036b\u0343algo",
        "\U0001f600",
        "\U0001f468\u200d\U0001f469",
    ),
    *("Case", "case", "CASE", "\u0130stanbul", "\u017ftrasse", "\ufb01le", "\uff41\uff42"),
    *("a%2Fb", "a%00b", "%", "%zz", "%2e%2e", "a?b=c", "a#b", "a&b=c", "a+b", "a;b", "a=b", "a,b"),
    *("it's", 'say "so"', "<script>alert(1)", '"><img src=x onerror=alert(1)>'),
    *("{{ 7 * 7 }}", "${7*7}", "a]]>b", "<!--", "[x](javascript:alert(1))", "&lt;", "&#0;"),
    *(" leading", "trailing ", "  ", ".leading", "trailing.", "a\\b", "..\\..\\x"),
    *("CON", "NUL", "aux", "COM1", "con.yaml", "PRN "),
    *("=cmd|'calc'!A0", "+1+1", "-1+1", "@SUM(1)", "\t=1", " =1", "'=1", "\uff1d1"),
    *("not\udcffutf-8", "\ud7ff\uffff", "\ufffd"),
]
# git lets nobody check these out, and GitHub takes no push with them
FORBIDDEN = ["..", ".", ".git", ".GIT"]
TOO_LONG = "x" * 256
DEEP = "/".join(["d" * 200] * 20)  # with its directory, a path of 4,096 bytes
KEPT = {storable_name(name) for name in ODD}
SLUGS = ["admin", "api", "__proto__", "constructor", "logo", "-", "_", "a" * 80]

_copies: list[dict[str, bytes]] = []


@pytest.fixture
def odd(hub: Hub) -> Hub:
    """A hub whose directories, files, exporters and titles all have odd names."""
    if _copies:
        tables.restore(_copies[0])
        return hub
    for number, name in enumerate([*ODD, *FORBIDDEN, TOO_LONG]):
        hub.write(f"{name}/x_alert.yaml", contents.alert(f"Of{number}"))
        hub.write(f"Redis/{name}", contents.alert(f"Inside{number}"))
        hub.write(f"Redis/{name}.yaml", contents.alert(f"Yaml{number}"))
    hub.write(f"Redis/{DEEP}/x_alert.yaml", contents.alert("Deep"))
    category = Category.objects.create(name="=cmd|' /C calc'!A0 <b>&")
    for number, slug in enumerate(SLUGS):
        Exporter.objects.create(
            slug=slug,
            title=f"=1+{number} <script>\x08\x0b\ufffe\u202e]]>&amp;",
            repository=f"https://github.com/a/{number}",
            description="<img src=x onerror=alert(1)> [x](javascript:alert(1))",
            category=category,
        )
    owned = dict(zip(SLUGS, ["<script>alert(1)", "new\nline", *ODD], strict=False))
    redis = Exporter.objects.create(
        slug="redis", title="Redis", repository="https://github.com/a/b", category=category
    )
    owners = {name: Exporter.objects.get(slug=slug) for slug, name in owned.items()}
    DirectoryOwner.objects.bulk_create(
        DirectoryOwner(source=configured_source().key, directory=name, exporter=exporter)
        for name, exporter in {**owners, "Redis": redis}.items()
    )
    reindex(Exporter.objects.all())
    hub.add_token()
    run = hub.refresh()
    assert (run.status, run.reason) == (RunStatus.PUBLISHED, "")
    _copies.append(tables.copy_out())
    return hub


@pytest.fixture
def admin(odd: Hub) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


def test_the_map_keeps_each_under_its_own_name(odd: Hub) -> None:
    served = Client().get("/api/v1/contents").json()
    there = {name: kinds["A"] for name, kinds in served["contents"].items() if kinds["A"]}
    titles = set(Exporter.objects.values_list("title", flat=True))
    assert there.keys() - titles == KEPT
    assert served["usable"].keys() - titles == KEPT
    # twins in Unicode and in case stay two
    assert {"caf\u00e9", "cafe\u0301", "Case", "case", "CASE"} <= there.keys()


def test_each_directory_is_found_by_its_name(odd: Hub) -> None:
    for number, name in enumerate(ODD):
        kept = storable_name(name)
        url = reverse("api:directory_contents", kwargs={"directory": kept})
        told = Client().get(url).json()
        assert (told["directory"], told["evidence"]["A"]) == (kept, ["x_alert.yaml"]), (number, url)
        page = Client().get(reverse("directory", args=[kept]))
        assert page.status_code == (302 if told["exporter"] else 200), (number, kept)
    for name in (*FORBIDDEN, TOO_LONG, "../admin"):
        assert Client().get(f"/api/v1/contents/{name}").status_code in (404, 422), name


def test_each_file_is_a_download_of_its_own(odd: Hub) -> None:
    files = Client().get("/api/v1/exporters/redis/files").json()["files"]
    paths = {file["path"]: file["sha"] for file in files}
    assert paths.keys() == {
        *KEPT,
        *(f"{storable_name(name)}.yaml" for name in ODD),
        *(f"{name}.yaml" for name in FORBIDDEN),  # `...yaml` is a name like any other
        TOO_LONG,
        f"{TOO_LONG}.yaml",
        f"{DEEP}/x_alert.yaml",
    }
    for number, name in enumerate(ODD):
        path = f"{storable_name(name)}.yaml"
        raw = Client().get(
            f"/api/v1/files/{paths[path]}?name={quote(path.rpartition('/')[2][:255])}"
        )
        assert raw.content == contents.alert(f"Yaml{number}"), path
        header = raw["Content-Disposition"]
        assert re.fullmatch(r"[ -~]+", header), header  # no line break, no byte above ASCII
        assert header.startswith("attachment; filename"), header
        saved = _saved_as(header)
        assert not re.search(r"[/\\\0-\x1f\x7f]", saved), saved
        assert saved.strip(". ") == saved, saved
        assert raw["X-Content-Type-Options"] == "nosniff"


def _saved_as(header: str) -> str:
    """The file name that a Content-Disposition gives (RFC 6266)."""
    message = Message()
    message["Content-Disposition"] = header
    return message.get_filename("")


PAGES = ["/", "/coverage", "/status", "/?q=script", "/exporters/nothing<b>", "/llms.txt"]
TABS = ["", "/iac", "/alerts", "/dashboards", "/releases", "/history"]


def test_every_link_leads_to_a_page(odd: Hub, admin: Client) -> None:
    """As a browser follows them: resolved, without what it takes for a path of dots."""
    pages = [*PAGES, *(f"/exporters/{slug}{tab}" for slug in (*SLUGS, "redis") for tab in TABS)]
    asked: set[str] = set()
    for page in pages:
        answer = admin.get(page)
        assert answer.status_code == (404 if "nothing" in page else 200), page
        if answer["Content-Type"].startswith("text/html"):
            links = set(_links(answer.content.decode(), page))
            new = sorted(links - asked)
            files = {link for link in new if "/api/v1/files/" in link}
            some = {*files, *new[:: max(1, len(new) // 8)]}  # of the slower ones
            for link in some:
                assert admin.get(link).status_code < 400, (page, link)
            asked |= some
    assert len(asked) > 100


def _links(page: str, base: str) -> Iterator[str]:
    """The hub's own addresses on a page; it has no fault but the control characters of names."""
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    document = parser.parse(page)
    assert {error for _, error, _ in parser.errors} <= {"invalid-codepoint"}, base
    for element in document.iter():
        for attribute in ("href", "src", "action"):
            target = urljoin(f"http://testserver{base}", element.get(attribute, "#"))
            parts = urlsplit(target)
            assert parts.scheme in ("http", "https"), target
            left_out = attribute == "action" or "/static/" in parts.path or parts.path == base
            if parts.netloc == "testserver" and not left_out:
                yield parts._replace(scheme="", netloc="", fragment="").geturl()


def test_each_file_is_shown_under_its_own_address(odd: Hub) -> None:
    page = Client().get("/exporters/redis/iac").content.decode()
    document = html5lib.HTMLParser(namespaceHTMLElements=False).parse(page)
    shown = {
        unquote(link.get("href", "").partition("file=")[2].partition("#")[0].replace("+", " "))
        for link in document.iter("a")
        if "file=" in link.get("href", "")
    }
    assert {f"Redis/{name}" for name in KEPT} <= shown
    for number in (0, 30, 60, 90):
        file = quote(f"Redis/{storable_name(ODD[number])}", safe="")
        answer = Client().get(f"/exporters/redis/iac?file={file}")
        assert f"Inside{number}" in answer.content.decode(), ODD[number]


def test_no_script_of_a_name_is_markup(odd: Hub, admin: Client) -> None:
    rows = ExporterContents.objects.values_list("pk", flat=True)
    addresses = [
        *("/", "/coverage", "/exporters/redis/alerts", "/exporters/admin/history"),
        *(f"/admin/hub/{model}/" for model in ("exportercontents", "exporter", "category")),
        *(f"/admin/hub/exportercontents/{pk}/change/" for pk in rows[::9]),
        f"/admin/hub/exporter/{Exporter.objects.get(slug='api').pk}/change/",
        "/admin/hub/exportercontents/?q=%3Cscript%3E",
    ]
    for address in addresses:
        answer = admin.get(address)
        assert answer.status_code == 200, address
        page = answer.content.decode()
        assert "<script>alert" not in page, address
        assert "<img src=x" not in page, address


def test_the_form_opens_each_file(odd: Hub, admin: Client) -> None:
    for number, name in list(enumerate(ODD))[::3]:  # each time it reads the whole directory
        query = {"directory": "Redis", "path": f"{storable_name(name)}.yaml"}
        answer = admin.get("/admin/hub/contentedit/add/", query)
        assert answer.status_code == 200, name
        assert f"Yaml{number}" in answer.content.decode(), name


def test_xml_is_well_formed(odd: Hub) -> None:
    feeds = ["/changes.atom", *(f"/exporters/{slug}/changes.atom" for slug in (*SLUGS, "redis"))]
    badges = [f"/exporters/{slug}/badge.svg" for slug in SLUGS]
    for address in (*feeds, *badges, "/sitemap.xml"):
        answer = Client().get(address)
        assert answer.status_code == 200, address
        document = ElementTree.fromstring(answer.content)
        for link in document.iter("{http://www.w3.org/2005/Atom}link"):
            path = urlsplit(link.get("href", "")).path
            assert Client().get(path).status_code == 200, (address, path)
        for place in document.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc"):
            assert Client().get(urlsplit(place.text or "").path).status_code == 200, place.text


def test_no_cell_of_a_csv_is_a_formula(odd: Hub) -> None:
    coverage = Client().get("/coverage.csv").content.decode()
    rows = list(csv.reader(io.StringIO(coverage, newline="")))
    assert {len(row) for row in rows} == {11}
    directories = " | ".join(unescape_formula(row[4]) for row in rows)
    assert [name for name in KEPT if name not in directories] == []
    for text in (coverage, export()):
        for row in csv.reader(io.StringIO(text, newline="")):
            for cell in row:
                assert not re.match(r"\s*[=+\-@]", cell), cell
                assert not cell.startswith(("\t", "\r", "\n")), cell
