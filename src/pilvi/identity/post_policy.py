"""Who vouches for a form: a browser's POST to S3 is signed over a document inside it, not over the request.

Only the gateway knows whether keys that it did not issue are taken, and which pages may use them; so it hands the
service a `Vouch`, which `Authenticator.authenticate_document` stands behind.
AWS: S3 API Reference, "Authenticating requests in browser-based uploads using POST".
"""

from __future__ import annotations

from typing import Protocol

from pilvi.identity.authenticator import Authenticated


class Vouch(Protocol):
    async def __call__(
        self,
        *,
        credential_text: str,
        timestamp: str | None,
        document: str,
        given_signature: str,
        token: str | None,
    ) -> Authenticated:
        """`timestamp`: None for Signature Version 2, whose `credential_text` is the key alone.

        Raises: as `Authenticator.authenticate`; AccessDenied for a page that may not use these keys."""
        ...
