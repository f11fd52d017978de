"""Make a registered version the champion, if it proved better on the same questions; else say why not."""

from __future__ import annotations

import dataclasses

import click

from pipesql.records import Verdict
from pipesql.storage import read_jsonl, write_json
from pipesql.tracking.registry import EVALUATE_RUN, Version, champion, get_version, promote, set_tags
from pipesql.tracking.runs import get_run, step_run
from pipesql.tracking.store import project_root
from steps import StepCommand


@click.command(cls=StepCommand)
@click.option("--version", default="", help="Number or alias of an evaluated version; default: the newest evaluated.")
@click.option("--alpha", default=0.05, help="The champion is replaced only where p is below this.")
def main(version: str, alpha: float) -> None:
    """Decide whether a version becomes the champion, and write the decision down."""
    with step_run("promote") as run:
        chosen, reigning = get_version(version, evaluated=True), champion()
        run.params(version=chosen.number, alpha=alpha, champion=reigning.number if reigning else "none")

        from pipesql.evaluate.gate import decide, keep

        if reigning and reigning.number == chosen.number:
            decision = keep(f"{chosen} is the champion already", alpha)
        else:
            decision = decide(
                _verdicts(chosen, "tuned"),
                _verdicts(reigning, "tuned") if reigning else _verdicts(chosen, "base"),
                alpha=alpha,
                candidate_name=str(chosen),
                reference_name=f"the champion, {reigning}," if reigning else "the base model",
            )
        if decision.promote:
            chosen = promote(chosen)
        set_tags(chosen, {"pipesql.decision": decision.sentence})
        run.metrics(decision.metrics())
        run.tags(**{"pipesql.version": chosen.number, "pipesql.decision": decision.sentence})
        run.tags(**{"pipesql.train_run": chosen.tags.get("pipesql.train_run", "")})
        path = project_root() / "output" / "promote" / run.run_id / "decision.json"
        write_json(path, {**dataclasses.asdict(decision), "version": chosen.number, "stage": chosen.stage})
        run.artifact(path)
    click.echo(f"{decision.sentence} [{', '.join((chosen.stage, *chosen.aliases))}]")


def _verdicts(version: Version, side: str) -> list[Verdict]:
    """One side of the version's own evaluation."""
    evaluation = get_run(get_version(version.number, evaluated=True).tags[EVALUATE_RUN])
    return list(read_jsonl(evaluation.artifact(f"verdicts/{side}.jsonl"), Verdict))


if __name__ == "__main__":
    main()
