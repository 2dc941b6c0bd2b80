"""PynamoDB, from PyPI, unchanged but for the endpoint: models, queries, indexes, batches, transactions, versions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pynamodb.attributes import (
    BinaryAttribute,
    BooleanAttribute,
    JSONAttribute,
    ListAttribute,
    MapAttribute,
    NumberAttribute,
    NumberSetAttribute,
    TTLAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
    UTCDateTimeAttribute,
    VersionAttribute,
)
from pynamodb.connection import Connection
from pynamodb.exceptions import (
    DeleteError,
    DoesNotExist,
    PutError,
    QueryError,
    TransactWriteError,
    UpdateError,
)
from pynamodb.indexes import (
    AllProjection,
    GlobalSecondaryIndex,
    IncludeProjection,
    KeysOnlyProjection,
    LocalSecondaryIndex,
)
from pynamodb.models import Model
from pynamodb.transactions import TransactGet, TransactWrite

from persons import Person

WHEN = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


class Address(MapAttribute[Any, Any]):
    street = UnicodeAttribute()
    number = NumberAttribute(null=True)


class ByStatus(GlobalSecondaryIndex[Any]):
    class Meta:
        index_name = "by_status"
        projection = AllProjection()
        billing_mode = "PAY_PER_REQUEST"

    status = UnicodeAttribute(hash_key=True)
    total = NumberAttribute(range_key=True)


class ByPlaced(LocalSecondaryIndex[Any]):
    class Meta:
        index_name = "by_placed"
        projection = IncludeProjection(["status"])

    customer = UnicodeAttribute(hash_key=True)
    placed_at = UTCDateTimeAttribute(range_key=True)


class ByNote(GlobalSecondaryIndex[Any]):
    class Meta:
        index_name = "by_note"
        projection = KeysOnlyProjection()
        billing_mode = "PAY_PER_REQUEST"

    note = UnicodeAttribute(hash_key=True)


class Base(Model):
    customer = UnicodeAttribute(hash_key=True)
    number = NumberAttribute(range_key=True)
    status = UnicodeAttribute(default="new")
    total = NumberAttribute(default=0)
    placed_at = UTCDateTimeAttribute(default=WHEN)
    note = UnicodeAttribute(null=True)
    paid = BooleanAttribute(default=False)
    image = BinaryAttribute(null=True, legacy_encoding=False)
    tags = UnicodeSetAttribute(null=True)
    sizes = NumberSetAttribute(null=True)
    address = Address(null=True)
    lines = ListAttribute[Any](null=True)
    extra = JSONAttribute(null=True)
    ends_at = TTLAttribute(null=True)
    by_status = ByStatus()
    by_placed = ByPlaced()
    by_note = ByNote()


@pytest.fixture
def meta(endpoint: str, ann: Person) -> dict[str, Any]:
    return {"host": endpoint, "region": "us-east-1", **ann.keys}


@pytest.fixture
def orders(meta: dict[str, Any]) -> Any:
    """A model, as an application writes it, with its table."""
    own = {"table_name": "orders", "billing_mode": "PAY_PER_REQUEST", **meta}
    model = type("Order", (Base,), {"Meta": type("Meta", (), own)})
    assert not model.exists()
    model.create_table(wait=True)
    assert model.exists()
    assert model.describe_table()["TableStatus"] == "ACTIVE"
    return model


def test_what_was_saved_is_loaded(orders: Any) -> None:
    order = orders(
        "ann",
        1,
        total=12.5,
        image=b"\x00\xff",
        tags={"a", "b"},
        sizes={1, 2.5},
        address=Address(street="Kuja", number=7),
        lines=["one", 2, {"three": [3, None]}],
        extra={"a": [1, "b"]},
        ends_at=timedelta(hours=1),
        note="ü\U0001f600",
    )
    order.save()
    found = orders.get("ann", 1, consistent_read=True)
    assert found.serialize() == order.serialize()
    assert (found.image, found.sizes, found.placed_at) == (b"\x00\xff", {1, 2.5}, WHEN)
    assert (found.address.street, found.lines[2]) == ("Kuja", {"three": [3, None]})
    found.paid = True
    found.save()
    order.refresh()
    assert order.paid is True
    with pytest.raises(DoesNotExist):
        orders.get("ann", 2)


def test_conditions_hold(orders: Any) -> None:
    order = orders("ann", 1, total=10, tags={"a"}, lines=[1])
    order.save(orders.customer.does_not_exist())
    with pytest.raises(PutError) as put:
        order.save(orders.customer.does_not_exist())
    assert put.value.cause_response_code == "ConditionalCheckFailedException"
    order.update(
        actions=[
            orders.total.set(orders.total + 5),
            orders.status.set(orders.note | "unnoted"),
            orders.tags.add({"b"}),
            orders.lines.set(orders.lines.append([2])),
            orders.note.remove(),
        ],
        condition=(orders.total >= 10) & orders.tags.contains("a") & ~orders.note.exists(),
    )
    assert (order.total, order.status, order.tags) == (15, "unnoted", {"a", "b"})
    assert order.lines == [1, 2]
    with pytest.raises(UpdateError):
        order.update(actions=[orders.total.set(0)], condition=orders.total.between(1, 14))
    with pytest.raises(DeleteError):
        order.delete(orders.status.is_in("new", "old") | ~orders.lines[0].exists())
    order.delete(orders.status.startswith("un"))
    assert orders.count("ann") == 0


def test_queries_and_indexes(orders: Any) -> None:
    with orders.batch_write() as batch:
        for number in range(60):
            batch.save(
                orders(
                    "ann" if number % 2 else "bob",
                    number,
                    status="open" if number % 3 else "done",
                    total=number * 10,
                    placed_at=WHEN - timedelta(days=number),
                    note="rare" if number == 7 else None,
                )
            )
    assert orders.count() == 60
    found = orders.query("ann", orders.number.between(10, 20), scan_index_forward=False)
    assert [order.number for order in found] == [19, 17, 15, 13, 11]
    done = orders.by_status.query("done", orders.total > 500, filter_condition=orders.paid == False)  # noqa: E712
    assert [order.number for order in done] == [51, 54, 57]
    newest = orders.by_placed.query("bob", limit=2, scan_index_forward=False)
    assert [(order.number, order.status, order.total) for order in newest] == [
        (0, "done", 0),
        (2, "open", 0),
    ]
    assert [order.number for order in orders.by_note.query("rare")] == [7]
    assert [order.number for order in orders.by_note.scan()] == [7]
    first = orders.query("bob", page_size=4, limit=7)
    numbers = [order.number for order in first]
    rest = orders.query("bob", last_evaluated_key=first.last_evaluated_key)
    assert numbers + [order.number for order in rest] == list(range(0, 60, 2))
    segments = [orders.scan(segment=segment, total_segments=3) for segment in range(3)]
    assert sorted(order.number for segment in segments for order in segment) == list(range(60))
    assert orders.count("ann", filter_condition=orders.total.is_in(10, 30)) == 2
    with pytest.raises(QueryError):
        list(orders.query("ann", filter_condition=orders.number == 1))
    wanted = [("ann", number) for number in (1, 3, 5, 61)]
    assert sorted(order.number for order in orders.batch_get(wanted)) == [1, 3, 5]
    with orders.batch_write() as batch:
        for order in orders.scan():
            batch.delete(order)
    assert orders.count() == 0


def test_transactions(orders: Any, meta: dict[str, Any]) -> None:
    connection = Connection(**meta)
    orders("ann", 1, total=10).save()
    orders("ann", 2).save()
    with TransactWrite(connection=connection, client_request_token="once") as transaction:
        transaction.save(orders("ann", 3), condition=orders.customer.does_not_exist())
        transaction.update(orders("ann", 1), actions=[orders.total.add(1)])
        transaction.delete(orders("ann", 2))
        transaction.condition_check(orders, "bob", 1, condition=orders.customer.does_not_exist())
    with TransactGet(connection=connection) as transaction:
        futures = [transaction.get(orders, "ann", number) for number in (1, 2, 3)]
    assert futures[0].get().total == 11
    with pytest.raises(DoesNotExist):
        futures[1].get()
    assert futures[2].get().status == "new"
    refusing = TransactWrite(connection=connection)
    refusing.save(orders("ann", 9))
    refusing.delete(orders("ann", 1), condition=orders.total == 0)
    with pytest.raises(TransactWriteError) as refused, refusing:
        pass
    assert refused.value.cause_response_code == "TransactionCanceledException"
    reasons = refused.value.cancellation_reasons
    assert [reason and reason.code for reason in reasons] == ["ConditionalCheckFailed", None]
    assert orders.count("ann") == 2


def test_versions_of_items(meta: dict[str, Any]) -> None:
    """Whoever writes an old version is refused."""

    attributes = {
        "id": UnicodeAttribute(hash_key=True),
        "text": UnicodeAttribute(default=""),
        "version": VersionAttribute(),
        "Meta": type("Meta", (), {"table_name": "pages", **meta}),
    }
    Page: Any = type("Page", (Model,), attributes)
    with pytest.raises(PutError, match="Requested resource not found"):
        Page("1").save()
    Page.create_table(read_capacity_units=2, write_capacity_units=2, wait=True)
    Page("1").save()
    mine, theirs = Page.get("1"), Page.get("1")
    theirs.update(actions=[Page.text.set("theirs")])
    mine.text = "mine"
    with pytest.raises(PutError):
        mine.save()
    mine.refresh()
    assert (mine.text, mine.version) == ("theirs", 2)
    mine.delete()
    Page.delete_table()
