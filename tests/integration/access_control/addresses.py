"""Every address of the hub, and what each kind of person is answered there.

A operation is a route as the resolver names it, with a method. A method that a route lacks here is
refused; `test_permissions.py` fails for a route without an entry.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hub.content.kinds import KINDS

Statuses = tuple[int, int, int, int, int]

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# Who asks: nobody, a user who is no staff, staff without permissions, staff with the operation's
# own permissions (`needs`), a superuser.
ROLES = ("anonymous", "user", "staff", "permitted", "superuser")


def everyone(status: int) -> Statuses:
    """The same for all."""
    return (status,) * 5


def staff(status: int) -> Statuses:
    """For all staff; the others are sent to the admin's sign-in."""
    return (302, 302, status, status, status)


def permitted(status: int) -> Statuses:
    """For those who have the permission."""
    return (302, 302, 403, status, status)


NOBODY: Statuses = (302, 302, 403, 403, 403)


@dataclass(frozen=True)
class Operation:
    """A route and a method, and the status for each of `ROLES`."""

    route: str
    method: str
    expect: Statuses
    needs: tuple[str, ...] = ()
    # Fields of a form; a string is a JSON body.
    data: Any = field(default_factory=dict)
    query: str = ""

    def __str__(self) -> str:
        return f"{self.method} {self.route or '/'}"


PAGES = """
 compare coverage coverage.csv status setup changes changes.atom llms.txt robots.txt sitemap.xml
directories/<str:directory>
exporters/<slug:slug> exporters/<slug:slug>/logo exporters/<slug:slug>/releases
exporters/<slug:slug>/history exporters/<slug:slug>/changes.atom exporters/<slug:slug>/badge.svg
exporters/<slug:slug>/pictures/<slug:sha>
exporters/<slug:slug>/install exporters/<slug:slug>/metrics packs
api/v1/openapi.json api/v1/docs api/v1/contents api/v1/contents/<text:directory> api/v1/exporters
api/v1/exporters/<slug>/metrics
api/v1/exporters/<slug> api/v1/exporters/<slug>/files api/v1/files/<sha> api/v1/files/<sha>/report
api/v1/changes api/v1/status api/v1/runs api/v1/runs/<int:run>
"""

AN_EDIT = json.dumps({"directory": "Number_0000", "path": "note.md", "text": "hello"})

OTHERS = [
    Operation("", "GET", everyone(200)),
    *(Operation(route, "GET", everyone(200)) for route in PAGES.split()),
    *(Operation(f"exporters/<slug:slug>/{kind.tab.name}", "GET", everyone(200)) for kind in KINDS),
    # the exporter has no usable content, and none is named
    *(
        Operation(f"exporters/<slug:slug>/{file}", "GET", everyone(404))
        for file in ("pack.yaml", "pack.zip", "rules.yaml")
    ),
    *(Operation(path, "GET", everyone(400)) for path in ("packs.yaml", "packs.zip")),
    Operation("api/v1/metrics", "GET", everyone(200), query="?name=up"),
    Operation("status/live", "GET", everyone(200)),
    Operation("api/v1/", "GET", everyone(404)),
    Operation("favicon.ico", "GET", everyone(302)),
    Operation("theme", "POST", everyone(303), data={"theme": "dark"}),
    # the fake GitHub is not asked: there is no token
    Operation("setup/check", "POST", permitted(200), ("hub.add_githubtoken",)),
    # its signature authenticates it, not the session
    Operation("webhooks/github", "POST", everyone(401), data="{}"),
    Operation("api/v1/edits", "POST", (401, 403, 403, 202, 202), ("hub.add_contentedit",), AN_EDIT),
    Operation(
        "api/v1/edits/<int:edit>", "GET", (401, 403, 403, 200, 200), ("hub.view_contentedit",)
    ),
    # --- the admin's own ---
    Operation("admin/", "GET", staff(200)),
    Operation("admin/login/", "GET", (200, 200, 302, 302, 302)),
    Operation("admin/login/", "POST", everyone(200)),
    Operation("admin/logout/", "POST", (302, 302, 200, 200, 200)),
    Operation("admin/logout/", "GET", (302, 302, 405, 405, 405)),
    Operation("admin/password_change/", "GET", staff(200)),
    Operation("admin/password_change/", "POST", staff(200)),
    Operation("admin/password_change/done/", "GET", staff(200)),
    Operation("admin/autocomplete/", "GET", staff(403)),  # no form of the hub completes anything
    Operation("admin/jsi18n/", "GET", staff(200)),
    # from a row to its public page; no model of the hub names one
    Operation("admin/r/<path:content_type_id>/<path:object_id>/", "GET", staff(404)),
    Operation("admin/<app_label>/", "GET", (302, 302, 404, 200, 200), ("hub.view_exporter",)),
    Operation("admin/(?P<url>.*)$", "GET", staff(404)),
    # --- buttons ---
    Operation("admin/hub/refreshrun/refresh/", "POST", permitted(302), ("hub.add_refreshrun",)),
    Operation("admin/hub/refreshrun/refresh/", "GET", staff(405)),
    Operation(
        "admin/hub/exporter/add-by-repository/", "GET", permitted(200), ("hub.add_exporter",)
    ),
    Operation(
        "admin/hub/exporter/add-by-repository/", "POST", permitted(200), ("hub.add_exporter",)
    ),
    *(
        Operation("admin/hub/exporter/import/", method, permitted(200), both)
        for both in [("hub.add_exporter", "hub.change_exporter")]
        for method in ("GET", "POST")
    ),
    Operation("admin/hub/exporter/export/", "GET", permitted(200), ("hub.view_exporter",)),
    Operation("admin/auth/user/<id>/password/", "GET", permitted(200), ("auth.change_user",)),
    Operation("admin/auth/user/<id>/password/", "POST", permitted(200), ("auth.change_user",)),
]


