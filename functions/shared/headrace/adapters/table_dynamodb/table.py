"""DynamoTable: the Table port on DynamoDB. See `ports/table` for what each method promises."""

import random
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from headrace.adapters.aws_client import AwsClient, Refused
from headrace.adapters.table_dynamodb.codec import Attribute, decode_item, encode_item
from headrace.adapters.table_dynamodb.expressions import Words, alive, write_call
from headrace.errors import HeadraceError, InvalidInput, TooLarge, Unavailable
from headrace.ports.clock import Clock
from headrace.ports.table import ABSENT, ANY, Condition, Delete, Item, Page, Put, Range, Update
from headrace.ports.table_ranges import Bounds, bounds_of, decode_cursor, encode_cursor
from headrace.ports.table_rules import (
    MAX_ITEM_BYTES,
    Key,
    Write,
    check_item,
    check_keys,
    check_limit,
    check_writes,
    outcome,
)
from headrace.times import unix_seconds

_INDEX = "gsi"
_KEYS, _INDEX_KEYS = ("pk", "sk"), ("gsi_pk", "gsi_sk")
_ATTEMPTS = 10
_AFTER_THROTTLING = timedelta(seconds=2)
_SEEN = frozenset(
    {
        "ConditionalCheckFailedException",
        "TransactionCanceledException",
        "TransactionConflictException",
        "ValidationException",
    }
)
_TRANSIENT = frozenset({"TransactionConflict", "TransactionConflictException", "None"})


class DynamoTable:
    """The DynamoDB table `name`, in the account and region that botocore finds, or in `region`; any number of threads.

    It has the keys `pk` and `sk`, the index `gsi` over `gsi_pk` and `gsi_sk` with all attributes, and time-to-live by
    `expires_at`. DynamoDB removes what has expired within days: until then `clock` decides.
    """

    def __init__(self, name: str, clock: Clock, *, region: str = "") -> None:
        self._name = name
        self._clock = clock
        self._client = AwsClient("dynamodb", what="the table store", region=region)

    def get(self, pk: str, sk: str) -> Item | None:
        """See Table.get."""
        check_keys([(pk, sk)])
        answer = self._call("get_item", Key=encode_item({"pk": pk, "sk": sk}), ConsistentRead=True)
        return self._alive(answer.get("Item"))

    def batch_get(self, keys: Sequence[Key]) -> list[Item]:
        """See Table.batch_get. What DynamoDB leaves out for its size, or to slow down, is asked for again."""
        check_keys(keys)
        if not keys:
            return []
        left = [encode_item({"pk": pk, "sk": sk}) for pk, sk in dict.fromkeys(keys)]
        found: list[Item] = []
        for _ in _attempts():
            request = {self._name: {"Keys": left, "ConsistentRead": True}}
            answer = self._client.call("batch_get_item", RequestItems=request)
            alive_ones = map(self._alive, answer["Responses"].get(self._name, ()))
            found += [item for item in alive_ones if item is not None]
            left = answer.get("UnprocessedKeys", {}).get(self._name, {}).get("Keys", [])
            if not left:
                return found
        raise Unavailable(f"the table store is unavailable: it left {len(left)} of {len(keys)} keys unread")

    def put(self, item: Item, condition: Condition = ANY) -> None:
        """See Table.put."""
        self._write([Put(item, condition)])

    def update(self, change: Update) -> Item:
        """See Table.update."""
        return decode_item(self._write([change]))

    def delete(self, pk: str, sk: str, condition: Condition = ANY) -> None:
        """See Table.delete."""
        self._write([Delete(pk, sk, condition)])

    def transact(self, writes: Sequence[Put | Update | Delete]) -> None:
        """See Table.transact. No writes are done at once."""
        self._write(writes)

    def query(
        self,
        range: Range,  # noqa: A002 - the port's word
        *,
        limit: int = 100,
        cursor: str | None = None,
        descending: bool = False,
        index: bool = False,
    ) -> Page:
        """See Table.query. Items that have expired make a page shorter; a last page may be empty."""
        check_limit(limit)
        bounds = bounds_of(range)
        words = Words()
        arguments: dict[str, Any] = {"Limit": limit, "ScanIndexForward": not descending}
        arguments |= {"IndexName": _INDEX} if index else {"ConsistentRead": True}
        if cursor is not None:
            arguments["ExclusiveStartKey"] = _start_key(cursor, range.pk, bounds, index=index)
        if bounds.high is not None and bounds.high < (bounds.low or "\0"):
            return Page([], None)  # DynamoDB refuses such bounds
        arguments["KeyConditionExpression"] = _key_condition(range, words, index=index)
        arguments["FilterExpression"] = alive(words, self._now_s())
        answer = self._call("query", **arguments, **words.arguments())
        reached = answer.get("LastEvaluatedKey")
        names = (*_INDEX_KEYS, *_KEYS) if index else _KEYS
        next_cursor = encode_cursor([reached[name]["S"] for name in names]) if reached else None
        return Page([decode_item(item) for item in answer["Items"]], next_cursor)

    def ping(self) -> None:
        """See Table.ping."""
        self._call("get_item", Key=encode_item({"pk": "ping", "sk": "ping"}))

    def purge(self) -> int:
        """Nothing: DynamoDB removes what has expired."""
        return 0

    def close(self) -> None:
        """Let the connections go; a later call makes new ones."""
        self._client.close()

    def _write(self, writes: Sequence[Write]) -> dict[str, Attribute]:
        """Do `writes`, all or none; return the attributes of the item after a single one.

        A write that DynamoDB refuses is looked at by the rules of the port: they say what is wrong, or that nothing
        is. Then another transaction was under way, or there is an item that has expired and an update has to start
        anew; it is tried again.
        """
        check_writes(writes)
        for write in writes:
            _check_values(write)
        tried = list(writes)
        for _ in _attempts():
            try:
                return self._try(tried)
            except Refused as refused:
                reasons = _reasons(refused, len(writes))
                tried = [self._next_try(write, reason) for write, reason in zip(writes, reasons, strict=True)]
        raise Unavailable("the table store is unavailable: too many writers want the same items")

    def _try(self, writes: Sequence[Write]) -> dict[str, Attribute]:
        now_s = self._now_s()
        calls = [write_call(write, now_s) for write in writes]
        if len(calls) > 1:
            actions = [{kind: arguments | {"TableName": self._name}} for kind, arguments in calls]
            self._client.call("transact_write_items", seen=_SEEN, TransactItems=actions)
        if len(calls) != 1:
            return {}
        kind, arguments = calls[0]
        how = {"ReturnValues": "ALL_NEW"} if kind == "Update" else {}
        answer = self._call(f"{kind.lower()}_item", seen=_SEEN, **arguments, **how)
        after: dict[str, Attribute] = answer.get("Attributes") or arguments.get("Item", {})
        return after

    def _next_try(self, write: Write, reason: dict[str, Any]) -> Write:
        """`write` as it should be tried again.

        Raises:
            Conflict, InvalidInput, TooLarge: why it cannot be done.
            Unavailable: DynamoDB throttles.
        """
        code = reason["Code"]
        if code in _TRANSIENT:
            return write
        if not code.startswith("ConditionalCheckFailed"):
            raise _refusal(code, reason.get("Message", ""))
        stored = reason.get("Item")
        current = self._alive(stored)
        after = outcome(write, current)
        if isinstance(write, Update):
            _check_counters(write, current)
            if stored and current is None and after is not None:
                return Put(after, ABSENT)
        return write

    def _alive(self, attributes: dict[str, Any] | None) -> Item | None:
        if not attributes:
            return None
        item = decode_item(attributes)
        return None if item.get("expires_at", self._now_s() + 1) <= self._now_s() else item

    def _now_s(self) -> int:
        return unix_seconds(self._clock.now_unix_nano())

    def _call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        return self._client.call(operation, TableName=self._name, **arguments)


