"""Types of command-line options: numbers within limits."""

import math
from argparse import ArgumentTypeError
from collections.abc import Callable


def number(
    kind: type[int] | type[float], least: float, most: float = math.inf
) -> Callable[[str], int | float]:
    """Return an argparse type for numbers from `least` to `most`."""
    limits = f"of at least {least}" if most == math.inf else f"from {least} to {most}"
    noun = "whole number" if kind is int else "number"

    def parse(text: str) -> int | float:
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:  # also true for NaN
            raise ArgumentTypeError(f"{text!r} is not a {noun} {limits}")
        return value

    return parse


PORT = number(int, 0, 65535)  # 0: any free port
