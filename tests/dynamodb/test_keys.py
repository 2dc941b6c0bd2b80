"""Keys sort as DynamoDB sorts items: the one thing every Query rests on."""

from __future__ import annotations

from base64 import b64encode
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilvi.base.errors import AwsError
from pilvi.services.dynamodb import keys, numbers
from pilvi.store.keys import after, pack, unpack

decimals = st.builds(
    lambda digits, exponent: Decimal(digits).scaleb(exponent),
    st.integers(-(10**38) + 1, 10**38 - 1) | st.integers(-1300, 1300),
    st.integers(-90, 80) | st.integers(-4, 4),
)
"""Over the whole range, and many that begin with the same digits."""
strings = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
binaries = st.binary(max_size=8)


def number_text(number: Decimal) -> str:
    return numbers.canonical(str(number))


@given(st.lists(decimals, min_size=2, max_size=20))
def test_numbers_sort_by_value(values: list[Decimal]) -> None:
    parts = sorted(keys.number_part(number_text(value)) for value in values)
    assert parts == [keys.number_part(number_text(value)) for value in sorted(values)]


@given(
    st.integers(1, 9999),
    st.text("0123456789", max_size=4),
    st.integers(-3, 3),
    st.sampled_from("+-"),
)
def test_numbers_that_begin_alike_sort_by_value(
    head: int, tail: str, exponent: int, sign: str
) -> None:
    """1.2 and 1.23, -1.2 and -1.23: where one encoding begins as the other does."""
    short = Decimal(f"{sign}{head}e{exponent}")
    long = Decimal(f"{sign}{head}.{tail}e{exponent}")
    one, two = (keys.number_part(number_text(value)) for value in (short, long))
    assert (one < two, one > two) == (short < long, short > long)


@given(decimals)
def test_the_canonical_text_is_the_number_and_the_only_one(value: Decimal) -> None:
    text = number_text(value)
    assert Decimal(text) == value
    assert numbers.canonical(text) == text
    assert numbers.canonical(f"{value:e}") == text
    assert "e" not in text.lower()


@given(decimals, decimals)
def test_sums_are_exact_or_refused(left: Decimal, right: Decimal) -> None:
    """38 digits: a sum that needs more is an error, never a rounded number."""
    from fractions import Fraction

    try:
        found = numbers.add(number_text(left), number_text(right))
    except AwsError:
        return
    assert Fraction(found) == Fraction(left) + Fraction(right)
    assert numbers.canonical(found) == found


@given(st.lists(strings, min_size=2, max_size=20))
def test_strings_sort_by_their_utf8(values: list[str]) -> None:
    assert sorted(values, key=keys.string_part) == sorted(values, key=str.encode)


@given(st.lists(binaries, min_size=2, max_size=20))
def test_binaries_sort_by_unsigned_bytes(values: list[bytes]) -> None:
    assert sorted(values, key=lambda raw: keys.binary_part(b64encode(raw).decode())) == sorted(
        values
    )


@given(strings.filter(bool), strings)
def test_the_span_of_a_prefix_holds_exactly_what_begins_so(prefix: str, text: str) -> None:
    start, end = keys.prefix_span(keys.string_part(prefix))
    assert (start <= keys.string_part(text) < end) == text.startswith(prefix)


@given(binaries.filter(bool), binaries)
def test_the_span_of_a_binary_prefix_too(prefix: bytes, raw: bytes) -> None:
    start, end = keys.prefix_span(keys.binary_part(b64encode(prefix).decode()))
    assert (start <= keys.binary_part(b64encode(raw).decode()) < end) == raw.startswith(prefix)


@given(strings, decimals, strings)
def test_an_items_key_is_a_key_of_the_store(hash_key: str, range_key: Decimal, other: str) -> None:
    """`store.keys` can take it apart, and all of one partition lies in one span that no other enters."""
    base = keys.partition(keys.string_part(hash_key))
    key = base + keys.number_part(number_text(range_key))
    assert pack(unpack(key)) == key
    assert base <= key < after(base)
    elsewhere = keys.partition(keys.string_part(other)) + keys.number_part("1")
    assert (base <= elsewhere < after(base)) == (hash_key == other)


@given(strings, st.integers(1, 1_000_000))
def test_a_partition_is_in_one_segment_only(hash_key: str, total: int) -> None:
    key = keys.partition(keys.string_part(hash_key))
    bucket = keys.bucket_of(key, 0)
    assert 0 <= bucket < keys.BUCKETS
    assert keys.bucket_bound(bucket) <= key < keys.bucket_bound(bucket + 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "The parameter cannot be converted to a numeric value"),
        ("abc", "The parameter cannot be converted to a numeric value: abc"),
        ("1_000", "The parameter cannot be converted to a numeric value: 1_000"),
        ("NaN", "The parameter cannot be converted to a numeric value: NaN"),
        ("٣", "The parameter cannot be converted to a numeric value: ٣"),
        (" 1", "The parameter cannot be converted to a numeric value:  1"),
        (
            "1E126",
            "Number overflow. Attempting to store a number with magnitude larger than supported range",
        ),
        (
            "-1E-131",
            "Number underflow. Attempting to store a number with magnitude smaller than supported range",
        ),
        ("1" * 39, "Attempting to store more than 38 significant digits in a Number"),
    ],
)
def test_what_is_no_number(text: str, message: str) -> None:
    with pytest.raises(AwsError) as refused:
        numbers.canonical(text)
    assert refused.value.text == message


@pytest.mark.parametrize(
    ("text", "canonical", "size"),
    [
        ("1.0", "1", 2),
        ("-0", "0", 1),
        ("+5", "5", 2),
        (".5", "0.5", 2),
        ("0001.2300", "1.23", 3),
        ("1e3", "1000", 2),
        ("-12345", "-12345", 5),
        ("1" * 38, "1" * 38, 20),
    ],
)
def test_numbers_are_kept_one_way(text: str, canonical: str, size: int) -> None:
    assert numbers.measured(text) == (canonical, size)