def _attempts() -> Iterator[int]:
    """Counts attempts, with a wait between them that grows and differs, so that rivals do not meet again."""
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(random.uniform(0, min(1.0, 0.02 * 2**attempt)))  # noqa: S311 - jitter needs no secret
        yield attempt


def _reasons(refused: Refused, count: int) -> list[dict[str, Any]]:
    """What DynamoDB says of each write. Raises InvalidInput or TooLarge when it says something of the whole."""
    if refused.code == "ValidationException":
        raise _refusal(refused.code, refused.message)
    reasons: list[dict[str, Any]] = refused.answer.get("CancellationReasons") or []
    return reasons or [{"Code": refused.code, "Item": refused.answer.get("Item")}] * count


def _refusal(code: str, message: str) -> HeadraceError:
    if code.startswith("Validation"):
        if "size" in message:
            return TooLarge("an item", limit_bytes=MAX_ITEM_BYTES)
        return InvalidInput(f"the table store cannot take this: {message}")
    return Unavailable(f"the table store is unavailable: {code}", retry_after=_AFTER_THROTTLING)


def _check_values(write: Write) -> None:
    """What an update sets is checked before it is sent; whether the item as a whole fits, only DynamoDB knows."""
    if isinstance(write, Update):
        check_item({"pk": write.pk, "sk": write.sk, **write.set})


def _check_counters(change: Update, current: Item | None) -> None:
    for name in change.add:
        if isinstance((current or {}).get(name), float):
            raise InvalidInput(f"{name} is not a whole number, so nothing can be added to it", field=name)


def _key_condition(wanted: Range, words: Words, *, index: bool) -> str:
    partition, sort = _INDEX_KEYS if index else _KEYS
    clauses = [f"{words.name(partition)} = {words.value(wanted.pk)}"]
    if wanted.prefix:
        clauses.append(f"begins_with({words.name(sort)}, {words.value(wanted.prefix)})")
    elif wanted.low and wanted.high is not None:
        clauses.append(f"{words.name(sort)} BETWEEN {words.value(wanted.low)} AND {words.value(wanted.high)}")
    elif wanted.low:
        clauses.append(f"{words.name(sort)} >= {words.value(wanted.low)}")
    elif wanted.high is not None:
        clauses.append(f"{words.name(sort)} <= {words.value(wanted.high)}")
    return " AND ".join(clauses)


def _start_key(cursor: str, pk: str, bounds: Bounds, *, index: bool) -> dict[str, Attribute]:
    """DynamoDB refuses a place outside of the range that is asked for."""
    position = decode_cursor(cursor, pk, index=index)
    if not bounds.contain(position[1]):
        raise InvalidInput("the cursor belongs to another query", field="cursor")
    names = (*_INDEX_KEYS, *_KEYS) if index else _KEYS
    return encode_item(dict(zip(names, position, strict=True)))
