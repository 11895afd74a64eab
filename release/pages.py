"""Hook of MkDocs: takes the documents from the whole repository, with their paths in it.

So links between documents, to the README and to files such as `chart/values.yaml` work on the site
as they do on GitHub.
"""

import subprocess

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from release.version import ROOT

_PAGES = ["*.md", "docs", "monitoring", "LICENSE"]
_LINKED = ["chart/values.yaml", "docker/hub.env.example", "tests/checks/words.py"]
_OTHERS = [":(exclude)hub/demo/sample", ":(exclude)tests/data"]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Replace the files of `docs_dir`."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *_PAGES, *_LINKED, *_OTHERS],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    names = listed.rstrip("\0").split("\0")
    theme = [file for file in files if file.src_dir != config.docs_dir]
    return Files(
        theme + [File.generated(config, name, abs_src_path=str(ROOT / name)) for name in names]
    )
