"""`python -m tests.faults.planted_web …`: the web server, with the defects of `planted.py`."""

from typing import Any

from django.core.signals import request_started
from django.dispatch import receiver

from config.server import serve
from tests.faults.planted import switch


# Not in `planted.py`, which tests import: this is also called for the requests of Django's client.
@receiver(request_started)
def _plant(**_: Any) -> None:
    """Switch to the defect before a request is answered."""
    switch()


if __name__ == "__main__":
    serve()
