"""Hash passwords in threads of their own, with the lowest priority."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

from django.contrib.auth.hashers import PBKDF2PasswordHasher

MAX_AT_A_TIME = 2  # in each process; a hash takes a third of a second of CPU time


def _lower_priority() -> None:
    if sys.platform == "linux":  # elsewhere it would apply to the whole process
        os.nice(19)


_threads = ThreadPoolExecutor(MAX_AT_A_TIME, "password", _lower_priority)


class LowPriorityPasswordHasher(PBKDF2PasswordHasher):
    """Django's default hasher, which does not take CPU time from readers.

    OpenSSL releases the GIL, so hashes compete with the web server's threads only for the cores.
    """

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        """Return the hash as Django stores it."""
        return _threads.submit(super().encode, password, salt, iterations).result()
