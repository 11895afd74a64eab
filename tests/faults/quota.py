"""A folder with a quota: an in-memory file system, which uses only the memory that it needs."""

import os
import re
import subprocess
from pathlib import Path
from typing import Self

from tests.common.waiting import wait_until

_AMPLE = 4 * 2**30  # bytes; only written data uses memory
_CAP_SYS_ADMIN = 21  # number of the Linux capability to mount


def may_mount() -> bool:
    """Return whether this process may mount on Linux."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return False
    rights = re.search(r"^CapEff:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return rights is not None and bool(int(rights[1], 16) >> _CAP_SYS_ADMIN & 1)


class Quota:
    """An in-memory file system that is mounted over a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def over(cls, folder: Path) -> Self | None:
        """Mount a file system over an empty folder; return None if that is not allowed."""
        mode = f"{folder.stat().st_mode & 0o777:o}"
        if not _mount("-t", "tmpfs", "-o", f"size={_AMPLE},mode={mode}", "tmpfs", str(folder)):
            return None
        return cls(folder)

    def use_up(self) -> None:
        """Reduce the quota to the used space."""
        wait_until(self._shrink, "the quota to be used up")

    def _shrink(self) -> bool:
        now = os.statvfs(self._folder)
        used = (now.f_blocks - now.f_bfree) * now.f_frsize
        return self._set(used)  # fails if more was written in the meantime

    def lift(self) -> None:
        """Restore the original quota."""
        assert self._set(_AMPLE)

    def _set(self, size: int) -> bool:
        return _mount("-o", f"remount,size={size}", str(self._folder))

    def unmount(self) -> None:
        """Unmount the file system as soon as no process uses it."""
        subprocess.run(["umount", "--lazy", str(self._folder)], check=True)


def _mount(*arguments: str) -> bool:
    try:
        done = subprocess.run(["mount", *arguments], capture_output=True, check=False)
    except FileNotFoundError:
        return False
    return done.returncode == 0
