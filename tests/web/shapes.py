"""Whether a value is what a schema of the OpenAPI document says, and says all of it."""

from __future__ import annotations

from typing import Any

_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
    "object": dict,
    "array": list,
}


def faults(
    value: Any, schema: dict[str, Any], document: dict[str, Any], at: str = "$"
) -> list[str]:
    """What of the value the schema does not allow or does not mention; empty where all is well."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return faults(value, document["components"]["schemas"][name], document, at)
    options = schema.get("anyOf") or schema.get("oneOf")
    if options:
        each = [faults(value, one, document, at) for one in options]
        return [] if [] in each else each[0]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{at}: {value!r} is none of {schema['enum']}"]
    kind = schema.get("type")
    wrong_bool = isinstance(value, bool) and kind != "boolean"
    if kind and (wrong_bool or not isinstance(value, _TYPES[kind])):
        return [f"{at}: {value!r} is no {kind}"]
    if kind == "array":
        return [
            fault
            for place, one in enumerate(value)
            for fault in faults(one, _item(schema, place), document, f"{at}[{place}]")
        ]
    if kind == "object":
        return _object_faults(value, schema, document, at)
    if "minimum" in schema and value < schema["minimum"]:
        return [f"{at}: {value} is below {schema['minimum']}"]
    return []


def _item(schema: dict[str, Any], place: int) -> dict[str, Any]:
    """The schema of one item; those of a pair have each their own."""
    first: list[dict[str, Any]] = schema.get("prefixItems", [])
    return first[place] if place < len(first) else schema["items"]


def _object_faults(
    value: dict[str, Any], schema: dict[str, Any], document: dict[str, Any], at: str
) -> list[str]:
    properties, others = schema.get("properties", {}), schema.get("additionalProperties")
    found = [f"{at}: lacks {name}" for name in schema.get("required", []) if name not in value]
    for name, one in value.items():
        if name in properties:
            found += faults(one, properties[name], document, f"{at}.{name}")
        elif isinstance(others, dict):
            found += faults(one, others, document, f"{at}.{name}")
        else:
            found.append(f"{at}: {name} is not in the description")
    return found
