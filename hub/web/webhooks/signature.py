"""GitHub's signature of a delivery (GitHub Docs, "Validating webhook deliveries")."""

import hashlib
import hmac


def sign(secret: str, body: bytes) -> str:
    """The header that GitHub sends with `body`."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def verify(secret: str, body: bytes, header: str) -> bool:
    """Whether `header` is the signature of `body`, in constant time; never without a secret."""
    # As bytes, for `compare_digest` refuses text that is not ASCII.
    header_bytes = header.encode("utf-8", "replace")
    return bool(secret) and hmac.compare_digest(sign(secret, body).encode(), header_bytes)
