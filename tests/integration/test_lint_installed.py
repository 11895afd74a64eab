"""`exporterhub` as users install it: with pip, as a GitHub Action and as a pre-commit hook.

The packages come from wheels of those that are installed here, so the tests need no network.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from markdown_it import MarkdownIt
from packaging.requirements import Requirement

from tests.common import contents
from tests.common.processes import ROOT
from tests.common.wheels import write_wheels

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
DOCUMENT = (ROOT / "docs/lint.md").read_text()
USES = "uses: OWNER/exporter-hub@v0.3.0"
ANNOTATION = (
    "::error file=contents/Redis/Redis_alert.yaml,line=10::contents/Redis/Redis_alert.yaml:10: "
)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the packages that `pip install .` needs."""
    folder = tmp_path_factory.mktemp("wheels")
    write_wheels(folder, PROJECT["project"]["dependencies"] + PROJECT["build-system"]["requires"])
    return folder


@pytest.fixture(scope="module")
def environment(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment variables of a user; pip uses only the folder of wheels."""
    home = tmp_path_factory.mktemp("home")
    return {
        "PATH": os.environ["PATH"],
        "RUNNER_TEMP": str(tmp_path_factory.mktemp("runner")),
        "HOME": str(home),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheels),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_COMPILE": "1",  # a tenth of the installed modules is imported
        "GIT_CONFIG_GLOBAL": os.devnull,
    }


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the files that users get, without those that only tests and the hub have."""
    folder = tmp_path_factory.mktemp("exporter-hub")
    for name in ("pyproject.toml", "README.md", "LICENSE", "action.yml", ".pre-commit-hooks.yaml"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "hub", folder / "hub", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A user's repository with an alert that Prometheus rejects."""
    directory = tmp_path / "contents" / "Redis"
    directory.mkdir(parents=True)
    (directory / "Redis_alert.yaml").write_bytes(contents.alert() + b"    expr_: x\n")
    return tmp_path


def run(command: list[str], folder: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


def git(folder: Path, env: dict[str, str], *arguments: str) -> None:
    author = ["-c", "user.name=tests", "-c", "user.email=tests@tests.invalid"]
    done = run(["git", *author, *arguments], folder, env)
    assert done.returncode == 0, done.stderr


def example(containing: str) -> str:
    """Return the YAML example of the document that contains a text."""
    fences = [t for t in MarkdownIt().parse(DOCUMENT) if t.type == "fence" and t.info == "yaml"]
    (found,) = [fence.content for fence in fences if containing in fence.content]
    return found


# --- pip ------------------------------------------------------------------------------------------


def test_pip_installs_the_command_and_the_packages_of_the_rules(
    project: Path, environment: dict[str, str], repository: Path, tmp_path: Path
) -> None:
    bin_folder = tmp_path / "venv" / "bin"
    venv = [sys.executable, "-m", "venv", "--without-pip", "venv"]  # pip takes as long as the rest
    assert run(venv, tmp_path, environment).returncode == 0
    pip = [sys.executable, "-m", "pip", "--python", str(bin_folder / "python")]
    done = run([*pip, "install", str(project)], tmp_path, environment)
    assert done.returncode == 0, done.stdout + done.stderr
    listed = run([*pip, "list", "--format", "json"], tmp_path, environment)
    packages = {package["name"].lower() for package in json.loads(listed.stdout)}
    assert "exporter-hub" in packages
    assert packages.isdisjoint({"django", "celery", "redis", "requests", "psycopg2-binary"})

    sample = ROOT / "hub/demo/sample/contents/Redis"
    lint = [str(bin_folder / "exporterhub"), "lint"]
    for path, code in ((repository, 1), (sample, 0), (tmp_path / "nowhere", 2)):
        done = run([*lint, str(path)], tmp_path, environment)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
    # In a network namespace of its own it has no network at all.
    unshared = run(["unshare", "--net", *lint, str(repository)], tmp_path, environment)
    if "unshare failed" not in unshared.stderr:  # not allowed here
        assert (unshared.returncode, unshared.stderr) == (1, "")


def test_it_requires_the_same_versions_as_the_hub() -> None:
    lines = (ROOT / "requirements.in").read_text().splitlines()
    stated = [Requirement(line.partition("#")[0]) for line in lines if re.match(r"\w", line)]
    of_the_hub = {each.name: each.specifier for each in stated}
    for text in PROJECT["project"]["dependencies"]:
        requirement = Requirement(text)
        assert requirement.specifier == of_the_hub[requirement.name]


# --- GitHub Action --------------------------------------------------------------------------------


def run_action(
    inputs: dict[str, str], project: Path, repository: Path, env: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run the steps of action.yml as a runner does; the step that installs Python is done."""
    action = yaml.safe_load((project / "action.yml").read_text())
    assert inputs.keys() <= action["inputs"].keys()
    values = {f"inputs.{name}": field["default"] for name, field in action["inputs"].items()}
    values |= {f"inputs.{name}": value for name, value in inputs.items()}
    values["steps.python.outputs.python-path"] = sys.executable
    python, step = action["runs"]["steps"]
    assert (python["id"], step["shell"]) == ("python", "bash")
    assert "${{" not in step["run"]
    env = env | {"GITHUB_ACTION_PATH": str(project)}
    for name, text in step["env"].items():
        env[name] = re.sub(r"\$\{\{ (\S+) \}\}", lambda found: values[found[1]], text)
    # https://docs.github.com/actions/reference/workflow-syntax-for-github-actions (shell)
    bash = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    return run(bash, repository, env)


@pytest.mark.parametrize("containing", [USES, "upload-sarif"])
def test_the_workflows_of_the_document_are_valid(tmp_path: Path, containing: str) -> None:
    (tmp_path / "workflow.yml").write_text(example(containing))
    schema = ["--builtin-schema", "vendor.github-workflows"]
    command = [sys.executable, "-m", "check_jsonschema", *schema, "workflow.yml"]
    done = run(command, tmp_path, dict(os.environ))
    assert done.returncode == 0, done.stdout


def test_the_example_of_the_action(
    project: Path, environment: dict[str, str], repository: Path
) -> None:
    workflow = yaml.safe_load(example(USES))
    (step,) = [each for each in workflow["jobs"]["lint"]["steps"] if each["uses"] in USES]
    done = run_action(step["with"], project, repository, environment)
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith(ANNOTATION)


@pytest.mark.parametrize(
    ("inputs", "code"),
    [
        ({"paths": "contents/Good\n\ncontents/Better\n", "fail-on": "warning"}, 0),
        ({"paths": "$(touch injected)", "contents-path": '"; touch injected; "'}, 2),
    ],
)
def test_inputs_of_the_action(
    project: Path,
    environment: dict[str, str],
    repository: Path,
    inputs: dict[str, str],
    code: int,
) -> None:
    for name in ("Good", "Better"):
        (repository / "contents" / name / "1.0").mkdir(parents=True)
        (repository / "contents" / name / "1.0/alert.yaml").write_bytes(contents.alert())
    done = run_action(inputs, project, repository, environment)
    assert done.returncode == code, done.stdout + done.stderr
    assert ANNOTATION not in done.stdout
    assert not (repository / "injected").exists()


# --- pre-commit -----------------------------------------------------------------------------------


def test_the_example_of_the_hook(
    project: Path, environment: dict[str, str], repository: Path
) -> None:
    config = yaml.safe_load(example("exporterhub-lint"))
    (source,) = config["repos"]
    for command in (
        ["init", "-q"],
        ["add", "-A"],
        ["commit", "-q", "-m", "."],
        ["tag", source["rev"]],
    ):
        git(project, environment, *command)
    source["repo"] = str(project)
    (repository / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    git(repository, environment, "init", "-q")
    git(repository, environment, "add", "-A")
    command = [sys.executable, "-m", "pre_commit", "run", "--color", "never"]
    done = run(command, repository, environment)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "contents/Redis/Redis_alert.yaml:10: error: " in done.stdout
    (repository / "contents/Redis/Redis_alert.yaml").write_bytes(contents.alert())
    git(repository, environment, "add", "-A")
    done = run(command, repository, environment)
    assert done.returncode == 0, done.stdout + done.stderr
