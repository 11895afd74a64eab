"""Fields of the models."""

from typing import Any

from encrypted_fields.fields import EncryptedTextField

_FERNET_PREFIX = "gAAAAA"  # of everything that Fernet encrypts until 2106


def is_encrypted(value: str) -> bool:
    """Return whether a value of a `SecretField` is still encrypted: no key of the hub fits."""
    return value.startswith(_FERNET_PREFIX)


class SecretField(EncryptedTextField):
    """A text that is encrypted at rest. A value that no key decrypts is read as stored."""

    def get_prep_value(self, value: Any) -> Any:
        """Encrypt the value, unless it is encrypted: the right key must be able to decrypt it."""
        return value if is_encrypted(str(value)) else super().get_prep_value(value)