@dataclass(frozen=True)
class Rows:
    """What may be done in the admin to the rows of a model, by whom."""

    model: str  # "hub.exporter"
    add: bool = True
    change: bool = True
    delete: bool = True
    # Where the admin asks for other permissions than the model's own.
    to_add: tuple[str, ...] = ()
    to_change: tuple[str, ...] = ()
    saved: int = 200  # what an empty form is answered: 200 with what is wrong, 302 if nothing is

    def operations(self) -> Iterator[Operation]:
        """The seven routes that Django makes for a model."""
        app, name = self.model.split(".")
        base = f"admin/{app}/{name}/"
        row = f"{base}<path:object_id>/"

        def needs(verb: str) -> tuple[str, ...]:
            return (f"{app}.{verb}_{name}",)

        to_add, to_change = self.to_add or needs("add"), self.to_change or needs("change")
        add, delete = f"{base}add/", f"{row}delete/"
        yield Operation(base, "GET", permitted(200), needs("view"))
        yield Operation(row, "GET", everyone(302), needs("view"))  # the way to change/, for all
        yield Operation(f"{row}history/", "GET", permitted(200), needs("view"))
        yield Operation(add, "GET", permitted(200) if self.add else NOBODY, to_add)
        yield Operation(add, "POST", permitted(200) if self.add else NOBODY, to_add)
        yield Operation(f"{row}change/", "GET", permitted(200), needs("view"))
        changed = permitted(self.saved) if self.change else NOBODY
        yield Operation(f"{row}change/", "POST", changed, to_change)
        yield Operation(delete, "GET", permitted(200) if self.delete else NOBODY, needs("delete"))
        deleted = permitted(302) if self.delete else NOBODY
        yield Operation(delete, "POST", deleted, needs("delete"), {"post": "yes"})


READ_ONLY = {"add": False, "change": False, "delete": False}
MODELS = [
    Rows("hub.githubtoken"),
    # Saving a draft commits it, so it takes the right to add an edit as well.
    Rows("hub.contentedit", to_change=("hub.change_contentedit", "hub.add_contentedit")),
    Rows("hub.refreshrun", **READ_ONLY),
    Rows(
        "hub.exportercontents",
        add=False,
        delete=False,
        to_change=("hub.change_directoryowner",),
        saved=302,  # no owner by hand: by its name
    ),
    Rows("hub.factsrun", **READ_ONLY),
    Rows("hub.category"),
    Rows("hub.exporter"),
    Rows("hub.webhookdelivery", **READ_ONLY),
    Rows("axes.accessattempt", add=False, change=False),
    Rows("auth.group"),
    Rows("auth.user", to_add=("auth.add_user", "auth.change_user")),  # as Django has it
    Rows("django_celery_beat.periodictask"),
    Rows("django_celery_beat.crontabschedule"),
    Rows("django_celery_beat.intervalschedule"),
]

OPERATIONS = [*OTHERS, *(operation for rows in MODELS for operation in rows.operations())]


@dataclass(frozen=True)
class Action:
    """What may be done to chosen rows of a list in the admin; `needs` beside seeing the list."""

    model: str
    name: str
    needs: tuple[str, ...]


ACTIONS = [
    Action("hub.contentedit", "withdraw", ("hub.change_contentedit",)),
    Action("hub.refreshrun", "publish_held", ("hub.add_refreshrun",)),
    Action("hub.exporter", "refresh_contents", ("hub.add_refreshrun",)),
    Action("hub.exporter", "refresh_facts", ("hub.add_factsrun",)),
    *(
        Action("django_celery_beat.periodictask", name, ("django_celery_beat.change_periodictask",))
        for name in ("enable_tasks", "disable_tasks", "toggle_tasks", "run_tasks")
    ),
    *(
        Action(rows.model, "delete_selected", (rows.model.replace(".", ".delete_"),))
        for rows in MODELS
        if rows.delete
    ),
]
