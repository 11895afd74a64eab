"""The number of queries of each public page, for anonymous readers, staff and admins."""

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from hub.demo.fake_github import Fault
from hub.demo.fake_github import faults as f
from hub.models import ExporterContents
from tests.browser.pages import ERRORS, PAGES
from tests.common import sample
from tests.conftest import Hub

# One of them reads the map, which a web server does at most once a second.
MOST = 6
# The status page has Postgres count the findings with a query of its own (`hub/content/status.py`).
MOST_OF = {"/status": 7}


def signed_in(name: str, *permissions: str) -> Client:
    user = User.objects.create_user(name, is_staff=True, is_superuser=not permissions)
    group = Group.objects.create(name=name)
    group.permissions.set(Permission.objects.filter(codename__in=permissions))
    user.groups.add(group)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def failing(hub: Hub) -> Hub:
    """Fill a hub with the sample contents; one directory has errors and one could not be read."""
    sample.fill(hub)
    hub.fill("Kafka/new_alert.yaml")
    hub.write("Redis/broken_alert.yaml", b"groups: [{name: a, rules: [{alert: A, expr: '('}]}]\n")
    tree = hub.github.repository.find("main", "contents/Kafka")
    assert tree is not None
    hub.github.faults.append(Fault(f.server_error(), match=tree.sha))
    hub.refresh()
    assert ExporterContents.objects.exclude(stale="").exists()
    return hub


def test_every_page_takes_few_queries_for_everybody(failing: Hub) -> None:
    clients = {
        "anonymous": Client(),
        "editor": signed_in("editor", "add_contentedit", "add_exporter"),
        "admin": signed_in("admin"),
    }
    failing.github.requests.clear()
    too_many = {}
    for path in PAGES.values():
        for reader, client in clients.items():
            with CaptureQueriesContext(connection) as queries:
                assert client.get(path).status_code == ERRORS.get(path, 200)
            if len(queries) > MOST_OF.get(path, MOST):
                too_many[path, reader] = [query["sql"][:150] for query in queries]
    assert too_many == {}
    assert failing.github.requests == []
