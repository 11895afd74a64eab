"""`manage.py fakegithub FOLDER --repo OWNER/NAME`: serve a folder as a fake GitHub API."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from hub.demo.fake_github import of_folder
from hub.demo.fake_github.repository import of_file
from hub.ops.options import PORT, number

_COUNT, _SECONDS = number(int, 0), number(float, 0, 3600)
# Arguments of the fake GitHub that are also options: type, default and help text.
_OPTIONS: dict[str, tuple[Callable[[str], Any], Any, str]] = {
    "branch": (str, "main", "default branch"),
    "host": (str, "127.0.0.1", "address to listen on"),
    "port": (PORT, 8002, "port to listen on"),
    "latency": (_SECONDS, 0.0, "response time in seconds"),
    "graphql_latency": (_SECONDS, None, "response time for GraphQL, if it differs"),
    "fail_rate": (number(float, 0, 1), 0.0, "share of requests that get a 502"),
    "rate_limit": (_COUNT, 5000, "REST requests per hour"),
    "graphql_rate_limit": (_COUNT, 5000, "GraphQL points per hour"),
    "points_per_minute": (_COUNT, 900, "secondary limit of REST; 0: none"),
    "graphql_points_per_minute": (_COUNT, 2000, "secondary limit of GraphQL; 0: none"),
    "hour": (number(int, 60), 3600, "length of the rate limits' hour in seconds"),
}


class Command(BaseCommand):
    """Serve the folder until Ctrl-C or SIGTERM."""

    help = "Serve a folder as a repository through GitHub's REST and GraphQL APIs."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="root of the repository")
        parser.add_argument("--repo", default="demo/exporters", help="OWNER/NAME")
        text = "accepted token; repeatable. Prefer FAKEGITHUB_TOKEN: command lines are public"
        parser.add_argument("--token", action="append", help=text)
        text = "another folder, to add to `contents` under its name; repeatable"
        parser.add_argument("--add-to-contents", action="append", type=Path, default=[], help=text)
        parser.add_argument("--others", type=Path, help="JSON file of facts of other repositories")
        for name, (kind, default, text) in _OPTIONS.items():
            flag = f"--{name.replace('_', '-')}"
            parser.add_argument(flag, type=kind, default=default, help=text)

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        for each in (folder, *options["add_to_contents"]):
            if not each.is_dir():
                raise CommandError(f"{each} is not a folder. Name a folder that exists.")
        tokens = options["token"] or [os.environ.get("FAKEGITHUB_TOKEN", "")]
        try:
            github = of_folder(
                folder,
                options["repo"],
                tokens=[token for token in tokens if token],
                others=of_file(options["others"]) if options["others"] else (),
                **{name: options[name] for name in _OPTIONS},
            )
        except OSError as error:
            raise CommandError(
                f"Cannot use port {options['port']} on {options['host']}: {error.strerror}. "
                "Choose another port with --port."
            ) from error
        for each in options["add_to_contents"]:
            path = f"contents/{each.resolve().name}"
            github.repository.write_folder(path, each, options["branch"])
        self.stdout.write(
            f"ready: GITHUB_API_URL={github.url} GITHUB_REPO={options['repo']} "
            f"GITHUB_BRANCH={options['branch']} GITHUB_TOKEN=…"
        )
        self.stdout.flush()
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            github.serve_forever()
        except KeyboardInterrupt:
            self.stdout.write("stopped")
