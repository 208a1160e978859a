"""Options of commands, made from the fields of the models that check them: names, types, defaults and help stand there.

A field that has a description is an option. What is not given on the command line does not reach the command, so that
the model fills it in.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from types import UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo


class Shown(NamedTuple):
    """How an option is shown where its field does not say so.

    Attributes:
        flag: as it is typed; by default the name of the field.
        metavar: what stands for its value; by default the type.
        help: instead of the field's description.
    """

    flag: str | None = None
    metavar: str | None = None
    help: str | None = None


AS_ITS_FIELD = Shown()


def options_of(
    model: type[BaseModel], *names: str, shown: Mapping[str, Shown] | None = None
) -> list[inspect.Parameter]:
    """Options from fields of a model.

    Args:
        model: that checks the values.
        names: of the fields, in the order in which help lists them; by default all with a description.
        shown: by name of a field, what is shown instead of what it says itself.

    Returns:
        list[inspect.Parameter]: parameters that typer reads, called as the fields are.

    >>> from pydantic import Field, create_model
    >>> walk = create_model("walk", steps=(int, Field(10, ge=1, description="how many")), pace=(float, 1.0))
    >>> [steps] = options_of(walk)
    >>> steps.name, steps.default, steps.annotation.__metadata__[0].help
    ('steps', None, 'how many [default: 10]')
    """
    chosen = names or [name for name, field in model.model_fields.items() if field.description]
    return [_option(name, model.model_fields[name], (shown or {}).get(name, AS_ITS_FIELD)) for name in chosen]


def written(**options: Any) -> list[inspect.Parameter]:
    """Options that people write in another way than their field holds them: by name, the annotation for typer."""
    return [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=options[name])
        for name in options
    ]


def placed(options: list[inspect.Parameter], before: str, others: list[inspect.Parameter]) -> list[inspect.Parameter]:
    """Options, with others before the one that is named."""
    place = [option.name for option in options].index(before)
    return [*options[:place], *others, *options[place:]]


def flag_of(option: inspect.Parameter) -> str:
    """How an option is typed."""
    declared = option.annotation.__metadata__[0].default  # where typer holds the first name that it is given
    return declared if isinstance(declared, str) else f"--{option.name.replace('_', '-')}"


def takes(*options: inspect.Parameter) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command options besides those that it names itself; it gets those that are given, as keywords.

    They are listed after its positional parameters and before its keyword-only ones.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        """The command with the options after its own arguments."""
        signature = inspect.signature(function, eval_str=True)
        own = [each for each in signature.parameters.values() if each.kind is not inspect.Parameter.VAR_KEYWORD]
        last = [each for each in own if each.kind is inspect.Parameter.KEYWORD_ONLY]
        parameters = [*own[: len(own) - len(last)], *options, *last]
        names = {each.name for each in options}

        @wraps(function)
        def run(**values: Any) -> None:
            """The command without the options that were not given."""
            function(**{name: value for name, value in values.items() if value is not None or name not in names})

        vars(run)["__signature__"] = signature.replace(parameters=parameters)
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        return run

    return decorate


def _option(name: str, field: FieldInfo, shown: Shown) -> inspect.Parameter:
    text = shown.help or field.description or ""
    if field.default is not None and not field.is_required() and "[default:" not in text:
        text += f" [default: {field.default:g}]" if isinstance(field.default, float) else f" [default: {field.default}]"
    flags = (shown.flag,) if shown.flag else ()
    kind = _bare(field.annotation)
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if field.is_required() else None,
        annotation=Annotated[
            kind if field.is_required() else kind | None, typer.Option(*flags, help=text, metavar=shown.metavar)
        ],
    )


def _bare(annotation: Any) -> Any:
    """A type without what pydantic checks of its values: that is refused by the name of the field."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return Union[tuple(_bare(each) for each in get_args(annotation))]  # noqa: UP007 (members are known when it runs)
    return annotation
