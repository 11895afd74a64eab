"""`python -m tests.checks`: check the project's own words, names and links."""

import sys

from tests.checks import links, names, words

found = [*words.problems(), *names.problems(), *links.problems()]
sys.exit("\n".join(found) or None)
