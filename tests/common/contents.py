"""Small content files for tests; each has the kind that its name suggests."""

import json
from pathlib import PurePosixPath

CHART = b"apiVersion: v2\nname: tests\nversion: 0.1.0\n"
MANIFEST = b"apiVersion: v1\nkind: Service\nmetadata:\n  name: tests\n"
VALUES = b"image:\n  repository: tests\nreplicaCount: 1\nresources: {}\n"


def alert(name: str = "Down", expr: str = "up == 0") -> bytes:
    """Return a rule file with one alert."""
    return (
        f"groups:\n- name: tests\n  rules:\n  - alert: {name}\n    expr: {expr}\n"
        "    labels:\n      severity: warning\n    annotations:\n      summary: it is down\n"
    ).encode()


def dashboard(title: str = "Tests") -> bytes:
    """Return a dashboard with one panel."""
    panel = {"type": "timeseries", "title": "Up", "targets": [{"expr": "up"}]}
    return json.dumps({"title": title, "schemaVersion": 39, "panels": [panel]}).encode()


def of_its_name(path: str) -> bytes:
    """Return typical content for a file of that name; it differs for each path."""
    name = PurePosixPath(path).name.casefold()
    if name == "chart.yaml":
        content = CHART
    elif name.endswith(".json"):
        return dashboard(path)
    elif "alert" in name and name.endswith((".yaml", ".yml")):
        return alert() + f"# {path}\n".encode()
    elif "values" in name:
        content = VALUES
    else:
        content = MANIFEST if name.endswith((".yaml", ".yml")) else b""
    return content + f"# {path}\n".encode()
