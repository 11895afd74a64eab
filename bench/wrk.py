"""Run wrk, an HTTP load generator (https://github.com/wg/wrk), and parse its output."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

_TIMEOUT = 30  # seconds; the slowest contender takes three over 16 connections
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


@dataclass(frozen=True)
class Load:
    """The result for one URL: requests per second, and median and p99 latency in seconds."""

    requests: float
    median: float
    p99: float


class NoWrk(Exception):
    """wrk is not installed."""


class WrkFailed(Exception):
    """Some responses were errors, or there was no response."""


def find() -> str:
    """Return the path of wrk. Raises `NoWrk`."""
    found = shutil.which("wrk")
    if found is None:
        raise NoWrk("wrk is not installed. Run `apt install wrk` or `brew install wrk`.")
    return found


def load(url: str, headers: Mapping[str, str], *, seconds: float, connections: int = 16) -> Load:
    """Send requests to `url` continuously. Raises `WrkFailed` for responses except 2xx and 3xx."""
    options = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
    command = [find(), "-t1", f"-c{connections}", f"-d{seconds:g}s", f"--timeout={_TIMEOUT}s"]
    command += ["--latency", *options, url]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return parse(done.stdout)


def parse(output: str) -> Load:
    """Parse wrk's output. Raises `WrkFailed` if it reports errors or is not understood."""
    if "Non-2xx" in output or "Socket errors" in output:
        raise WrkFailed(f"some responses were errors:\n{output}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
    times = dict(re.findall(r"^\s+(\d+)%\s+([\d.]+\w+)\s*$", output, re.MULTILINE))
    if rate is None or not {"50", "99"} <= times.keys():
        raise WrkFailed(f"unexpected output of wrk:\n{output}")
    return Load(float(rate[1]), _seconds(times["50"]), _seconds(times["99"]))


def _seconds(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()  # type: ignore[union-attr]
    return float(number) * _UNITS[unit]
