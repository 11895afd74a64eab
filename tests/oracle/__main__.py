"""Compare or record the verdicts of promtool and Helm on the inputs in `tests/data/oracle`.

Also on some 700 damaged copies of the project's own data (`tests.oracle.mutants`).

`make oracle` uses the tools on the PATH: promtool 3.5 (in Debian, the package `promtool` or
`prometheus`; other versions differ in a few inputs) and Helm 3 or 4. `make oracle ORACLE=--record`
records what they say, after inputs were added. The unit tests compare the rules with the recorded
verdicts, so they need neither tool.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.oracle.mutants import COUNTS, RECORDED, digest, mutants

DATA = Path(__file__).parents[1] / "data" / "oracle"
RULE = {"alert": "A", "expr": "up"}
CHART = "apiVersion: v2\nname: demo\nversion: 1.0.0\n"


def promtool(kind: str, inputs: list[str], *, found: bool = False) -> list[bool]:
    """Return for each input whether promtool accepts it, in a rule file.

    `found`: it must also find rules, because Prometheus loads a file of which it reads only the
    beginning.
    """
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, f"{number}.yml") for number in range(len(inputs))]
        for path, text in zip(paths, inputs, strict=True):
            rule = RULE | (
                {"expr": text} if kind == "expressions" else {"annotations": {"a": text}}
            )
            groups = {"groups": [{"name": "a", "rules": [rule]}]}
            path.write_text(text if kind == "rule_files" else json.dumps(groups))
        command = ["promtool", "check", "rules", *map(str, paths)]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
    name = rf"{re.escape(folder)}/\d+\.yml"
    rejected = set(re.findall(rf"^\s*({name}): ", run.stderr, re.MULTILINE))
    if found:
        empty = rf"^Checking ({name})\s+SUCCESS: 0 rules found"
        rejected |= set(re.findall(empty, run.stdout, re.MULTILINE))
    return [str(path) not in rejected for path in paths]


def helm(kind: str, inputs: list[str]) -> list[bool]:
    """Return for each input whether Helm renders a chart that contains it."""
    name = {"charts": "Chart.yaml", "chart_values": "values.yaml"}.get(kind, "templates/_a.tpl")
    return [_rendered({"Chart.yaml": CHART, name: text}) for text in inputs]


def _rendered(files: dict[str, str]) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        chart = Path(folder, "demo")
        (chart / "templates").mkdir(parents=True)
        for name, text in files.items():
            (chart / name).write_text(text)
        command = ["helm", "template", str(chart)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


TOOLS: dict[str, Callable[[str, list[str]], list[bool]]] = {
    "expressions": promtool,
    "rule_files": promtool,
    "templates": promtool,
    "charts": helm,
    "chart_values": helm,
    "chart_templates": helm,
}


def _mutants(kind: str) -> dict[str, bool]:
    """Return the verdicts on the damaged inputs of a kind, by the digest of each."""
    inputs, tool = mutants(kind), TOOLS[kind]
    verdicts = promtool(kind, inputs, found=True) if tool is promtool else tool(kind, inputs)
    return dict(zip(map(digest, inputs), verdicts, strict=True))


def main(*, record: bool) -> int:
    """Return the number of inputs on which the tools differ from what is recorded."""
    missing = [tool for tool in ("promtool", "helm") if shutil.which(tool) is None]
    for tool in missing:
        sys.stdout.write(f"{tool} is not on the PATH: install it to compare its verdicts\n")
    differences = 0
    for kind, tool in TOOLS.items():
        if tool.__name__ in missing:
            continue
        file = DATA / f"{kind}.json"
        recorded: dict[str, bool] = json.loads(file.read_text())
        real = dict(zip(recorded, tool(kind, list(recorded)), strict=True))
        different = [text for text, accepted in real.items() if accepted != recorded[text]]
        for text in different:
            verdict = "accepts" if real[text] else "rejects"
            sys.stdout.write(f"{kind}: {tool.__name__} {verdict} {text!r}\n")
        if record:
            file.write_text(json.dumps(real, indent=1, ensure_ascii=False) + "\n")
        differences += len(different)
        sys.stdout.write(f"{kind}: {len(recorded)} inputs, {len(different)} different\n")
    known: dict[str, dict[str, bool]] = json.loads(RECORDED.read_text())
    for kind in COUNTS:
        if TOOLS[kind].__name__ in missing:
            continue
        verdicts = _mutants(kind)
        unequal = [name for name in verdicts if verdicts[name] != known.get(kind, {}).get(name)]
        differences += len(unequal)
        sys.stdout.write(f"damaged {kind}: {len(verdicts)} inputs, {len(unequal)} different\n")
        if record:
            known[kind] = verdicts
            RECORDED.write_text(json.dumps(known, indent=1) + "\n")
    return len(missing) if record else differences + len(missing)


if __name__ == "__main__":
    sys.exit(min(main(record="--record" in sys.argv), 1))
