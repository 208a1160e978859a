"""A game's parameters for people: name, what it may be, default, meaning.

Names, kinds and defaults are those of the constructor, meanings those of the class docstring:

    class Sale(StackelbergGame):
        \"\"\"A seller posts a price.

        Args:
            values: how many values a buyer may have, equally likely.
        \"\"\"

        def __init__(self, *, values: Annotated[int, Field(ge=1, le=64)] = 4): ...
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import core_schema

SECTION = re.compile(r"^(Args|Attributes|Raises|Returns|Example|Examples|Note|Notes):\s*$")
ENTRY = re.compile(r"^ {4}(\w+): (.+)$")
CONTINUED = re.compile(r"^ {5,}(\S.*)$")


@dataclass(frozen=True)
class Parameter:
    """A parameter of a game.

    Attributes:
        name: as in KEY=VALUE; kind: what it may be, in words.
        default: value if it is not given; required: whether there is none.
        meaning: one or a few sentences; empty where the class docstring does not say.
    """

    name: str
    kind: str
    default: Any
    required: bool
    meaning: str


def parameters(cls: type, model: type[BaseModel]) -> tuple[Parameter, ...]:
    """The parameters of a class, whose constructor `model` describes, in order."""
    meant, schema = meanings(cls), model.model_json_schema(schema_generator=_Anything)
    properties, definitions = schema.get("properties", {}), schema.get("$defs", {})
    return tuple(
        Parameter(
            name=name,
            kind=kind(properties[name], definitions),
            default=None if field.is_required() else field.default,
            required=field.is_required(),
            meaning=meant.get(name, ""),
        )
        for name, field in model.model_fields.items()
    )


def introduction(cls: type) -> str:
    """What a class docstring says before its first section.

    >>> class Sale:
    ...     '''A sale.
    ...
    ...     Args:
    ...         values: how many.
    ...     '''
    >>> introduction(Sale)
    'A sale.'
    """
    lines = inspect.cleandoc(cls.__doc__ or "").splitlines()  # its own: what a contract says is not about a game
    first = next((k for k, line in enumerate(lines) if SECTION.match(line)), len(lines))
    return "\n".join(lines[:first]).strip()


def meanings(cls: type) -> dict[str, str]:
    """What the section "Args:" of a class docstring says, by parameter.

    >>> class Sale:
    ...     '''A sale.
    ...
    ...     Args:
    ...         values: how many
    ...             there are.
    ...     '''
    >>> meanings(Sale)
    {'values': 'how many there are.'}
    """
    found: dict[str, str] = {}
    section, last = "", ""
    for line in (inspect.getdoc(cls) or "").splitlines():
        if heading := SECTION.match(line):
            section = heading[1]
        elif section == "Args" and (entry := ENTRY.match(line)):
            last = entry[1]
            found[last] = entry[2].strip()
        elif section == "Args" and last and (more := CONTINUED.match(line)):
            found[last] += f" {more[1].strip()}"
    return found


def kind(schema: Mapping[str, Any], definitions: Mapping[str, Any] | None = None) -> str:
    """A JSON schema in words.

    >>> kind({"type": "integer", "minimum": 1, "maximum": 64})
    'integer in 1..64'
    >>> kind({"anyOf": [{"type": "array", "items": {"type": "number"}}, {"type": "null"}]})
    'list of numbers'
    >>> kind({"type": "array", "items": {"enum": ["hide", "tax"]}})
    'list of any of hide, tax'
    """
    if "$ref" in schema:
        return kind((definitions or {})[schema["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in schema:
        parts = [part for part in schema["anyOf"] if part.get("type") != "null"]
        return " or ".join(dict.fromkeys(kind(part, definitions) for part in parts))
    if "const" in schema or "enum" in schema:
        return ", ".join(str(value) for value in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return _list_of(schema.get("items", {}), definitions)
    if schema.get("type") in ("integer", "number"):
        return schema["type"] + _bounds(schema, whole=schema["type"] == "integer")
    if schema.get("type") == "string":
        return "path of a file" if "path" in schema.get("format", "") else "text"
    return {"boolean": "true or false", "object": "JSON object"}.get(schema.get("type", ""), "any value")


def _list_of(items: Mapping[str, Any], definitions: Mapping[str, Any] | None) -> str:
    if not items:
        return "list"
    if "enum" in items:
        return f"list of any of {kind(items)}"
    first, _, rest = kind(items, definitions).partition(" ")
    return f"list of {first}s {rest}".rstrip()


def _bounds(schema: Mapping[str, Any], whole: bool) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    least, most = (low if above is None else above), (high if below is None else below)
    if least is not None and most is not None:
        if whole and above is below is None:
            return f" in {least}..{most}"
        return f" in {'[' if above is None else '('}{least:g}, {most:g}{']' if below is None else ')'}"
    if least is not None:
        return f", {'at least' if above is None else 'above'} {least:g}"
    return "" if most is None else f", {'at most' if below is None else 'below'} {most:g}"


class _Anything(GenerateJsonSchema):
    """Takes a class that has no JSON form for "any value"."""

    def handle_invalid_for_json_schema(self, schema: core_schema.CoreSchema, error_info: str) -> JsonSchemaValue:
        """Any value."""
        return {}

    def generate(self, schema: core_schema.CoreSchema, mode: JsonSchemaMode = "validation") -> JsonSchemaValue:
        """The schema, without warnings of what has no JSON form."""
        self.ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}
        return super().generate(schema, mode)
