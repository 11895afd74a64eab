"""Two triggers at once give one run."""

import os
import subprocess
import sys
import textwrap

from hub.models import RefreshRun, RunStatus
from tests.common.processes import ROOT, database_url
from tests.conftest import Hub

ROUNDS = 50
# A process that starts a run at each line it reads, and answers with the run's number.
TRIGGER = textwrap.dedent(
    """
    import os, sys, django
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    django.setup()
    from hub.contents import dispatch
    from hub.contents.runs import start_run
    dispatch.list_directories = lambda run_id: True  # the run stays open: no worker takes it
    print("ready", flush=True)
    for _ in sys.stdin:
        started = start_run("command")
        print(started.run.pk, started.begun, flush=True)
    """
)


def test_two_processes_fifty_times(hub: Hub) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", TRIGGER],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": database_url()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    try:
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        for _ in range(ROUNDS):
            for process in processes:
                process.stdin.write("go\n")
            for process in processes:
                process.stdin.flush()
            answers = [process.stdout.readline().split() for process in processes]
            assert answers[0][0] == answers[1][0]
            assert sorted(answer[1] for answer in answers) == ["False", "True"]
            RefreshRun.objects.get(finished_at__isnull=True).finish(RunStatus.FAILED)
    finally:
        for process in processes:
            process.stdin.close()
            process.wait(10)
    assert RefreshRun.objects.count() == ROUNDS
