"""Ask a registered model and its untrained base the dev questions, execute the answers, and compare."""

from __future__ import annotations

from typing import Any

import click

from pipesql.records import file_digest
from pipesql.tracking.evaluations import earlier_evaluation, note_evaluation, origin
from pipesql.tracking.lookup import data_folder
from pipesql.tracking.registry import get_version, load_base, load_components
from pipesql.tracking.runs import step_run
from pipesql.tracking.store import project_root
from steps import StepCommand
from steps.asking_options import asking, asking_options


@click.command(cls=StepCommand)
@click.option("--version", default="", help="Number or alias of a registered version; default: the newest.")
@click.option("--data", default="auto", help="auto (the newest data run), a data run's id, or its folder.")
@click.option("--limit", default=0, help="At most that many dev questions, a seeded sample; 0: all.")
@click.option("--batch", default=16, help="Questions answered together.")
@click.option("--seed", default=0, help="Seed of the sample.")
@click.option("--against", default="", help="Compare with an earlier evaluation: a version's number, alias, or a run.")
@click.option("--base", default=1, show_default=True, help="1: ask the untrained base, too; 0: the version alone.")
@asking_options
def main(version: str, data: str, limit: int, batch: int, seed: int, against: str, base: int, how: Any) -> None:
    """Evaluate a registered version against its base model."""
    with step_run("evaluate") as run:
        chosen, earlier = get_version(version), earlier_evaluation(against)
        folder, data_run = data_folder(data)

        from pipesql.evaluate import questions, report
        from pipesql.evaluate.evaluation import Evaluation
        from pipesql.evaluate.sides import evaluate_side

        dev, digest = questions.dev_questions(folder, limit, seed), file_digest(folder / "golden.jsonl")
        how_many = {"questions": len(dev), "limit": limit, "batch": batch, "seed": seed, "base": base}
        run.params(version=chosen.number, against=against, **how_many, **how)
        run.dataset(folder.name, folder / "golden.jsonl", digest, context="dev", rows=len(dev))
        output = f"output/evaluate/{run.run_id}"
        run.tags(**origin(chosen, data_run), **{"pipesql.output": output})
        shared, sides = {"cache": project_root() / "output/evaluate/cache", "golds": questions.dev_golds(folder)}, {}
        for side in ("base", "tuned") if base else ("tuned",):
            loaded = load_base(chosen) if side == "base" else load_components(chosen)
            sides[side], speed = evaluate_side(side, *loaded, dev, batch, asking(how, chosen, folder, seed), **shared)
            run.metrics(speed)
        evaluation = Evaluation(f"Evaluation of {chosen} on {folder.name}", sides, earlier)
        run.metrics(evaluation.metrics())
        for path in evaluation.write(project_root() / output):
            run.artifact(path, "verdicts" if path.suffix == ".jsonl" else "")
        run.table(report.comparison_rows(evaluation.verdicts), "predictions.json")
        if base:  # a version is judged beside its base
            note_evaluation(chosen, run.run_id, digest, *report.version_figures(**evaluation.verdicts))
    click.echo(f"pipesql {chosen} on {len(dev)} dev questions of {folder.name}\n{evaluation.text()}")


if __name__ == "__main__":
    main()
