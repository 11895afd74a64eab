"""A fake GitHub: a folder in, GitHub's REST answers out, over real HTTP.

It serves the demo, the tests and the benchmarks; its faults can be switched.
"""

from hub.demo.fake_github.faults import Fault
from hub.demo.fake_github.repository import OtherRepository, Repository
from hub.demo.fake_github.server import FakeGitHub, of_folder

__all__ = ["FakeGitHub", "Fault", "OtherRepository", "Repository", "of_folder"]
