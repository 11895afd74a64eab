"""Measure reads: the map and the list page, compared with alternatives on the same server."""

import resource
import socket
import statistics
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from bench.figures import Figure, Part, interleaved, ratio
from bench.stage import DJANGO, Stage
from bench.stage import Part as Process
from bench.wrk import Load, load
from hub.ops.local.ports import free_port
from tests.common.waiting import wait_until

SIZES = (50, 1_000, 10_000)
_GZIP = {"Accept-Encoding": "gzip"}
_CONTENTS = "/api/v1/contents"
# Too few connections to saturate two cores: with a queue, the p99 would measure its length.
_FEW = 2

# Connections that send nothing, and connections that do not send the body of their request.
_SILENT, _SLOW_BODIES = 1_100, 50
_SLOW_BODY = b"POST /theme HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10\r\n\r\nt"

# Requests by their name in the table: path and headers; `{etag}` is the map's ETag.
_REQUESTS: dict[str, tuple[str, dict[str, str]]] = {
    "bare view, same bytes": ("/bench/bare", _GZIP),
    "map, gzip": (_CONTENTS, _GZIP),
    "map, uncompressed": (_CONTENTS, {"Accept-Encoding": "identity"}),
    "bare view, 304": ("/bench/bare-304", {}),
    "map, 304": (_CONTENTS, {"If-None-Match": "{etag}"}),
    "file cache, JSON per request": ("/bench/file-cache", {}),
    "Redis cache, JSON per request": ("/bench/redis-cache", {}),
    "rows from Postgres, JSON per request": ("/bench/rows", {}),
    "list page with 60 cards": ("/", _GZIP),
}


def measure(quick: bool, say: Callable[[str], None]) -> list[Part]:
    """Return the tables of requests per second and of latencies while runs publish."""
    rounds, seconds = (2, 1) if quick else (5, 2)
    loads: dict[int, dict[str, list[Load]]] = {}
    servers: dict[str, list[Load]] = {}
    with Stage() as stage:
        for size in SIZES[:2] if quick else SIZES:
            say(f"reads with {size:,} exporters")
            stage.run("bench.fill", str(size))
            with web(stage) as (url, server):
                loads[size] = _in_turn(url, server, rounds, seconds)
                if size == 1_000:
                    say("reads while runs publish continuously")
                    idle, publishing = _during_runs(stage, url, rounds, seconds)
            if size == 1_000:
                say("reads with silent and slow senders")
                # As if from many clients: a client may keep only some connections waiting.
                with web(stage, env={"HUB_TRUSTED_PROXIES": "127.0.0.1"}) as (url, _):
                    senders = _with_slow_senders(url, rounds, seconds)
            if size == 1_000 and not quick:
                say("the same with other web servers")
                servers = _on_each_server(stage, rounds, seconds)
    parts = [_part_of_reads(loads), _part_of_times(idle, publishing), _part_of_senders(*senders)]
    return parts if quick else [*parts, _part_of_servers(servers)]


# The first is the web server of `make run`; the others get as many threads.
_SERVERS: dict[str, tuple[str, ...]] = {
    "uvicorn, 8 threads": ("config.server", "--port={port}"),
    "uvicorn, 2 processes": ("config.server", "--port={port}", "--workers=2"),
    "granian, 8 threads": (
        *("granian", "--interface=wsgi", "--host=127.0.0.1", "--port={port}"),
        *("--blocking-threads=8", "config.wsgi:application"),
    ),
    "gunicorn, 8 threads": (
        *("gunicorn", "--bind=127.0.0.1:{port}", "--worker-class=gthread", "--threads=8"),
        "config.wsgi:application",
    ),
    "waitress, 8 threads": (
        *("waitress", "--listen=127.0.0.1:{port}", "--threads=8"),
        "config.wsgi:application",
    ),
}


@contextmanager
def web(
    stage: Stage, server: str = "uvicorn, 8 threads", *, env: dict[str, str] | None = None
) -> Iterator[tuple[str, Process]]:
    """Start a web server with the contenders; yield its URL and its process."""
    port = free_port()
    with tempfile.TemporaryDirectory(dir=stage.folder) as folder:
        command = (part.format(port=port) for part in _SERVERS[server])
        settings = {"HUB_DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "bench.settings"}
        part = stage.start(f"web {port}", *command, env=settings | (env or {}))
        url = f"http://127.0.0.1:{port}"
        try:
            wait_until(lambda: _responds(f"{url}/readyz"), f"{server} to respond")
            yield url, part
        finally:
            part.stop()


def _responds(url: str) -> bool:
    try:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=2).close()
    except OSError:
        return False
    return True


