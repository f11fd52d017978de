"""Ask a registered model and its untrained base questions, execute the answers, and compare."""

from __future__ import annotations

from typing import Any

import click

from pipesql.storage import file_digest
from pipesql.tracking.evaluations import CONFIDENCE, earlier_evaluation, origin
from pipesql.tracking.lookup import data_folder
from pipesql.tracking.registry import get_version
from pipesql.tracking.runs import step_run
from steps import StepCommand, evaluating
from steps.asking_options import asking, asking_options


@click.command(cls=StepCommand)
@click.option("--version", default="", help="Number or alias of a registered version; default: the newest.")
@click.option("--data", default="auto", help="auto (the newest data run), a data run's id, or its folder.")
@click.option("--split", default="dev", show_default=True, help="dev, or validation: train databases held back.")
@click.option("--limit", default=0, help="At most that many questions, a seeded sample; 0: all.")
@click.option("--batch", default=16, help="Questions answered together.")
@click.option("--seed", default=0, help="Seed of the sample.")
@click.option("--against", default="", help="Compare with an earlier evaluation: a version's number, alias, or a run.")
@click.option("--base", default=1, show_default=True, help="1: ask the untrained base, too; 0: the version alone.")
@asking_options
def main(
    version: str, data: str, split: str, limit: int, batch: int, seed: int, against: str, base: int, how: dict[str, Any]
) -> None:
    """Evaluate a registered version against its base model."""
    with step_run("evaluate") as run:
        chosen, earlier = get_version(version), earlier_evaluation(against)
        folder, data_run = data_folder(data)

        from pipesql.evaluate.questions import split_golds, split_questions
        from pipesql.evaluate.report.evaluation import Evaluation
        from pipesql.inference.confidence import Confidence

        asked, digest = split_questions(folder, split, limit, seed), file_digest(folder / "golden.jsonl")
        how_many = {"questions": len(asked), "split": split, "limit": limit, "batch": batch, "seed": seed, "base": base}
        run.params(version=chosen.number, against=against, **how_many, **how)
        run.dataset(folder.name, folder / "golden.jsonl", digest, context=split, rows=len(asked))
        output = f"output/evaluate/{run.run_id}"
        run.tags(**origin(chosen, data_run), **{"pipesql.output": output})
        settings, golds = asking(how, chosen, folder, seed), split_golds(folder, split)
        answers = evaluating.judged(run, chosen, asked, settings, base, how["traces"], batch=batch, golds=golds)
        sure = Confidence.read(chosen.tags[CONFIDENCE]) if CONFIDENCE in chosen.tags and split == "dev" else None
        evaluation = Evaluation(f"Evaluation of {chosen} on {folder.name}", answers, earlier, sure)
        evaluating.log(run, evaluation, output)
        evaluating.note(run, chosen, evaluation, split, digest)
    click.echo(f"pipesql {chosen} on {len(asked)} {split} questions of {folder.name}\n{evaluation.text()}")


if __name__ == "__main__":
    main()
