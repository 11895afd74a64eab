"""Run pgbouncer in transaction mode in front of a Postgres."""

import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from hub.ops.local.ports import is_free
from tests.common.waiting import wait_until


def find_pgbouncer() -> str | None:
    """Return the path of the program; None if it is not installed."""
    return shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")


class Pgbouncer:
    """A context manager. It does not run as root, so every user must be able to reach `folder`."""

    def __init__(self, folder: Path, database_url: str, port: int, *, pool_size: int) -> None:
        self._port, self._log = port, folder / "pgbouncer.log"
        self._config = folder / "pgbouncer.ini"
        database = urlsplit(database_url)
        self._config.write_text(
            f"[databases]\n* = host=127.0.0.1 port={database.port} user={database.username} "
            f"password={database.password}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            f"auth_type = any\npool_mode = transaction\ndefault_pool_size = {pool_size}\n"
            "server_login_retry = 1\n"  # seconds; by default, 15 after a failed connection
        )
        self._config.chmod(0o644)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        program = find_pgbouncer()
        assert program, "pgbouncer is missing: sudo apt install pgbouncer"
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        with self._log.open("ab") as log:
            command = [program, *user, str(self._config)]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_until(lambda: not is_free(self._port), f"pgbouncer to listen: see {self._log}")

    def kill(self) -> None:
        """Kill it, to simulate a crash."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> "Pgbouncer":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
