"""The documentation site builds without a warning, and its pages find their files."""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import html5lib

from tests.common.processes import ROOT


def test_the_documentation_site_has_no_broken_link(tmp_path: Path) -> None:
    site = tmp_path / "site"
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", f"--site-dir={site}"],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    for page in (site / "index.html", site / "docs" / "runbooks" / "index.html"):
        tree = html5lib.parse(page.read_text(), namespaceHTMLElements=False)
        links = {each.get("href") or each.get("src") or "" for each in tree.iter()}
        files = {url.path for url in map(urlsplit, links) if not url.scheme and url.path}
        assert any(file.endswith(".css") for file in files)
        assert [file for file in files if not (page.parent / file).exists()] == []
