"""Damaged and malicious files, and the cost of judging each.

As a program it judges all of them in a thread with a small stack and prints the costs. A separate
process can crash by a stack overflow, have resource limits, and measure its peak memory.
"""

import json
import re
import resource
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from hub.content.rules.judge import judge

ROOT = Path(__file__).resolve().parents[4]
REAL = [ROOT / "tests/data/real-contents/contents", ROOT / "hub/demo/sample/contents"]
MEGABYTE = 1024 * 1024
SMALL_STACK = 512 * 1024  # what macOS gives a thread
UNKEEPABLE = re.compile(r"[\ud800-\udfff]|\\u0000")
LONGEST_RUN = 300  # seconds of CPU time; far more than needed


def filled(text: str, size: int = MEGABYTE - 100) -> str:
    """Repeat `text` up to a size just below the limit for files."""
    return (text * (size // len(text) + 1))[:size]


def real_files() -> Iterator[tuple[str, bytes]]:
    """Yield the YAML and JSON files of the real contents and of the sample."""
    for root in REAL:
        for path in sorted(root.rglob("*")):
            if path.suffix in (".yaml", ".yml", ".json") and path.stat().st_size:
                yield path.relative_to(root).as_posix(), path.read_bytes()


def mutated(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield one file with each kind of damage."""
    data = data.strip() + b"\n"
    for tenths in (1, 4, 7):
        yield f"cut off after {tenths}/10", cut_off(data, len(data) * tenths // 10)
    yield "cut off at the end", cut_off(data, len(data) - 2)
    middle = len(data) // 2
    yield "UTF-16", data.decode().encode("utf-16")
    yield "UTF-16 without a mark", data.decode().encode("utf-16-le")
    yield "Latin-1", data[:middle] + b"\xe9" + data[middle:]
    yield "byte order mark", b"\xef\xbb\xbf" + data
    yield "NUL", data[:middle] + b"\0" + data[middle:]
    yield "Windows line endings", data.replace(b"\n", b"\r\n")
    yield "only its brackets", bytes(byte for byte in data if byte in b"{}[]:,\n")


def cut_off(data: bytes, size: int) -> bytes:
    """Return the first `size` bytes, without the whitespace that would hide the cut."""
    return data[: max(size, 1)].rstrip()


def rules(count: int, expr: str, **others: object) -> str:
    """Return a rule file as JSON with `count` alerts."""
    alerts = [{"alert": f"A{n}", "expr": expr, **others} for n in range(count)]
    return json.dumps({"groups": [{"name": "x", "rules": alerts}]})


def dashboard(panels: int, targets: int, expr: str) -> str:
    """Return a dashboard as JSON with `panels` panels of `targets` targets each."""
    panel = {"title": "t", "targets": [{"expr": expr}] * targets}
    return json.dumps({"title": "x", "schemaVersion": 16, "panels": [panel] * panels})


def doubling(first: str, each: str) -> str:
    """Return a "billion laughs" text: each line references the previous one twice."""
    lines = [f"a0: &a0 {first}"]
    lines += [f"a{n}: &a{n} " + each.replace("*", f"*a{n - 1}") for n in range(1, 60)]
    return "\n".join(lines) + "\n"


def repeated(first: str, each: str, times: int = 499) -> str:
    """Return a large value with an anchor, and the maximum number of aliases to it."""
    return first + "".join(each.replace("#", str(n)) for n in range(times))


def nested_config_maps(depth: int) -> str:
    """Return nested ConfigMaps with an alert in the innermost one."""
    heads = ("kind: ConfigMap\n{0}data:\n{0} a: |\n".format("  " * n) for n in range(depth))
    return "".join("  " * n + head for n, head in enumerate(heads)) + "  " * depth + "alert: x\n"


def broken() -> Iterator[tuple[str, str]]:
    """Yield texts that tools reject, or that nobody would write."""
    yield "5 MB of JSON", json.dumps({"panels": ["x" * 5 * MEGABYTE]})
    yield "5 MB of YAML", "a: " + "x" * 5 * MEGABYTE
    for text in [
        "[",
        "{",
        "{}",
        "[],",
        "{},",
        '{"a":',
        "a",
        ":",
        ": ",
        "{{",
        "{{ ",
        "- ",
        "-",
        "? ",
    ]:
        yield f"1 MB of {text!r}", filled(text)
    for text in ['"', "'", '" ', '\\"', "\t", "`", "&a ", "*a ", "! ", "%", "%YAML 1.1\n", "---\n"]:
        yield f"1 MB of {text!r}", filled(text)
    for text in ["- x\n", "- - x\n", "a: b\n", "#\n", "{{ .Values.x }}\n", "\n!!!!!h", "\n\n\t"]:
        yield f"1 MB of {text!r}", filled(text)
    for text in ["{{}}", "{{}} ", "{{x}}\t", "\n", " \n", "\r", "\n alert", '"panels" ', "]"]:
        yield f"1 MB of {text!r} after a key", "a: {" + filled(text)
        yield f"1 MB of {text!r} after a bracket", "[" + filled(text) + "x"
    yield "1 MB of escapes in a string", '["' + filled('\\"')
    yield "1 MB of spaces after a key of JSON", '{"panels"' + filled(" ")
    yield "1 MB of numbers", "[" + filled("0,") + "0]"
    yield "1 MB of texts", "[" + filled('"",') + '""]'
    yield "a number of 1 MB", "[" + filled("9") + "]"
    yield "a float of 1 MB", "[1" + filled("0") + ".5]"
    yield "an infinite number", '{"panels": [1e999]}'
    yield "a constant that is no JSON", '{"panels": [NaN]}'
    yield "deep JSON", '{"a":[' * 5000 + "]}" * 5000
    yield "deep YAML in flow", "a: " + "[" * 5000
    yield "deep YAML in blocks", "\n".join(" " * n + "a:" for n in range(1000))
    yield "deep YAML lists", "- " * 200 + "a\n"
    yield "duplicate keys", "a: 1\nb: 2\na: 3\n"
    yield "duplicate keys in JSON", '{"a": 1, "a": 2}'
    yield "a key that is a list", "? [a]\n: b\n"
    yield "a control character", "a: \x01\n"
    yield "a directive", "%YAML 9.9\n---\na: b\n"


def bombs() -> Iterator[tuple[str, str]]:
    """Yield small texts that expand to large values."""
    yield "laughs of lists", doubling("[x, x]", "[*, *]")
    yield "laughs of mappings", doubling("{x: y}", "{a: *, b: *}")
    yield "laughs of merges", doubling("{x: y}", "{<<: [*, *], b: *}")
    large = "\n" + " - {alert: x, expr: y + y + y}\n" * 3000
    yield "a long alias", "a: *" + "x" * 900_000 + "\n"
    yield "laughs of rules", doubling(large, "[*, *]").replace("a0: &a0 \n", "a0: &a0\n")
    for text in [
        "a: &a [*a]\n",
        "&a {b: *a}\n",
        "&a {<<: *a}\n",
        "&a {? *a : b}\n",
        "- &a [[*a]]\n",
    ]:
        yield f"itself: {text!r}", text
    yield "itself, merged inside", "&a {b: {<<: *a, c: *a}}\n"
    keys = "a: &a\n" + "".join(f"  k{n}: v\n" for n in range(9000))
    yield "merges of a large mapping", repeated(keys, "b#: {<<: *a}\n")
    yield "one merge of many", keys + "b: {<<: [" + ", ".join(["*a"] * 499) + "]}\n"
    group = "groups:\n- name: x\n  rules: &r\n" + "  - {alert: A, expr: up > 1}\n" * 4000
    yield "rules by alias", repeated(group, "- {name: y#, rules: *r}\n")
    recorded = group.replace("alert", "record") + "- {name: z, rules: [{alert: A, expr: up}]}\n"
    yield "recording rules by alias", repeated(recorded, "- {name: y#, rules: *r}\n")
    rule = "groups:\n- name: x\n  rules:\n  - alert: A\n    "
    expr = rule + 'expr: &e "' + "a" * 900_000 + '"\n'
    yield "a large expression by alias", repeated(expr, "  - {alert: A#, expr: *e}\n")
    expr = rule + 'expr: &e "' + "a," * 9_000 + '"\n'
    yield "a long expression by alias", repeated(expr, "  - {alert: A#, expr: *e}\n")
    text = rule + 'expr: up\n    annotations:\n      a: &t "' + "{" * 900_000 + '"\n'
    yield "a large annotation by alias", repeated(text, "      a#: *t\n")
    panels = "schemaVersion: 3\nrows:\n- &r\n  panels: &p\n" + "  - {title: a}\n" * 5000
    yield "rows by alias", repeated(panels, "- *r\n")
    yield "rows by alias that are no panels", repeated(panels.replace("title", "type"), "- *r\n")
    rows = panels.replace("{title: a}", "{type: row}")
    yield "rows of rows by alias", repeated(rows, "- {panels: *p}\n")
    targets = "schemaVersion: 3\npanels:\n- targets: &t\n" + "  - {expr: up up}\n" * 5000
    yield "targets by alias", repeated(targets, "- {title: a#, targets: *t}\n")
    boards = "- &d\n  schemaVersion: 3\n  panels:\n" + "  - {title: a}\n" * 5000
    yield "dashboards by alias", repeated(boards, "- *d\n")
    variables = "- schemaVersion: 3\n  panels: []\n  templating: &v\n    list:\n"
    variables += "    - {name: a}\n" * 5000
    yield (
        "variables by alias",
        repeated(variables, "- {schemaVersion: 3, panels: [], templating: *v}\n"),
    )
    config_map = "kind: ConfigMap\ndata:\n  a.json: &t |\n"
    alerts = config_map + "   - alert: x\n" * 20_000
    yield "a ConfigMap of one text by alias", repeated(alerts, "  a#: *t\n")
    jsons = (f"  a{n}.json: |\n   [{'{},' * 33_000}{n}]\n" for n in range(9))
    yield "a ConfigMap of much JSON", "kind: ConfigMap\ndata:\n" + "".join(jsons)
    maps = (
        "kind: List\nitems:\n- &c\n  kind: ConfigMap\n  data:\n    a.json: |\n"
        + "     [{}]\n" * 9000
    )
    yield "a list of one ConfigMap by alias", repeated(maps, "- *c\n")
    yield "ConfigMaps in ConfigMaps", nested_config_maps(400)
    lists = 'kind: List\nitems: &a\n- {kind: ConfigMap, data: {x: "alert"}}\n'
    yield "lists in lists", repeated(lists, "- {kind: List, items: *a}\n")


def heavy() -> Iterator[tuple[str, str]]:
    """Yield valid texts that are expensive to judge."""
    yield "20,000 alerts", rules(20_000, "up")
    yield "20,000 alerts that are no PromQL", rules(20_000, "up up")
    alerts = "".join(f"  - alert: a{n}\n    expr: up > 1\n" for n in range(20_000))
    yield "20,000 alerts in YAML", "groups:\n- name: x\n  rules:\n" + alerts
    for count in (199, 201, 500, 5_000, 9_000):
        yield f"{count} operators", rules(50, "a" + "+a" * count)
        yield f"{count} brackets", rules(50, "(" * count + "a" + ")" * count)
        yield f"{count} signs", rules(50, "-" * count + "a")
        yield f"{count} calls", rules(50, "abs(" * count + "a" + ")" * count)
        yield f"{count} powers", rules(50, "a" + "^a" * count)
        yield f"{count} ands", rules(50, "a" + " And a" * count)
        yield f"{count} subqueries", rules(50, "max_over_time(" * count + "a" + "[5m:1m])" * count)
    yield "brackets that a string seems to hold", rules(50, '"' + "'" + '"' + "(" * 9_000 + '"')
    yield "a long name", rules(50, "a" * 19_000)
    long = "x" * 900_000
    yield (
        "a long group",
        json.dumps(
            {"groups": [{"name": long, "a": 1, "rules": [{"alert": "A", "expr": "u"}] * 2_000}]}
        ),
    )
    yield "a long alert", rules(1, "up up", **{"alert": long, "for": long, "a": 1})
    yield "a long label", rules(50, "a{b='" + "a" * 19_000 + "'}")
    for each in ["a?", "[^x]", r"\\\\w|", r"\\\\pL{99}", "a{999}", "(a{30}){30}"]:
        selectors = ", ".join(f"a{{b=~'{each * 9}', c!='{n}'}}" for n in range(90))
        yield f"regular expressions of {each}", rules(100, f"label_join({selectors})")
    yield "many arguments", rules(50, "label_join(" + "a," * 9_000 + "a)")
    yield "many labels", rules(50, "sum by (" + "a," * 9_000 + "a) (b)")
    yield "many words", rules(50, "a " * 9_000)
    yield "a long duration", rules(1, "up", **{"for": "9" * 900_000})
    yield "a long label's name", rules(1, "up", labels={"a" * 900_000 + "-": "x"})
    yield "16,000 panels", dashboard(10_000, 1, "up")
    yield "45,000 targets", dashboard(1, 24_000, "up up")
    for text in ["${", "[[", "[", "[ ", "$", "u "]:
        yield f"expressions of {text!r}", dashboard(40, 1, filled(text, 19_000))
        yield f"an expression of 900 kB of {text!r}", dashboard(1, 1, filled(text, 900_000))
    yield "20,000 dashboards", json.dumps([{"schemaVersion": 1, "panels": []}] * 20_000)
    chart = "apiVersion: v2\nname: x\nversion: 1.0.0-" + "a." * 400_000 + "!\n"
    yield "a long version", chart
    template = "{{ if .Values.x }}\n"
    yield "a long template", template + "k: v\n" * 9_000
    yield "a long template with its action last", "- {a: b}\n" * 7_000 + template


def surprises() -> Iterator[tuple[str, str]]:
    """Yield texts with characters that Postgres cannot store."""
    yield (
        "a lone surrogate",
        r'{"title": "\ud800", "schemaVersion": 1, "panels": [{"title": "\ud8"}]}',
    )
    yield "a lone surrogate in a text", r'{"dashboard": "\ud800"}'
    yield "a lone surrogate as a key", r'{"\udfff": 1, "panels": [], "schemaVersion": 1}'
    yield "an escaped NUL", r'{"title": "\u0000", "schemaVersion": 1, "panels": []}'
    nul = r'"a\0b"'
    yield "an escaped NUL in YAML", f"groups:\n- rules:\n  - {{alert: {nul}, {nul}: {nul}}}\n"


def corpus() -> Iterator[tuple[str, bytes, bool]]:
    """Yield all files: a descriptive name, the bytes, and whether the syntax is invalid."""
    for path, data in real_files():
        for how, changed in mutated(data):
            yield f"{path}: {how}", changed, True
    for source in (broken, bombs, heavy, surprises):
        for name, text in source():
            yield name, text.encode(), source in (broken, bombs)


def _judge_all() -> None:
    judge(b"alert: warm\nexpr: up + 1\n")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name, data, wrong in corpus():
        _say(name=name)
        started = time.thread_time()
        report = judge(data)
        spent = time.thread_time() - started
        kept = json.dumps(report.as_json(), ensure_ascii=False)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        if sys.platform != "darwin":  # which counts in bytes, not in kilobytes
            grown *= 1024
        _say(
            name=name,
            seconds=spent,
            grown=grown,
            unnoticed=wrong and not report.findings,
            kept=len(kept),
            keepable=not UNKEEPABLE.search(kept),
        )


def _say(**what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CPU, (LONGEST_RUN, LONGEST_RUN))
    threading.stack_size(SMALL_STACK)
    thread = threading.Thread(target=_judge_all)
    thread.start()
    thread.join()
