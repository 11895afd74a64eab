"""A fake GitHub API server that serves the files of a local folder.

The demo, the tests and the benchmarks use it. It can simulate faults.
"""

from hub.demo.fake_github.faults import Fault
from hub.demo.fake_github.repository import OtherRepository, Repository
from hub.demo.fake_github.server import FakeGitHub, of_folder

__all__ = ["FakeGitHub", "Fault", "OtherRepository", "Repository", "of_folder"]
