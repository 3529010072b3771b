"""Reading the body of a request, and saying of every field that is wrong what it must be.

msgspec decides what is right, and tells the first fault in words of its own. Who asked is told all
of them, each with its path (`events[3].rating`), in the voice of the parameters' errors.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec
from litestar import Request
from msgspec import ValidationError, inspect

from .problems import FieldError, UnreadableBody, invalid_fields

MOST_FAULTS = 20
"""More of them are not told at once."""

_LONGEST_VALUE = 80
_BODY = "body"

Struct = TypeVar("Struct", bound=msgspec.Struct)


async def read_body(request: Request[Any, Any, Any], type: type[Struct]) -> Struct:
    """The body as a struct.

    Raises UnreadableBody where it is no JSON, and the 422 that names every field that is wrong.
    """
    body = await request.body()
    if not body:
        raise UnreadableBody("A body is needed: a JSON object.")
    try:
        return msgspec.json.decode(body, type=type)
    except ValidationError as error:
        value, first = _decoded(body), str(error)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _unreadable(error) from None
    raise invalid_fields(body_faults(value, type) or [FieldError(_BODY, first)])


def body_faults(value: object, type: type[msgspec.Struct]) -> list[FieldError]:
    """What of a decoded body the struct does not allow, at most `MOST_FAULTS`; empty if nothing."""
    found = []
    for fault in _faults(value, inspect.type_info(type), type, ""):
        found.append(fault)
        if len(found) == MOST_FAULTS:
            break
    return found


def _decoded(body: bytes) -> object:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _unreadable(error) from None


def _unreadable(error: Exception) -> UnreadableBody:
    return UnreadableBody(f"The body is no JSON that can be read: {error}.")


def _faults(value: Any, info: inspect.Type, annotation: Any, at: str) -> Iterator[FieldError]:
    """Where a value is not what the annotation says; `info` is the annotation taken apart."""
    info = _plain(info)
    try:
        msgspec.convert(value, annotation)
    except ValidationError as error:
        whole = str(error)
    else:
        return
    if isinstance(info, inspect.StructType) and isinstance(value, dict):
        found = list(_faults_of_fields(value, info, at))
        # A struct's own rule, of several fields together, has no field to blame.
        yield from found or [FieldError(at or _BODY, whole)]
        return
    items = info.item_type if isinstance(info, inspect.ListType) else None
    if isinstance(items, inspect.StructType) and isinstance(value, list):
        found = [
            fault
            for place, each in enumerate(value)
            for fault in _faults(each, items, items.cls, f"{at}[{place}]")
        ]
        if found:
            yield from found
            return
    yield _fault(value, info, annotation, at)


def _faults_of_fields(value: Any, info: inspect.StructType, at: str) -> Iterator[FieldError]:
    prefix = f"{at}." if at else ""
    known = {field.encode_name: field for field in info.fields}
    for name in value:
        if name not in known and info.forbid_unknown_fields:
            fields = ", ".join(known)
            yield FieldError(f"{prefix}{_short(name)}", f"is unknown here; known fields: {fields}")
    annotations = {each.encode_name: each.type for each in msgspec.structs.fields(info.cls)}
    for name, field in known.items():
        if name in value:
            yield from _faults(value[name], field.type, annotations[name], prefix + name)
        elif field.required:
            yield FieldError(prefix + name, "is required")


def _fault(value: Any, info: inspect.Type, annotation: Any, at: str) -> FieldError:
    """What is wrong with a value that is no struct; of a list the first item that is wrong."""
    options = _options(info)
    items = next((each.item_type for each in options if hasattr(each, "item_type")), None)
    if items is not None and isinstance(value, list):
        for place, each in enumerate(value):
            if not _is_of(each, items):
                return FieldError(f"{at}[{place}]", _must_be(items, each))
    return FieldError(at or _BODY, _must_be(info, value))


def _is_of(value: object, info: inspect.Type) -> bool:
    """Whether a value is of one of the kinds that lists hold; an object may have faults within."""
    types = {inspect.IntType: int, inspect.StrType: str, inspect.StructType: dict}
    return any(type(value) is types.get(type(kind)) for kind in _options(info))


def _plain(info: inspect.Type) -> inspect.Type:
    """The type without the description that it may bear."""
    return _plain(info.type) if isinstance(info, inspect.Metadata) else info


def _options(info: inspect.Type) -> list[inspect.Type]:
    """The types of which a value may be any; null, which nobody needs to be told of, left out."""
    info = _plain(info)
    types = info.types if isinstance(info, inspect.UnionType) else (info,)
    return [_plain(each) for each in types if not isinstance(each, inspect.NoneType)]


def _must_be(info: inspect.Type, value: object) -> str:
    if isinstance(value, list):
        return f"must be {_rule(info)}, got a list of {len(value)}"
    told = msgspec.json.encode(value).decode()
    return f"must be {_rule(info)}, got {_short(told)}"


def _short(told: str) -> str:
    return told if len(told) <= _LONGEST_VALUE else told[:_LONGEST_VALUE] + "..."


def _rule(info: inspect.Type) -> str:
    """What a value must be, for a person."""
    return " or ".join(_rule_of_one(each) for each in _options(info))


def _rule_of_one(info: inspect.Type) -> str:
    match info:
        case inspect.IntType():
            return "a whole number" + _range(info.ge, info.le)
        case inspect.FloatType():
            return "a number" + _range(info.ge, info.le)
        case inspect.StrType():
            return "a text" + _length(info.min_length, info.max_length, "characters")
        case inspect.ListType() | inspect.VarTupleType():
            return "a list" + _length(info.min_length, info.max_length, "values")
        case inspect.LiteralType():
            return " or ".join(map(str, info.values))
        case inspect.BoolType():
            return "true or false"
        case inspect.DateTimeType():
            return "a time with its offset, such as 2026-11-23T10:00:00Z"
    return "an object"


def _range(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return ""
    return f", at least {low:.15g}" if high is None else f" from {low:.15g} to {high:.15g}"


def _length(low: int | None, high: int | None, units: str) -> str:
    if high is None:
        return ""
    return f" of {low} to {high} {units}" if low else f" of at most {high} {units}"
