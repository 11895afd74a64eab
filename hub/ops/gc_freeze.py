"""What a process has once it is up stays for good: Python is not to search it for garbage.

A full collection looks at every object that there is, and all wait for it: 50 ms with what the
imports alone leave, in which a worker parses nothing and the web answers nobody.
"""

import gc

# New objects until Python looks for garbage among them, 700 by default: a tree of 10,000
# directories brings half as many as this, and none of them is garbage.
_NEW = 50_000


def settle() -> None:
    """Leave all that is there by now out of every later collection. Call it once, when up."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW)
