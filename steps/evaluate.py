"""Ask a registered model and its untrained base the dev questions, execute the answers, and compare."""

from __future__ import annotations

import click

from pipesql.records import file_digest
from pipesql.tracking.evaluations import earlier_evaluation, note_evaluation, origin
from pipesql.tracking.lookup import data_folder
from pipesql.tracking.registry import get_version, load_components
from pipesql.tracking.runs import step_run
from pipesql.tracking.store import project_root
from steps import StepCommand


@click.command(cls=StepCommand)
@click.option("--version", default="", help="Number or alias of a registered version; default: the newest.")
@click.option("--data", default="auto", help="auto (the newest data run), a data run's id, or its folder.")
@click.option("--limit", default=0, help="At most that many dev questions, a seeded sample; 0: all.")
@click.option("--batch", default=16, help="Questions answered together.")
@click.option("--seed", default=0, help="Seed of the sample.")
@click.option("--against", default="", help="Compare with an earlier evaluation: a version's number, alias, or a run.")
def main(version: str, data: str, limit: int, batch: int, seed: int, against: str) -> None:
    """Evaluate a registered version against its base model."""
    with step_run("evaluate") as run:
        chosen, earlier = get_version(version), earlier_evaluation(against)
        folder, data_run = data_folder(data)

        from pipesql.evaluate import questions, report
        from pipesql.evaluate.evaluation import Evaluation
        from pipesql.evaluate.sides import evaluate_side
        from pipesql.models import resolve_model
        from pipesql.models.load import load_model, load_tokenizer

        dev, digest = questions.dev_questions(folder, limit, seed), file_digest(folder / "golden.jsonl")
        run.params(version=chosen.number, questions=len(dev), limit=limit, batch=batch, seed=seed, against=against)
        run.dataset(folder.name, folder / "golden.jsonl", digest, context="dev", rows=len(dev))
        output = f"output/evaluate/{run.run_id}"
        found = {"pipesql.version": chosen.number, "pipesql.data_run": data_run, "pipesql.output": output}
        run.tags(**origin(chosen), **found)
        base = resolve_model(chosen.tags.get("pipesql.model", ""), digest=chosen.tags.get("pipesql.base_digest", ""))
        how = (dev, batch, chosen.tags.get("pipesql.layout", "folded"), questions.prompt_values(folder))
        cache, golds, sides = project_root() / "output/evaluate/cache", questions.dev_golds(folder), {}
        for side in ("base", "tuned"):
            pair = (load_model(base), load_tokenizer(base)) if side == "base" else load_components(chosen)
            sides[side], speed = evaluate_side(side, *pair, *how, cache=cache, golds=golds)
            run.metrics(speed)
        evaluation = Evaluation(f"Evaluation of {chosen} on {folder.name}", sides, earlier)
        run.metrics(evaluation.metrics())
        for path in evaluation.write(project_root() / output):
            run.artifact(path, "verdicts" if path.suffix == ".jsonl" else "")
        both = evaluation.verdicts
        run.table(report.comparison_rows(**both), "predictions.json")
        note_evaluation(chosen, run.run_id, digest, report.version_metrics(**both), report.version_tags(**both))
    click.echo(f"pipesql {chosen} ({base.description}) on {len(dev)} dev questions of {folder.name}")
    click.echo(evaluation.text())


if __name__ == "__main__":
    main()
