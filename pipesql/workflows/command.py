"""A workflow as a command: options from its dataclass, errors as one sentence and an exit status."""

from __future__ import annotations

import errno
import inspect
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import click

from pipesql.errors import InvalidOption, PipesqlError
from pipesql.options import from_values, options_of, override_names

_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}


class StepCommand(click.Command):
    """The command of a workflow. Its options are those of the class that annotates the parameter `options`.

    Errors are one sentence on standard error, and an exit status. Those are a PipesqlError and a disk that is full or
    cannot be written; anything else is a bug and keeps its traceback. What the workflow returns is printed.
    """

    def __init__(self, workflow: Callable[[Any], str], name: str | None = None) -> None:
        self.workflow = workflow
        self.options: type[Any] = typing.get_type_hints(workflow)["options"]
        super().__init__(
            name or workflow.__name__,
            params=[*_click_options(self.options)],
            help=inspect.cleandoc(workflow.__doc__ or "").split("\n\nReturns")[0],
            context_settings={"max_content_width": 100},
        )

    def invoke(self, ctx: click.Context) -> None:
        """Run the step."""
        try:
            text = self.workflow(self._given(ctx.params))
        except PipesqlError as e:
            raise _sentence(str(e), e.exit_code) from e
        except OSError as e:
            if e.errno not in _DISK:
                raise
            where = e.filename or "an output file"
            raise _sentence(f"cannot write {where}: {e.strerror}; free space there or make it writable", 2) from e
        if text:
            click.echo(text)

    def _given(self, params: Mapping[str, Any]) -> Any:
        """The options as the workflow takes them. The run that MLflow made for the step fails if they are invalid."""
        from pipesql.tracking.runs import note_early_failure

        try:
            return from_values(self.options, _renamed(self.options, params))
        except PipesqlError as e:
            note_early_failure(e)
            raise


def _sentence(message: str, exit_code: int) -> click.ClickException:
    """What click prints as `Error: message` before it exits with that status."""
    exception = click.ClickException(message)
    exception.exit_code = exit_code  # type: ignore[misc]
    return exception


class _Switch(click.Option):
    """An option that is 0 or 1, as MLflow's parameters are."""

    def make_metavar(self, ctx: click.Context | None = None) -> str:  # click before 8.2 calls it without
        return "0|1"

    def get_help_extra(self, ctx: click.Context) -> click.types.OptionHelpExtra:
        return {**super().get_help_extra(ctx), "default": str(int(bool(self.default)))}


def _click_options(kind: type[Any]) -> Iterator[click.Option]:
    declared = options_of(kind)
    for one in declared:
        kind_of_option = _Switch if one.kind is bool else click.Option
        yield kind_of_option(
            [f"--{one.name}"],
            type=one.kind,
            is_flag=False,
            default=one.default,
            show_default=one.default != "",
            help=one.help,
        )
    for one in declared:
        if one.old:
            yield click.Option([f"--{one.old}"], type=one.kind, is_flag=False, default=None, hidden=True)
    for name in override_names(kind):
        yield click.Option([f"--{name}"], metavar="VALUE", help=f"Override the recipe's {name}.")


def _renamed(kind: type[Any], params: Mapping[str, Any]) -> dict[str, Any]:
    """The values under their present names, with a warning for each that was given under an old one."""
    given = dict(params)
    for one in options_of(kind):
        value = given.pop(one.old, None) if one.old else None
        if value is not None:
            # `mlflow run` passes every parameter: the new name comes with its default beside the old one.
            if given[one.name] not in (one.default, value):
                raise InvalidOption(f"{one.old} is the old name of {one.name}: give {one.name} alone")
            click.echo(f"warning: option {one.old} is now called {one.name}; use the new name", err=True)
            given[one.name] = one.old_values.get(value, value)
        elif (now := one.old_values.get(given[one.name])) is not None:
            click.echo(f"warning: {one.name}={given[one.name]} is now called {one.name}={now}; use that", err=True)
            given[one.name] = now
    return given
