"""Values that a pydantic model refuses, refused by the name of the field and what it may be."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files.documents import brief

Model = TypeVar("Model", bound=BaseModel)


def validated(model: type[Model], values: dict[str, Any]) -> Model:
    """Validate values with a pydantic model, turning its complaint into one that names field and choices."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise from_validation(error, model) from error


def from_validation(error: ValidationError, model: type[BaseModel]) -> InvalidFieldError:
    """The first complaint of pydantic as an `InvalidFieldError`."""
    first = error.errors()[0]
    own = first.get("ctx", {}).get("error")
    if isinstance(own, InvalidFieldError):
        return own
    field = (str(first["loc"][0]) or "''") if first["loc"] else model.__name__  # a name may be empty
    if first["type"] == "extra_forbidden":
        return InvalidFieldError(field, "unknown parameter", ", ".join(model.model_fields) or "none")
    if first["type"] == "missing":
        return InvalidFieldError(field, "is required", "a value")
    # A union complains once per member; together they are the allowed values.
    wanted = [str(item["msg"]) for item in error.errors() if item["loc"][:1] == first["loc"][:1]]
    allowed = " or ".join(message.removeprefix("Input should be ") for message in dict.fromkeys(wanted))
    return InvalidFieldError(field, f"got {brief(first['input'])}", allowed)
