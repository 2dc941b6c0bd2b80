"""The public keys of identity providers, by which their tokens are verified."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any, Protocol


class KeysUnavailable(Exception):
    """The provider's keys cannot be had: it does not answer, is not trusted, or answers nonsense."""


class ProviderKeys(Protocol):
    def keys_of(
        self, issuer_url: str, *, thumbprints: Sequence[str], key_id: str | None
    ) -> Awaitable[dict[str, Any]]:
        """The JSON Web Key Set of an issuer. `issuer_url`: as the token has it, https and all. `thumbprints`: SHA-1 of
        certificates to trust beside the machine's authorities. `key_id`: asked for again when it is not known.

        Raises: KeysUnavailable.
        """
        ...
