"""Keys for other services: the answer to `contracts.keys.Keys`.

Each question becomes a request to KMS from inside, so it is decided, validated and handled like any other; all that
is different is what it tells of who asks through whom.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pilvi.base.errors import AwsError
from pilvi.contracts.keys import (
    DataKey,
    Decrypted,
    Encrypted,
    KeyDescription,
    KeyNotUsable,
    KeyUser,
)
from pilvi.identity.principal import service_itself
from pilvi.kit import execution
from pilvi.kit.call import Call
from pilvi.kit.cloud import Cloud
from pilvi.kit.service import no_body
from pilvi.services.kms import records
from pilvi.services.kms.keyring import Keyring
from pilvi.services.kms.rules import names


class KmsKeys:
    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    async def generate_data_key(
        self, key: str, context: Mapping[str, str], *, by: KeyUser, size_bytes: int = 32
    ) -> DataKey:
        asked = {"KeyId": key, "EncryptionContext": dict(context), "NumberOfBytes": size_bytes}
        made = await self._ask("GenerateDataKey", asked, by, key)
        return DataKey(made["Plaintext"], made["CiphertextBlob"], made["KeyId"])

    async def encrypt(
        self, key: str, plaintext: bytes, context: Mapping[str, str], *, by: KeyUser
    ) -> Encrypted:
        asked = {"KeyId": key, "EncryptionContext": dict(context), "Plaintext": plaintext}
        made = await self._ask("Encrypt", asked, by, key)
        return Encrypted(made["CiphertextBlob"], made["KeyId"])

    async def decrypt(
        self, ciphertext: bytes, context: Mapping[str, str], *, by: KeyUser, key: str | None = None
    ) -> Decrypted:
        asked: dict[str, Any] = {"CiphertextBlob": ciphertext, "EncryptionContext": dict(context)}
        if key is not None:
            asked["KeyId"] = key
        opened = await self._ask("Decrypt", asked, by)
        return Decrypted(opened["Plaintext"], opened["KeyId"])

    async def describe(self, key: str, *, by: KeyUser) -> KeyDescription:
        told = (await self._ask("DescribeKey", {"KeyId": key}, by, key))["KeyMetadata"]
        return KeyDescription(
            arn=told["Arn"],
            id=told["KeyId"],
            state=told["KeyState"],
            usage=told["KeyUsage"],
            spec=told["KeySpec"],
            aws_managed=told["KeyManager"] == "AWS",
        )

    async def entrust(
        self,
        key: str,
        operations: Iterable[str],
        *,
        by: KeyUser,
        source_arn: str,
        context: Mapping[str, str] | None = None,
    ) -> str:
        described = await self.describe(key, by=by)  # grants are made of keys, not of aliases
        service = f"{by.service}.{by.scope.region}.amazonaws.com"
        constraints: dict[str, Any] = {"SourceArn": source_arn}
        if context:
            constraints["EncryptionContextSubset"] = dict(context)
        asked = {
            "KeyId": described.arn,
            "GranteeServicePrincipal": service,
            "RetiringServicePrincipal": service,
            "Operations": list(operations),
            "Constraints": constraints,
        }
        made = await self._ask("CreateGrant", asked, by)
        return str(made["GrantId"])

    async def release(self, key: str, grant_id: str, *, by: KeyUser) -> None:
        itself = KeyUser(by.service, by.scope, None, by.source_arn)
        try:
            await self._ask("RetireGrant", {"KeyId": key, "GrantId": grant_id}, itself)
        except KeyNotUsable as error:
            # To a service, as to any stranger, a grant that does not exist is one that it may not retire.
            if not error.denied:
                raise

    async def _ask(
        self, operation: str, params: dict[str, Any], by: KeyUser, key: str = ""
    ) -> dict[str, Any]:
        """`key`: as the question names it, where the service's own key may have to be made first.

        Raises: KeyNotUsable.
        """
        found = self._cloud.operation("kms", operation)
        call = self._call(found, by)
        try:
            if key:
                await self._make_own(call, by, key)
            return await execution.perform(call, found, params, no_body())
        except AwsError as error:
            raise KeyNotUsable(error.code, error.text) from error

    def _call(self, operation: Any, by: KeyUser) -> Call:
        served = by.call
        if served is None:
            call = self._cloud.call(
                operation,
                scope=by.scope,
                principal=service_itself(by.service),
                request_id=self._cloud.entropy.uuid(),
            )
            call.source_arn = by.source_arn
            return call
        call = self._cloud.call(
            operation,
            scope=by.scope,
            principal=served.principal,
            request_id=served.request_id,
            request=served.request,
            parent=served.parent,
        )
        call.via = by.service
        call.headers = served.headers  # an audit tells of what the service asked for, too
        return call

    async def _make_own(self, call: Call, by: KeyUser, key: str) -> None:
        """The key of a service, `alias/aws/<service>`, is made when that service first asks for it."""
        own = names.AWS_ALIASES + by.service
        if key != own and key != names.arn_of(by.scope, own):
            return
        home = records.home(by.scope)
        if await call.view(lambda at: records.aliases.find(at, home, own)) is None:
            ring = Keyring.of(call)
            await call.transact(lambda tx: ring.make_managed(tx, key))
