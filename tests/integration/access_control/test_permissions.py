"""Who may do what: every route of the hub, by every kind of person."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.test import RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver

from hub.web.api import api
from tests.integration.access_control.addresses import (
    ACTIONS,
    METHODS,
    MODELS,
    OPERATIONS,
    ROLES,
    Operation,
    everyone,
)
from tests.integration.access_control.conftest import PreparedHub
from tests.integration.access_control.headers import assert_protected

# The lists of an app's models are one route, whose pattern names all apps.
_APP_LIST = re.compile(r"admin/\^\(\?P<app_label>[\w|]+\)/\$")


def routes(resolver: URLResolver | None = None, before: str = "") -> Iterator[str]:
    """Every route of the project, as the resolver names it."""
    for pattern in (resolver or get_resolver()).url_patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield _APP_LIST.sub("admin/<app_label>/", route)
        else:
            yield from routes(pattern, route)


def _plain(route: str) -> str:
    """A route without its converters, as the OpenAPI document writes it."""
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route)


def test_every_route_has_an_entry() -> None:
    assert {operation.route for operation in OPERATIONS} == set(routes())
    assert [
        operation for operation, times in Counter(map(str, OPERATIONS)).items() if times > 1
    ] == []


def test_every_operation_of_the_api_has_an_entry() -> None:
    listed = {(_plain(operation.route), operation.method) for operation in OPERATIONS}
    for path, operations in api.get_openapi_schema()["paths"].items():
        for method in operations:
            assert (path.removeprefix("/"), method.upper()) in listed


def test_every_list_and_action_of_the_admin_has_an_entry(rf: RequestFactory) -> None:
    request = rf.get("/admin/")
    request.user = User(is_active=True, is_superuser=True)
    there = {
        (model._meta.label_lower, action)
        for model, model_admin in admin.site._registry.items()
        for action in model_admin.get_actions(request)
    }
    assert {(action.model, action.name) for action in ACTIONS} == there
    assert {rows.model for rows in MODELS} == {m._meta.label_lower for m in admin.site._registry}


def test_who_may_pass(hub: PreparedHub) -> None:
    wrong = []
    for operation in OPERATIONS:
        answers = [hub.ask(role, operation) for role in ROLES]
        got = tuple(answer.status_code for answer in answers)
        if got != operation.expect:
            wrong.append(f"{operation}: {got}, expected {operation.expect}")
        for answer in answers:
            assert_protected(answer)
    assert not wrong, "\n".join(wrong)


def test_no_route_takes_a_method_that_it_has_no_entry_for(hub: PreparedHub) -> None:
    """In the admin, Django takes what it does not know for a GET, behind the CSRF check."""
    methods = {route: {d.method for d in OPERATIONS if d.route == route} for route in routes()}
    taken = []
    for route, known in methods.items():
        for method in METHODS:
            if method not in known and not route.startswith("admin/"):
                answer = hub.ask("superuser", Operation(route, method, everyone(405)))
                if answer.status_code not in (404, 405):
                    taken.append(f"{method} {route}: {answer.status_code}")
    assert not taken, "\n".join(taken)


def test_who_may_do_something_to_chosen_rows(hub: PreparedHub) -> None:
    wrong = []
    everything = {permission for action in ACTIONS for permission in action.needs}
    for action in ACTIONS:
        view = action.model.replace(".", ".view_")
        # users with view permission only, and users with every other permission as well
        for permissions in ({view}, {view} | everything - set(action.needs)):
            changed, answer = hub.act(action, *permissions)
            if changed or not said(answer) <= {"No action selected."}:
                wrong.append(f"{action} is done by those who may not: {said(answer)}")
        _, answer = hub.act(action, view, *action.needs)
        if not said(answer) or "No action selected." in said(answer):
            wrong.append(f"{action} is not done: {said(answer)}")
    assert not wrong, "\n".join(wrong)


def said(answer: Any) -> set[str]:
    """What the admin said to somebody."""
    return {str(message) for message in get_messages(answer.wsgi_request)}
