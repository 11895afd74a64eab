"""`python -m tests.faults.next_rules MODULE …`: run a module as the next version of the rules.

It judges all files in the same way, so the truth stays the same.
"""

import runpy
import sys

from hub.content import judgement

if __name__ == "__main__":
    judgement.RULES_VERSION += 1  # before any other module imports it from there
    sys.argv[:] = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
