"""`python -m tests.common.newer_rules MODULE …`: run a module as the next version of the rules.

Under these rules no content is usable, so a directory shows which version judged it.
"""

import runpy
import sys
from dataclasses import replace
from typing import Any

from hub.content import judgement

VERSION = judgement.RULES_VERSION + 1
_judge_directory = judgement.judge_directory


def judge_directory(*arguments: Any) -> judgement.Judgement:
    judged = _judge_directory(*arguments)
    files = {path: dict.fromkeys(kinds, False) for path, kinds in judged.files.items()}
    return replace(judged, files=files)


if __name__ == "__main__":
    # Before any other module imports them from there.
    judgement.RULES_VERSION = VERSION
    judgement.judge_directory = judge_directory
    sys.argv[:] = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