def _etag(url: str) -> str:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url) as answer:
        return str(answer.headers["ETag"])


def _in_turn(url: str, server: Process, rounds: int, seconds: int) -> dict[str, list[Load]]:
    """Measure `_REQUESTS` in turn, after a warm-up that fills caches and opens connections."""
    etag = _etag(url + _CONTENTS)
    loads: dict[str, list[Load]] = {name: [] for name in _REQUESTS}

    def contender(name: str) -> Callable[[], float]:
        path, headers = _REQUESTS[name]
        sent = {key: value.format(etag=etag) for key, value in headers.items()}

        def measure() -> float:
            server.wait_until_idle()  # finish requests of the previous measurement
            loads[name].append(load(url + path, sent, seconds=seconds))
            return loads[name][-1].requests

        load(url + path, sent, seconds=1)
        return measure

    interleaved({name: contender(name) for name in _REQUESTS}, rounds)
    return loads


def _during_runs(
    stage: Stage, url: str, rounds: int, seconds: int
) -> tuple[list[Load], list[Load]]:
    """Measure reads of the map in turn without runs and while runs publish continuously."""

    def measure() -> Load:
        return load(url + _CONTENTS, _GZIP, seconds=seconds, connections=_FEW)

    idle, publishing = [], []
    for _ in range(rounds):
        idle.append(measure())
        part = stage.start("publishing", "bench.fill", "--publish", env=DJANGO)
        part.wait_for_output("published 2\n")
        publishing.append(measure())
        part.stop()
    return idle, publishing


def _with_slow_senders(
    url: str, rounds: int, seconds: int
) -> tuple[list[Load], list[Load], list[int]]:
    """Measure reads of the map in turn without slow senders and with them.

    Also return how many of their connections the server has not closed.
    """

    def measure() -> Load:
        return load(url + _CONTENTS, _GZIP, seconds=seconds, connections=_FEW)

    files, limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(files, min(4096, limit)), limit))
    port = int(url.rpartition(":")[2])
    rest, attacked, still_open = [], [], []
    for _ in range(rounds):
        rest.append(measure())
        with ExitStack() as stack:
            senders = [
                stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
                for _ in range(_SILENT + _SLOW_BODIES)
            ]
            for sender in senders[_SILENT:]:
                sender.sendall(_SLOW_BODY)
            attacked.append(measure())
            still_open.append(sum(_is_open(sender) for sender in senders))
    return rest, attacked, still_open


def _is_open(sender: socket.socket) -> bool:
    sender.setblocking(False)
    try:
        return sender.recv(1) != b""
    except BlockingIOError:
        return True
    except ConnectionResetError:
        return False


def _on_each_server(stage: Stage, rounds: int, seconds: int) -> dict[str, list[Load]]:
    """Measure the map over 16 connections on each web server in turn; only one server runs."""
    loads: dict[str, list[Load]] = {name: [] for name in _SERVERS}
    for _ in range(rounds):
        for name in _SERVERS:
            with web(stage, name) as (url, _):
                load(url + _CONTENTS, _GZIP, seconds=1)
                loads[name].append(load(url + _CONTENTS, _GZIP, seconds=seconds))
    return loads


def _part_of_reads(loads: dict[int, dict[str, list[Load]]]) -> Part:
    sizes = sorted(loads)
    rates = {
        size: {name: [each.requests for each in those] for name, those in loads[size].items()}
        for size in sizes
    }
    rows = tuple((name, *(_rate(rates[size][name]) for size in sizes)) for name in _REQUESTS)
    return Part(
        title="Reads",
        words="Requests per second over 16 connections to one web process: the median of the "
        "rounds and the spread. All requests use the same server and the same middleware.",
        columns=("Request", *(f"{size:,} exporters" for size in sizes)),
        rows=rows,
        figures=tuple(_figures(rates)),
        raw={
            str(size): {name: [vars(each) for each in those] for name, those in by_name.items()}
            for size, by_name in loads.items()
        },
    )


