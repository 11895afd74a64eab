"""Template filters that format exporters, runs, numbers and dates."""

import re
from datetime import datetime
from zlib import crc32

from django import template
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.utils import timezone
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from hub import clock
from hub.models import RefreshRun, RunStatus

register = template.Library()

HUES = 8  # the number of classes `mono--0`, `mono--1`, … in hub.css
_ICONS = {
    RunStatus.PUBLISHED: "ok",
    RunStatus.UNCHANGED: "absent",
    RunStatus.HELD: "unknown",
    RunStatus.NO_TOKEN: "unknown",
    RunStatus.FAILED: "broken",
}


@register.filter
def monogram(title: str) -> str:
    """Return the two letters that are shown for an exporter without a logo.

    >>> monogram("Node Exporter"), monogram("Redis"), monogram("PHP-FPM")
    ('NE', 'Re', 'PF')
    """
    words = re.findall(r"[^\W_]+", title)
    if len(words) > 1:
        return "".join(word[0] for word in words[:2]).upper()
    return "".join(words)[:2].capitalize() or "?"


@register.filter
def hue(slug: str) -> int:
    """Return the number of the monogram's colour, which is constant for an exporter."""
    return crc32(slug.encode()) % HUES


@register.filter
def inline_code(text: str) -> SafeString:
    """Escape a text, and show what is between backticks as code.

    >>> inline_code("`a` < b")
    '<code>a</code> &lt; b'
    """
    return mark_safe(re.sub("`([^`]+)`", r"<code>\1</code>", escape(text)))  # noqa: S308 — escaped


@register.filter
def short(number: int) -> str:
    """Abbreviate a number.

    >>> [short(number) for number in (0, 999, 1_000, 3_149, 12_345, 999_999, 2_500_000)]
    ['0', '999', '1k', '3.1k', '12k', '999k', '2.5M']
    """
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        if number >= size:
            # Round down, so that no number is shown as larger than it is.
            whole, tenth = divmod(number * 10 // size, 10)
            return f"{whole}.{tenth}{unit}" if tenth and whole < 10 else f"{whole}{unit}"
    return str(number)


@register.filter
def machine_time(time: datetime) -> str:
    """Return a time for the attribute `datetime`. HTML allows three digits of a second at most.

    >>> machine_time(datetime(2026, 11, 30, 15, 24, 27, 531993))
    '2026-11-30T15:24:27'
    """
    return time.isoformat(timespec="seconds")


@register.filter
def relative(time: datetime) -> str:
    """Return a time relative to now, such as "4 minutes ago", by the hub's clock."""
    return str(naturaltime(time + (timezone.now() - clock.now())))


@register.filter
def ago(time: datetime) -> str:
    """Return the age in one unit, such as "3 months ago"; "today" for less than a day."""
    days = (clock.now() - time).days
    for unit, length in (("year", 365), ("month", 30), ("week", 7), ("day", 1)):
        if days >= length:
            count = days // length
            return f"{count} {unit}{'' if count == 1 else 's'} ago"
    return "today"


@register.filter
def mark(run: RefreshRun) -> str:
    """Return the name of the icon for a run's status."""
    return _ICONS.get(RunStatus(run.status), "running")
