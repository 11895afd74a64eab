"""`manage.py fakegithub FOLDER --repo OWNER/NAME`: a fake GitHub over a folder."""

import os
import signal
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from hub.demo.fake_github import of_folder
from hub.demo.fake_github.repository import of_file


class Command(BaseCommand):
    """Serves the folder until it is interrupted."""

    help = "Serve a folder (the repository's root) as GitHub's REST and GraphQL API."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--repo", default="demo/exporters", help="OWNER/NAME")
        parser.add_argument(
            "--others", type=Path, help="JSON file of repositories of which only facts are served"
        )
        parser.add_argument("--branch", default="main")
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8002)
        parser.add_argument(
            "--token",
            action="append",
            help="accepted token; may be repeated. Better in FAKEGITHUB_TOKEN: "
            "a command line can be read by others.",
        )
        parser.add_argument(
            "--latency", type=float, default=0.0, help="seconds until an answer comes"
        )
        parser.add_argument(
            "--graphql-latency", type=float, help="the same for GraphQL, if it differs"
        )
        parser.add_argument("--fail-rate", type=float, default=0.0, help="share answered 502")
        parser.add_argument("--rate-limit", type=int, default=5000, help="requests an hour")
        parser.add_argument(
            "--graphql-rate-limit", type=int, default=5000, help="GraphQL points an hour"
        )
        parser.add_argument(
            "--points-per-minute", type=int, default=900, help="secondary limit of REST; 0: none"
        )
        parser.add_argument(
            "--graphql-points-per-minute", type=int, default=2000, help="that of GraphQL; 0: none"
        )
        parser.add_argument(
            "--hour", type=int, default=3600, help="seconds of an hour of the limits; at least 60"
        )

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        if not folder.is_dir():
            raise CommandError(f"{folder} is no folder: name the repository's root")
        tokens = options["token"] or [os.environ.get("FAKEGITHUB_TOKEN", "")]
        names = (
            "branch host port hour latency graphql_latency fail_rate rate_limit graphql_rate_limit "
            "points_per_minute graphql_points_per_minute"
        )
        try:
            github = of_folder(
                folder,
                options["repo"],
                tokens=[token for token in tokens if token],
                others=of_file(options["others"]) if options["others"] else (),
                **{name: options[name] for name in names.split()},
            )
        except OSError as fault:
            raise CommandError(
                f"port {options['port']} on {options['host']} cannot be used ({fault.strerror}); "
                "choose another with --port"
            ) from fault
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