def _figures(rates: dict[int, dict[str, list[float]]]) -> Iterator[Figure]:
    def against(
        name: str, what: str, size: int, ours: str, theirs: str, at_least: float
    ) -> Iterator[Figure]:
        if size in rates:
            yield ratio(name, what, rates[size][ours], rates[size][theirs], at_least=at_least)

    bare, gzipped = "bare view, same bytes", "map, gzip"
    for size, files in ((1_000, 6.0), (10_000, 40.0)):
        what = f"map of {size:,} exporters, gzip"
        yield from against(
            f"read_200_vs_bare_{size}", f"{what}, vs. bare view", size, gzipped, bare, 0.8
        )
        yield from against(
            f"read_vs_filecache_{size}",
            f"{what}, vs. file cache",
            *(size, gzipped, "file cache, JSON per request", files),
        )
    yield from against(
        "read_304_vs_bare",
        "304 for the map of 1,000 exporters, vs. bare 304",
        *(1_000, "map, 304", "bare view, 304", 0.8),
    )
    page = "list page with 60 cards"
    yield from against(
        "list_vs_bare_1000",
        "list page of 1,000 exporters, vs. bare view",
        1_000,
        page,
        bare,
        0.25,
    )
    if 10_000 in rates:
        yield ratio(
            "list_10000_vs_1000",
            "list page of 10,000 exporters, vs. 1,000 exporters",
            rates[10_000][page],
            rates[1_000][page],
            at_least=0.8,
        )


def _part_of_times(idle: list[Load], publishing: list[Load]) -> Part:
    figure = ratio(
        "read_p99_publishing_vs_rest",
        "p99 of the map of 1,000 exporters while runs publish, vs. without runs",
        [each.p99 for each in publishing],
        [each.p99 for each in idle],
        at_most=2.0,
    )
    rows = tuple(
        (name, _ms([each.median for each in those]), _ms([each.p99 for each in those]))
        for name, those in (("without runs", idle), ("while runs publish", publishing))
    )
    return Part(
        title="Reads while runs publish",
        words=f"The map of 1,000 exporters over {_FEW} connections, while a process continuously "
        "publishes changed maps.",
        columns=("Condition", "Median", "p99"),
        rows=rows,
        figures=(figure,),
        raw={"rest": [vars(x) for x in idle], "publishing": [vars(x) for x in publishing]},
    )


def _part_of_senders(rest: list[Load], attacked: list[Load], still_open: list[int]) -> Part:
    figure = ratio(
        "read_with_silent_senders_vs_rest",
        f"median of the map of 1,000 exporters with {_SILENT:,} silent connections and "
        f"{_SLOW_BODIES} slow bodies, vs. without them",
        [each.median for each in attacked],
        [each.median for each in rest],
        at_most=2.0,
    )
    rows = tuple(
        (name, _ms([each.median for each in those]), _ms([each.p99 for each in those]))
        for name, those in (("without them", rest), ("with them", attacked))
    )
    return Part(
        title="Reads with silent and slow senders",
        words=f"The map of 1,000 exporters over {_FEW} connections, while {_SILENT:,} other "
        f"connections send nothing and {_SLOW_BODIES} do not send the body that they announced. At "
        f"the end of a round, at least {min(still_open):,} of them are still open.",
        columns=("Condition", "Median", "p99"),
        rows=rows,
        figures=(figure,),
        raw={"rest": [vars(x) for x in rest], "attacked": [vars(x) for x in attacked]},
    )


def _part_of_servers(loads: dict[str, list[Load]]) -> Part:
    rows = tuple(
        (name, _rate([each.requests for each in those]), _ms([each.p99 for each in those]))
        for name, those in loads.items()
    )
    return Part(
        title="Web servers",
        words="The map of 1,000 exporters, gzip, over 16 connections.",
        columns=("Server", "Requests per second", "p99"),
        rows=rows,
        figures=(),
        raw={name: [vars(each) for each in those] for name, those in loads.items()},
    )


def _rate(values: list[float]) -> str:
    middle, low, high = _spread(values)
    return f"{middle:,.0f} ({low:,.0f}–{high:,.0f})"


def _ms(values: list[float]) -> str:
    middle, low, high = (value * 1000 for value in _spread(values))
    return f"{middle:.2f} ms ({low:.2f}–{high:.2f})"


def _spread(values: list[float]) -> tuple[float, float, float]:
    return statistics.median(values), min(values), max(values)
