"""`manage.py forgetsource [SOURCE]`: delete the data of a source that the hub read before."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from hub.content.housekeeping import CannotForget, forget_source, former_sources


class Command(BaseCommand):
    """List the former sources, or delete everything that belongs to one."""

    help = (
        "List the sources that the hub read before, or delete all data of one: its map, runs, "
        "change log, edits and files. The configured source is never deleted."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        text = "the source to delete, as the list shows it (default: only list the sources)"
        parser.add_argument("source", nargs="?", help=text)
        parser.add_argument("--yes", action="store_true", help="do not ask for confirmation")

    def handle(self, *args: Any, source: str | None, **options: Any) -> None:
        former = former_sources()
        if source is None:
            lines = [f"{key}  ({count} directories)" for key, count in former.items()]
            self.stdout.write("\n".join(lines) or "The hub has data of no former source.")
            return
        if source in former and not options["yes"]:
            question = f"Delete everything of {source} ({former[source]} directories)? Type yes: "
            if not _is_confirmed(question):
                raise CommandError("Nothing was deleted. To delete it, type yes or pass --yes.")
        try:
            rows = forget_source(source)
        except CannotForget as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Deleted {rows} rows of {source}, and the files that only it had.")


def _is_confirmed(question: str) -> bool:
    try:
        return input(question).strip() == "yes"
    except EOFError:  # the standard input is not a terminal
        return False
