"""A small GitHub: a folder in, GitHub's REST answers out, over real HTTP.

It serves the demo, the tests and the benchmarks; its faults can be switched.
"""

from hub.demo.smallgithub.faults import Fault
from hub.demo.smallgithub.others import OtherRepository
from hub.demo.smallgithub.repository import Repository
from hub.demo.smallgithub.server import SmallGitHub, of_folder

__all__ = ["Fault", "OtherRepository", "Repository", "SmallGitHub", "of_folder"]
