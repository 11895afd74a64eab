"""What an exporter's several directories hold together. Pure."""

from collections.abc import Iterable


def merged(values: Iterable[bool | None], *, known: bool) -> bool | None:
    """What several directories hold together.

    One that has it is enough; one that is not known leaves it open. Without a directory there is
    nothing once a snapshot is `known`, and nobody knows before.
    """
    values = list(values)
    if any(values):
        return True
    if None in values or not (values or known):
        return None
    return False
