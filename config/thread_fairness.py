"""Under full load, the web's threads take turns at the interpreter: no reader waits for long.

A thread that has answered gives up the interpreter and, with the next request at hand, takes it
again before another has woken up. The others do not get it by force either: CPython forces a switch
after waiting 5 ms without one (`sys.setswitchinterval`), and each giving up begins that wait anew.
So a request that came first waited for more than a second while thousands were answered; shorter
intervals ended that too, and halved what is answered in a second.
"""

from collections.abc import Iterable
from time import monotonic, sleep
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

# Seconds: a wait of a few turns at worst, and less than a twentieth of the time given away.
EVERY = 0.002
# Seconds; any sleep lasts longer, by what the system rounds up: enough for another to wake up.
_ASLEEP = 1e-6


class TakingTurns:
    """Has the thread that answers step aside for a moment, every two milliseconds while busy."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application
        self._last = monotonic()
        self._answered = 0  # since then; it need not be exact

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        answer = self._application(environ, start_response)
        self._answered += 1
        now = monotonic()
        if now - self._last >= EVERY:
            busy = self._answered > 1
            self._last, self._answered = now, 0
            if busy:
                sleep(_ASLEEP)
        return answer
