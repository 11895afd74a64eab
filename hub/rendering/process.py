"""Render untrusted Markdown in a process with limits on its time and memory.

Malicious texts make every Markdown parser slow, and no check of the text finds all of them. A
thread cannot be interrupted, and neither can the C and Rust code of the libraries: only the kernel
can stop them, together with their process. One process renders many texts, because it takes longer
to start than to render most of them.
"""

import contextlib
import json
import logging
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from threading import Timer
from typing import IO, cast

from hub.rendering.markdown import render

logger = logging.getLogger(__name__)

# Seconds of CPU time for a text. An ordinary text of the maximum length takes a fifth of a second.
MAX_CPU_SECONDS = 2.0
# Ordinary seconds: ends the process if it does not run at all.
_MAX_SECONDS = 60.0
_MAX_MEMORY = 256 * 1024**2  # bytes of address space; an ordinary text takes a fifth of it
_ROOT = Path(__file__).resolve().parents[2]


class RendererFailed(RuntimeError):
    """The process did not start; its error is in the log. The text was not rendered."""


class Renderer:
    """Starts the process for the first text, and again after a text that was stopped by a limit."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def render(self, text: str, top: int, prefix: str) -> list[str] | None:
        """Return the result of `hub.rendering.markdown.render`; None if it exceeds the limits."""
        process = self._process = self._process or self._start()
        timer = Timer(_MAX_SECONDS, process.kill)
        timer.start()
        try:
            stdin, stdout = cast("tuple[IO[bytes], IO[bytes]]", (process.stdin, process.stdout))
            stdin.write(json.dumps([text, top, prefix]).encode() + b"\n")
            stdin.flush()
            answer = stdout.readline()
        except BrokenPipeError:
            answer = b""
        finally:
            timer.cancel()
        if answer:
            parts: list[str] | None = json.loads(answer)
            return parts
        self.close()
        if process.returncode >= 0:  # it was not stopped by a signal, but by an error
            raise RendererFailed(f"the renderer exited with status {process.returncode}")
        logger.warning("a text of %s characters exceeds the limits, and is shown plain", len(text))
        return None

    def _start(self) -> subprocess.Popen[bytes]:
        # Without the environment, which contains secrets.
        return subprocess.Popen(  # noqa: S603 — our own command
            [sys.executable, "-m", __name__],
            cwd=_ROOT,
            env={},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def close(self) -> None:
        """End the process."""
        if self._process:
            with contextlib.suppress(BrokenPipeError):
                self._process.communicate()
            self._process = None


def _main() -> None:
    """Render each line of the standard input: a JSON list of the arguments of `render`."""
    os.nice(19)  # readers and refreshes have priority
    with contextlib.suppress(ValueError, OSError):  # macOS does not support this limit
        resource.setrlimit(resource.RLIMIT_AS, (_MAX_MEMORY, _MAX_MEMORY))
    for line in sys.stdin.buffer:
        text, top, prefix = json.loads(line)
        # The default action of SIGPROF ends the process, even within C code.
        signal.setitimer(signal.ITIMER_PROF, MAX_CPU_SECONDS)
        try:
            parts = render(text, top, prefix)
        except (MemoryError, RecursionError):
            parts = None
        signal.setitimer(signal.ITIMER_PROF, 0)
        sys.stdout.write(json.dumps(parts) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _main()
