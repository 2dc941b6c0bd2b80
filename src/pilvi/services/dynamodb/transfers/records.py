"""What is stored of imports and exports: how far they have come, and the objects that they read or wrote."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from pilvi.base.arn import Scope
from pilvi.identity.principal import Principal
from pilvi.services.dynamodb.records import TableRecord, scope_home
from pilvi.store.collection import Collection
from pilvi.store.keys import Key

Status = Literal["IN_PROGRESS", "COMPLETED", "FAILED"]


class Place(msgspec.Struct, frozen=True):
    """How far an import has read: `offset` bytes of the text of object number `file`, `index` items of it.

    `header`: the attributes that a CSV's first line names.
    """

    file: int = 0
    offset: int = 0
    index: int = 0
    header: tuple[str, ...] = ()


class Import(msgspec.Struct, frozen=True):
    """One import. `principal`: in whose name S3 and CloudWatch Logs are asked. `source`, `options` and `table`: as
    the request had them. `listed`: whether all objects are known; until then `token` tells where the list goes on.
    `begun`: whether the first object was opened."""

    id: str
    account: str
    region: str
    partition: str
    table_name: str
    table_id: str
    principal: Principal
    request_id: str
    token: str
    digest: bytes
    format: str
    compression: str
    source: dict[str, Any]
    table: dict[str, Any]
    started_at_ms: int
    options: dict[str, Any] | None = None
    status: Status = "IN_PROGRESS"
    ended_at_ms: int | None = None
    listing: str | None = None
    listed: bool = False
    files: int = 0
    begun: bool = False
    place: Place = Place()
    processed: int = 0
    imported: int = 0
    errors: int = 0
    size: int = 0
    failure_code: str = ""
    failure_message: str = ""

    @property
    def scope(self) -> Scope:
        return Scope(self.account, self.region, self.partition)

    @property
    def home(self) -> Key:
        return scope_home(self.scope)

    @property
    def table_arn(self) -> str:
        return f"arn:{self.partition}:dynamodb:{self.region}:{self.account}:table/{self.table_name}"

    @property
    def arn(self) -> str:
        return f"{self.table_arn}/import/{self.id}"


class Source(msgspec.Struct, frozen=True):
    """One object that an import reads."""

    number: int
    key: str
    etag: str


class Named(msgspec.Struct, frozen=True):
    """Which transfer a job goes on with."""

    account: str
    region: str
    id: str


imports = Collection(
    "dynamodb.import",
    Import,
    key=lambda one: (one.id,),
    indexes={
        "table": lambda one: (one.table_name,),
        "token": lambda one: (one.token,),
        "active": lambda one: () if one.status == "IN_PROGRESS" else None,
    },
)
"""Home: the scope. Ids grow with time."""

sources = Collection("dynamodb.import_source", Source, key=lambda one: (one.number,))
"""Home: `parts_home` of the import. Gone when it has ended."""


class Span(msgspec.Struct, frozen=True):
    """What an incremental export tells: changes behind one instant, up to another. `since_ms`: inclusive, `until_ms`:
    exclusive, as they were asked for. `view`: NEW_IMAGE or NEW_AND_OLD_IMAGES."""

    since_ms: int
    until_ms: int
    since: tuple[int, int]
    view: str


class Export(msgspec.Struct, frozen=True):
    """One export. `table`: as it was held, to be read as of `instant`. `place`: the item behind which the next file
    begins; `read` when there is none. `filter`: the FilterSpecification. `upload`: key and id of the multipart upload
    under way; the id is empty until it is known."""

    id: str
    table: TableRecord
    principal: Principal
    request_id: str
    token: str
    digest: bytes
    format: str
    bucket: str
    instant: tuple[int, int]
    at_ms: int
    started_at_ms: int
    prefix: str | None = None
    bucket_owner: str | None = None
    encryption: str = "AES256"
    encryption_key: str | None = None
    span: Span | None = None
    filter: dict[str, Any] | None = None
    status: Status = "IN_PROGRESS"
    ended_at_ms: int | None = None
    begun: bool = False
    place: bytes | None = None
    read: bool = False
    files: int = 0
    items: int = 0
    size: int = 0
    upload: tuple[str, str] | None = None
    failure_code: str = ""
    failure_message: str = ""

    @property
    def scope(self) -> Scope:
        return self.table.scope

    @property
    def home(self) -> Key:
        return scope_home(self.scope)

    @property
    def arn(self) -> str:
        return f"{self.table.arn}/export/{self.id}"

    @property
    def folder(self) -> str:
        """Below it lies all that exports with this prefix write."""
        prefix = (self.prefix or "").removesuffix("/")
        return f"{prefix}/AWSDynamoDB" if prefix else "AWSDynamoDB"

    @property
    def manifest(self) -> str:
        return f"{self.folder}/{self.id}/manifest-summary.json"


class DataFile(msgspec.Struct, frozen=True):
    """One file that an export has written. `md5`: of what lies in the bucket, in base64."""

    number: int
    key: str
    items: int
    md5: str
    etag: str


exports = Collection(
    "dynamodb.export",
    Export,
    key=lambda one: (one.id,),
    indexes={
        "table": lambda one: (one.table.name,),
        "token": lambda one: (one.token,),
        "active": lambda one: () if one.status == "IN_PROGRESS" else None,
    },
)
"""Home: the scope. Ids grow with time."""

data_files = Collection("dynamodb.export_file", DataFile, key=lambda one: (one.number,))
"""Home: `parts_home` of the export. Gone when it has ended."""


def parts_home(scope: Scope, id: str) -> Key:
    return (scope.account, scope.region, "dynamodb.transfer", id)
