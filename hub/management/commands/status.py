"""`manage.py status`: print the hub's status."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.core.serializers.json import DjangoJSONEncoder

from hub.content import status
from hub.models import RunStatus
from hub.templatetags.exporters import relative


class Command(BaseCommand):
    """Print the same data as /api/v1/status."""

    help = "Print the map's state and age, the last run and the next scheduled refresh."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print JSON, as /api/v1/status")

    def handle(self, *args: Any, **options: Any) -> None:
        hub = status.describe_status()
        text = json.dumps(hub, cls=DjangoJSONEncoder) if options["json"] else _as_text(hub)
        self.stdout.write(text)


def _as_text(hub: dict[str, Any]) -> str:
    source = hub["source"]
    lines = [
        f"source     {source['repository']}@{source['branch']}:{source['path']}"
        + (" (demo data)" if source["demo"] else "")
        + (f" (renamed to {source['renamed_to']})" if source["renamed_to"] else ""),
        f"map        {hub['state'].value}"
        + (f", as of {relative(hub['as_of'])}" if hub["as_of"] else ""),
        f"contents   {hub['directories']} directories, {hub['stale_directories']} of them stale; "
        f"{hub['exporters']} exporters in the catalogue",
        f"tokens     {hub['tokens']}"
        + (f", {hub['requests_left']} requests left" if hub["requests_left"] is not None else ""),
    ]
    if hub["advice"]:
        lines.insert(2, f"reason     {hub['advice']}")
    for name, run in (("open run", hub["open_run"]), ("last run", hub["last_run"])):
        if run:
            lines.append(
                f"{name:<10} {run['run']}: {RunStatus(run['status']).label}, "
                f"{run['looked_up']} of {run['to_look_up']} looked up, {run['seconds']:.1f} s"
            )
    if hub["next_refresh"]:
        lines.append(f"next       {relative(hub['next_refresh'])}")
    return "\n".join(lines)
