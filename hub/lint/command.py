"""The command `exporterhub`."""

import os
import sys
from io import TextIOWrapper
from pathlib import Path

import click

from hub import VERSION
from hub.content.rules.report import Level
from hub.lint.directories import JudgedDirectory, directories_at, judge_on_disk
from hub.lint.formats import FORMATS

_FAILING = {"error": {Level.ERROR}, "warning": {Level.ERROR, Level.WARNING}}


# https://no-color.org
@click.group(context_settings={"color": False if os.environ.get("NO_COLOR") else None})
@click.version_option(VERSION)
def exporterhub() -> None:
    """Check Helm charts, alerting rules and dashboards as Exporter Hub does."""


@exporterhub.command(no_args_is_help=True)
@click.argument(
    "paths",
    metavar="PATH...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, file_okay=False, readable=True, path_type=Path),
)
@click.option(
    "--format", "format_", type=click.Choice(list(FORMATS)), default="text", show_default=True
)
@click.option(
    "--fail-on",
    type=click.Choice(list(_FAILING)),
    default="error",
    show_default=True,
    help="The lowest level of findings that makes the exit code 1.",
)
@click.option(
    "--contents-path",
    default="contents",
    show_default=True,
    help="The folder of a repository that contains a directory for each exporter.",
)
def lint(paths: tuple[Path, ...], format_: str, fail_on: str, contents_path: str) -> None:
    """Check the exporters' directories at each PATH, without a hub and without network.

    PATH is a repository that contains the folder --contents-path, or that folder, or one
    exporter's directory.

    Exit code: 0 without findings of the level --fail-on, 1 with such findings, 2 if there is
    nothing to check.
    """
    try:
        found = [directories_at(path, contents_path) for path in paths]
    except OSError as error:
        raise click.UsageError(f"{error.filename!r} cannot be read: {error.strerror}") from error
    judged = _judge({place: why for places in found for place, why in places.items()})
    if not judged:
        raise click.UsageError(
            "PATH contains no exporter's directory with files. Name a directory, "
            "or the folder that contains the directories with --contents-path."
        )
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # not every locale has every character
    click.echo(FORMATS[format_](judged))
    levels = {finding.level for each in judged for finding in each.judgement.findings}
    sys.exit(0 if levels.isdisjoint(_FAILING[fail_on]) else 1)


def _judge(directories: dict[Path, str]) -> list[JudgedDirectory]:
    """Judge the directories, each once, except empty ones, which git does not store."""
    unique = {place.absolute(): (place, unread) for place, unread in directories.items()}
    hidden = not sys.stderr.isatty()
    with click.progressbar(
        unique.values(), label="Checking", file=sys.stderr, hidden=hidden
    ) as bar:
        judged = [judge_on_disk(place, unread) for place, unread in bar]
    return [each for each in judged if each.files or each.judgement.findings]
