"""Say in words which values a setting allows, from its type."""

from __future__ import annotations

from typing import Any

from msgspec import inspect


def describe(type_: object) -> str:
    """The allowed values of `type_`, to follow "must be ...": "a whole number in 1..65535"."""
    return _describe(inspect.type_info(type_))


def _describe(kind: inspect.Type) -> str:
    match kind:
        case inspect.Metadata():
            return _describe(kind.type)
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType():
            return "a whole number" + _range(kind)
        case inspect.FloatType():
            return "a number" + _range(kind)
        case inspect.StrType():
            return "a text"
        case inspect.LiteralType():
            return " or ".join(f'"{value}"' for value in kind.values)
        case inspect.NoneType():
            return "nothing"
        case inspect.UnionType():
            return " or ".join(_describe(each) for each in kind.types)
        case inspect.TupleType():
            return f"[{', '.join(_describe(each) for each in kind.item_types)}]"
        case inspect.VarTupleType() | inspect.ListType():
            return f"a list of {_describe(kind.item_type)}"
        case _:
            return f"a {type(kind).__name__.removesuffix('Type').lower()}"


def _range(kind: Any) -> str:
    """The bounds of a number: " in 1..65535", " >= 1", " > 0", or nothing."""
    if kind.ge is not None and kind.le is not None:
        return f" in {kind.ge}..{kind.le}"
    bounds = {">=": kind.ge, ">": kind.gt, "<=": kind.le, "<": kind.lt}
    parts = [f"{sign} {bound:g}" for sign, bound in bounds.items() if bound is not None]
    return f" {' and '.join(parts)}" if parts else ""
