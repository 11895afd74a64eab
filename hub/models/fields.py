"""Fields of the models."""

from datetime import datetime
from typing import Any, TypeVar

from django.db import models
from encrypted_fields.fields import EncryptedTextField

from hub import clock

# For the type checker, as in django-stubs.
_Set = TypeVar("_Set", contravariant=True)
_Get = TypeVar("_Get", covariant=True)

_FERNET_PREFIX = "gAAAAA"  # of everything that Fernet encrypts until 2106


def is_encrypted(value: str) -> bool:
    """Return whether a value of a `SecretField` is still encrypted: no key of the hub fits."""
    return value.startswith(_FERNET_PREFIX)


class SecretField(EncryptedTextField):
    """A text that is encrypted at rest. A value that no key decrypts is read as stored."""

    def get_prep_value(self, value: Any) -> Any:
        """Encrypt the value, unless it is encrypted: the right key must be able to decrypt it."""
        return value if is_encrypted(str(value)) else super().get_prep_value(value)


class PastDateTimeField(models.DateTimeField[_Set, _Get]):
    """The time of an event. It is never in the future when it is read: see `hub.clock`."""

    def from_db_value(self, value: datetime | None, *_: object) -> datetime | None:
        """Return the current time instead of a later one."""
        return value and min(value, clock.now())
