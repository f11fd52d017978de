"""Ask a registered model and its untrained base the dev questions, execute the answers, and compare."""

from __future__ import annotations

import click

from pipesql.records import file_digest
from pipesql.tracking.lookup import data_folder
from pipesql.tracking.registry import EVALUATE_RUN, get_version, load_components, log_metrics, set_tags
from pipesql.tracking.runs import step_run
from pipesql.tracking.store import project_root
from steps import StepCommand


@click.command(cls=StepCommand)
@click.option("--version", default="", help="Number or alias of a registered version; default: the newest.")
@click.option("--data", default="auto", help="auto (the newest data run), a data run's id, or its folder.")
@click.option("--limit", default=0, help="At most that many dev questions, a seeded sample; 0: all.")
@click.option("--batch", default=16, help="Questions answered together.")
@click.option("--seed", default=0, help="Seed of the sample.")
def main(version: str, data: str, limit: int, batch: int, seed: int) -> None:
    """Evaluate a registered version against its base model."""
    with step_run("evaluate") as run:
        chosen = get_version(version)
        folder, data_run = data_folder(data)

        from pipesql.evaluate import report
        from pipesql.evaluate.questions import dev_questions, prompt_values
        from pipesql.evaluate.sides import evaluate_side, write_side
        from pipesql.models import resolve_model
        from pipesql.models.load import load_model, load_tokenizer

        questions, digest = dev_questions(folder, limit, seed), file_digest(folder / "golden.jsonl")
        run.params(version=chosen.number, questions=len(questions), limit=limit, batch=batch, seed=seed)
        run.dataset(folder.name, folder / "golden.jsonl", digest, context="dev", rows=len(questions))
        run.tags(
            **{name: chosen.tags.get(name, "") for name in ("pipesql.model", "pipesql.recipe", "pipesql.train_run")}
        )
        output = f"output/evaluate/{run.run_id}"
        run.tags(**{"pipesql.version": chosen.number, "pipesql.data_run": data_run, "pipesql.output": output})
        base = resolve_model(chosen.tags.get("pipesql.model", ""), digest=chosen.tags.get("pipesql.base_digest", ""))
        verdicts, layout = {}, chosen.tags.get("pipesql.layout", "folded")
        for side in ("base", "tuned"):
            pair = (load_model(base), load_tokenizer(base)) if side == "base" else load_components(chosen)
            verdicts[side], speed = evaluate_side(side, *pair, questions, batch, layout, prompt_values(folder))
            run.metrics(report.summarise(verdicts[side]).metrics(side) | speed)
            run.artifact(write_side(project_root() / output, side, verdicts[side]), "verdicts")
        run.metrics(report.paired_metrics(**verdicts))
        run.table(report.comparison_rows(**verdicts), "predictions.json")
        log_metrics(chosen, report.version_metrics(**verdicts))
        set_tags(chosen, {**report.version_tags(**verdicts), EVALUATE_RUN: run.run_id, "pipesql.evaluate_data": digest})
    click.echo(f"pipesql {chosen} ({base.description}) on {len(questions)} dev questions of {folder.name}")
    click.echo(report.comparison_text(**verdicts))


if __name__ == "__main__":
    main()
