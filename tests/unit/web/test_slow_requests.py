"""Only some of the requests that take long are served at a time."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event, Semaphore

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from hub.web.middleware import limit_slow_requests

PACKS = ("/packs.yaml", "/packs", "/exporters/redis/pack.zip", "/exporters/redis/install")


@pytest.mark.parametrize("refused", ["/packs.zip", "/exporters/redis/rules.yaml"])
def test_four_packs_are_built_at_a_time(refused: str) -> None:
    may_end, started = Event(), Semaphore(0)

    def view(request: HttpRequest) -> HttpResponse:
        started.release()
        assert request.path == "/exporters/redis/" or may_end.wait(30)
        return HttpResponse()

    respond, request = limit_slow_requests(view), RequestFactory()
    with ThreadPoolExecutor(len(PACKS)) as pool:
        slow = [pool.submit(respond, request.get(path)) for path in PACKS]
        for _ in PACKS:
            assert started.acquire(timeout=30)
        answer = respond(request.get(refused, headers={"accept": "application/json"}))
        assert (answer.status_code, answer["Retry-After"]) == (503, "1")
        assert respond(request.get("/exporters/redis/")).status_code == 200
        may_end.set()
        assert [each.result().status_code for each in slow] == [200] * len(PACKS)
    assert respond(request.get(refused)).status_code == 200
