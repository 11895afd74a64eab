"""The image has what web, worker, beat and the commands import, and nothing of the demo."""

import re
import subprocess
import sys

from tests.common.processes import ROOT

DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text()
LEFT_OUT = (ROOT / ".dockerignore").read_text().split()
# Runs with the packages and folders missing that the image leaves out.
START = """
import importlib, pkgutil, sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in MODULES or name in FOLDERS:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Missing())
import config.server
from config.celery import app
app.loader.import_default_modules()
from django.core.management import load_command_class
import hub.management.commands as commands
for command in pkgutil.iter_modules(commands.__path__):
    if f"hub.management.commands.{command.name}" not in FOLDERS:
        load_command_class("hub", command.name)
import flower.command
"""


def left_out_packages() -> set[str]:
    """The packages whose lines docker/image-requirements removes from requirements.txt."""
    script = (ROOT / "docker" / "image-requirements").read_text()
    pattern = re.search(r"sed -E '/\^\((\S+)\)==/", script)
    assert pattern
    return set(pattern[1].split("|"))


def test_the_hub_starts_without_what_the_image_leaves_out() -> None:
    modules = {name.replace("-", "_") for name in left_out_packages()} | {"graphql"}
    folders = {path.removesuffix(".py").replace("/", ".") for path in LEFT_OUT if "/" in path}
    assert {"hub.demo", "hub.management.commands.fakegithub"} <= folders
    subprocess.run(
        [sys.executable, "-c", f"MODULES, FOLDERS = {modules}, {folders}\n{START}"],
        cwd=ROOT,
        check=True,
    )


def test_the_image_has_neither_pip_nor_anything_of_the_working_copy() -> None:
    assert "venv --without-pip" in DOCKERFILE
    assert "pip uninstall --yes pip" in DOCKERFILE
    copied = {"!" + path for path in re.findall(r"^COPY (?!--from)(\S+)", DOCKERFILE, re.MULTILINE)}
    assert LEFT_OUT[LEFT_OUT.index("*") :][1 : len(copied) + 1] == sorted(copied)


def test_the_modules_of_the_hub_are_compiled_in_the_image() -> None:
    copied = re.findall(r"^COPY (\w+) \1$", DOCKERFILE, re.MULTILINE)
    compiled = re.search(r"^RUN python -m compileall -q (.+) \\$", DOCKERFILE, re.MULTILINE)
    assert compiled
    assert compiled[1].split() == sorted(copied)
    assert "PYTHONDONTWRITEBYTECODE" not in DOCKERFILE
