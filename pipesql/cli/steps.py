"""The steps of the pipeline as commands: `pipesql evaluate --version 2` does what `python -m steps.evaluate` does.

They work in any folder, from an installed package, and first say where their runs are kept.
"""

from __future__ import annotations

import click

from pipesql.workflows import STEPS

NAMES = {"pipeline" if step == "main" else step: step for step in STEPS}
"""Command → step."""

COMMANDS = {name: (f"steps:{name}", STEPS[step].summary) for name, step in NAMES.items()}
"""What `pipesql --help` lists; nothing is imported for it."""


def __getattr__(name: str) -> click.Command:
    """The command of a step, made when it is used."""
    if name not in NAMES:
        raise AttributeError(name)
    from pipesql.workflows import workflow
    from pipesql.workflows.command import StepCommand

    class Announced(StepCommand):
        """A step that says where its runs are kept, unless another process started it and has said so."""

        def invoke(self, ctx: click.Context) -> None:
            from pipesql.finetune.distributed import started_together
            from pipesql.tracking.runs import given_run
            from pipesql.tracking.store import place_of_runs

            if not (given_run() or started_together()):
                click.echo(place_of_runs(), err=True)
            super().invoke(ctx)

    return Announced(workflow(NAMES[name]), name)
