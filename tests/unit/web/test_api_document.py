"""docs/api.md lists each operation of the API."""

import re

from hub.web.api import api
from tests.common.processes import ROOT


def test_the_document_lists_each_operation_of_the_api() -> None:
    rows = re.findall(r"^\| `([A-Z]+) (\S+)` \|", (ROOT / "docs/api.md").read_text(), re.MULTILINE)
    paths = api.get_openapi_schema()["paths"]
    assert sorted(rows) == sorted(
        (method.upper(), path) for path, operations in paths.items() for method in operations
    )
