"""wrk, which asks one address as fast as it is answered (https://github.com/wg/wrk)."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

_PATIENCE = 30  # seconds; the slowest contender takes three over 16 connections
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


@dataclass(frozen=True)
class Load:
    """What one address stood: requests a second, and seconds that half and 99 % took at most."""

    requests: float
    median: float
    p99: float


class NoWrk(Exception):
    """wrk is not installed."""


class WrkFailed(Exception):
    """Not every answer was good, or there was none."""


def find() -> str:
    """Where wrk is. Raises `NoWrk`."""
    found = shutil.which("wrk")
    if found is None:
        raise NoWrk("wrk makes the load: apt install wrk, or brew install wrk, and try again.")
    return found


def load(url: str, headers: Mapping[str, str], *, seconds: float, connections: int = 16) -> Load:
    """Ask `url` over so many connections at once. Any answer that is no 2xx or 3xx is an error."""
    given = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
    command = [find(), "-t1", f"-c{connections}", f"-d{seconds:g}s", f"--timeout={_PATIENCE}s"]
    command += ["--latency", *given, url]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return parse(done.stdout)


def parse(output: str) -> Load:
    """What wrk printed. Raises `WrkFailed` where an answer was an error."""
    if "Non-2xx" in output or "Socket errors" in output:
        raise WrkFailed(f"not every answer was good:\n{output}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
    times = dict(re.findall(r"^\s+(\d+)%\s+([\d.]+\w+)\s*$", output, re.MULTILINE))
    if rate is None or not {"50", "99"} <= times.keys():
        raise WrkFailed(f"wrk said something else:\n{output}")
    return Load(float(rate[1]), _seconds(times["50"]), _seconds(times["99"]))


def _seconds(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()  # type: ignore[union-attr]
    return float(number) * _UNITS[unit]
