"""Check, step by step, whether the hub can read its source on GitHub."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from hub.github import errors
from hub.github.client import GitHubClient
from hub.github.source import Source
from hub.github.tokens import adopt_environment_token, ask_again


@dataclass(frozen=True)
class Step:
    """One step of the check. `problem`: why it failed and what to do; "" if it succeeded.

    `checked` is false after a step that failed.
    """

    name: str
    problem: str = ""
    checked: bool = True


def check_connection(client: GitHubClient, source: Source) -> list[Step]:
    """Send one request for each step, until one fails."""
    adopt_environment_token()
    ask_again()
    folder = f"Folder {source.path}" if source.path else "Folder: the repository's root"
    # Name of the step, the check, and what to do if GitHub does not find it.
    steps: list[tuple[str, Callable[[], object], str]] = [
        # Not `/rate_limit`, which an Enterprise Server without rate limits does not have.
        ("Token", partial(client.get, "/"), "Check GITHUB_API_URL."),
        (
            f"Repository {source.repository}",
            partial(client.get, f"/repos/{source.repository}"),
            "Check GITHUB_REPO, and that the token may read this repository.",
        ),
        (
            f"Branch {source.branch}",
            partial(client.root_tree, source.repository, source.branch),
            "Set GITHUB_BRANCH to a branch of the repository.",
        ),
        (
            folder,
            partial(_find_folder, client, source),
            "Set GITHUB_CONTENTS_PATH to the folder with one subfolder for each exporter.",
        ),
    ]
    done: list[Step] = []
    for name, check, advice in steps:
        failed = any(step.problem for step in done)
        problem = "" if failed else _problem_of(check, advice)
        done.append(Step(name, problem, checked=not failed))
    return done


def _problem_of(check: Callable[[], object], advice: str) -> str:
    try:
        check()
    except errors.NotFound:
        return f"GitHub does not find it. {advice}"
    except errors.GitHubError as error:
        label = str(error.reason.label)
        return f"{label[:1].upper()}{label[1:]}."
    return ""


def _find_folder(client: GitHubClient, source: Source) -> None:
    """Follow the contents path from the branch's root. Raises `NotFound`."""
    tree = client.root_tree(source.repository, source.branch).data
    for name in filter(None, source.path.split("/")):
        found = [each for each in tree["tree"] if each["path"] == name and each["type"] == "tree"]
        if not found:
            raise errors.NotFound(f"no folder {name}")
        tree = client.tree(source.repository, found[0]["sha"]).data
