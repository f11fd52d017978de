"""A workflow as a command: options from its dataclass, errors as one sentence and an exit status."""

from __future__ import annotations

import errno
import inspect
import typing
from collections.abc import Callable
from typing import Any

import click

from pipesql.errors import InvalidOption, PipesqlError
from pipesql.options import Option, from_values, options_of, override_names

Workflow = Callable[[Any], str]
_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}


class StepCommand(click.Command):
    """A command whose errors are one sentence on standard error, and an exit status.

    Those are a PipesqlError and a disk that is full or cannot be written. Anything else is a bug and keeps its
    traceback. The run that `mlflow run` made for a step that fails before it opens its run gets the sentence, too.
    """

    def invoke(self, ctx: click.Context) -> Any:
        """Run the step."""
        try:
            return super().invoke(ctx)
        except PipesqlError as e:
            raise _sentence(str(e), e.exit_code) from e
        except OSError as e:
            if e.errno not in _DISK:
                raise
            where = e.filename or "an output file"
            raise _sentence(f"cannot write {where}: {e.strerror}; free space there or make it writable", 2) from e


def _sentence(message: str, exit_code: int) -> click.ClickException:
    """What click prints as `Error: message` before it exits with that status."""
    exception = click.ClickException(message)
    exception.exit_code = exit_code  # type: ignore[misc]
    return exception


def step_command(workflow: Workflow, name: str | None = None) -> click.Command:
    """The command of a workflow. Its options are those of the class that annotates the parameter `options`."""
    kind = typing.get_type_hints(workflow)["options"]

    def run(**given: Any) -> None:
        from pipesql.tracking.runs import note_early_failure

        try:
            options = from_values(kind, _renamed(options_of(kind), given))
        except PipesqlError as e:
            note_early_failure(e)
            raise
        if text := workflow(options):
            click.echo(text)

    return StepCommand(
        name or workflow.__name__,
        callback=run,
        params=[*_click_options(kind)],
        help=inspect.cleandoc(workflow.__doc__ or "").split("\n\nReturns")[0],
        context_settings={"max_content_width": 100},
    )


class _Switch(click.Option):
    """An option that is 0 or 1, as MLflow's parameters are."""

    def make_metavar(self, ctx: click.Context) -> str:
        return "0|1"

    def get_help_extra(self, ctx: click.Context) -> click.types.OptionHelpExtra:
        return {**super().get_help_extra(ctx), "default": str(int(bool(self.default)))}


def _click_options(kind: type[Any]) -> typing.Iterator[click.Option]:
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


def _renamed(declared: list[Option], given: dict[str, Any]) -> dict[str, Any]:
    """The values under their present names, with a warning for each that was given under an old one."""
    given = dict(given)
    for one in declared:
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
