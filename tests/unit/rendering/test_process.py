"""Tests of the limits on rendering, with texts that are slow or large in every Markdown parser."""

from collections.abc import Iterator
from contextlib import closing
from time import process_time
from typing import Any

import psutil
import pytest

from hub.rendering import process
from hub.rendering.process import Renderer, RendererFailed
from tests.common.hostile import payloads

SIZE = 128 * 1024
# Texts that take long without a limit, by what is repeated.
SLOW = {
    "images": "![",
    "brackets": "[",
    "links in links": "[a](",
    "references": "[a]: <",
    "emphasis": "*a_",
    "strong": "**a **",
    "strikethrough": "~~a~",
    "headings": "# a\n",
    "quotes": ">",
    "lists": "- ",
    "nested lists": "1. - ",
    "columns": "|-",
    "rows": "|a|b|\n|-|-|\n",
    "divs": "<div>",
    "details": "<details><summary>",
    "tables": "<table><td>",
    "bold": "<b>",
    "comments": "<!--",
    "attributes": "<a b=",
    "entities": "&#x",
    "backticks": "`a``b",
    "fences": "```yaml\n",
    "autolinks": "<http:",
    "backslashes": "\\",
    "one line": "a",
    "spaces": " ",
    "definition and uses": "[a]: https://example.org/" + "y" * 60_000 + "\n\n" + "[a] " * 20_000,
    "code": "```python\n\"\"\"'''{{((\n",
}


@pytest.fixture(scope="module")
def renderer() -> Iterator[Renderer]:
    with closing(Renderer()) as shared:
        yield shared


@pytest.mark.parametrize("name", SLOW)
def test_no_text_takes_longer_than_the_limit(renderer: Renderer, name: str) -> None:
    before = _cpu_seconds(renderer)
    repeated = SLOW[name] * (SIZE // len(SLOW[name]) + 1)
    parts = renderer.render(repeated[:SIZE], 3, "readme-")
    # The kernel checks the limit at each tick; starting the process takes a fifth of a second.
    assert _cpu_seconds(renderer) - before < 2 * process.MAX_CPU_SECONDS
    assert parts is None or sum(map(len, parts)) < 17 * SIZE
    assert renderer.render("# After", 3, "readme-") == ['<h3 id="readme-after">After</h3>\n']


def _cpu_seconds(renderer: Renderer) -> float:
    """Return the CPU time of the processes that ended, and of the one that runs."""
    ended = psutil.Process().cpu_times()
    spent = ended.children_user + ended.children_system
    if child := _child(renderer):
        running = child.cpu_times()
        spent += running.user + running.system
    return float(spent)


def _child(renderer: Renderer) -> psutil.Process | None:
    running = renderer._process
    return psutil.Process(running.pid) if running else None


def test_the_hostile_payloads_are_rendered(renderer: Renderer) -> None:
    started = process_time()
    for text in payloads(nesting=False).values():
        assert renderer.render(text, 3, "readme-") is not None
    assert process_time() - started < 5


def test_a_text_beyond_the_limit_is_not_rendered() -> None:
    with closing(Renderer()) as renderer:
        bomb = f"[a]: https://example.org/{'y' * 60_000}\n\n" + "[a] " * 15_000
        assert renderer.render(bomb, 3, "readme-") is None
        assert renderer.render("text", 3, "readme-") == ["<p>text</p>\n"]


def test_the_renderer_has_no_secrets() -> None:
    with closing(Renderer()) as renderer:
        renderer.render("text", 3, "readme-")
        child = _child(renderer)
        assert child
        assert not {"SECRET_KEY", "DATABASE_URL", "GITHUB_TOKEN"} & child.environ().keys()
        assert child.nice() == 19


def test_a_renderer_that_cannot_start_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr(process, "_ROOT", tmp_path)  # without the package `hub`
    with pytest.raises(RendererFailed), closing(Renderer()) as renderer:
        renderer.render("text", 3, "readme-")


def test_closing_ends_the_process() -> None:
    renderer = Renderer()
    renderer.render("text", 3, "readme-")
    child = _child(renderer)
    renderer.close()
    assert child
    assert not child.is_running()
