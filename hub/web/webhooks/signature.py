"""GitHub's signature of a delivery. Pure.

GitHub Docs, "Validating webhook deliveries": HMAC-SHA256 of the body under the shared secret.
"""

import hashlib
import hmac


def sign(secret: str, body: bytes) -> str:
    """The header that GitHub sends with `body`."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def verify(secret: str, body: bytes, header: str) -> bool:
    """Whether `header` (X-Hub-Signature-256) is the signature of `body`.

    Takes the same time wherever the two differ. An empty secret signs nothing.
    """
    if not secret:
        return False
    # As bytes, for `compare_digest` refuses text that is not ASCII, and a header may hold any.
    return hmac.compare_digest(sign(secret, body).encode(), header.encode("utf-8", "replace"))
