"""Step `evaluate`: a registered version and its untrained base answer questions; answers are executed and compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipesql.inference.config import DecodingConfig
from pipesql.options import group, option, values_of
from pipesql.storage import file_digest
from pipesql.tracking import tags
from pipesql.tracking.evaluations import Traces, earlier_evaluation, note_evaluation, origin
from pipesql.tracking.lookup import data_folder
from pipesql.tracking.registry import get_version, load_base, load_components, set_tags
from pipesql.tracking.runs import step_run
from pipesql.tracking.store import project_root

if TYPE_CHECKING:
    from pipesql.evaluate.judge import Judged
    from pipesql.evaluate.report.evaluation import Evaluation
    from pipesql.inference.confidence import Confidence
    from pipesql.records import GoldenPair
    from pipesql.tracking.open_run import StepRun
    from pipesql.tracking.registry import Version


@dataclass(frozen=True)
class EvaluateOptions:
    """Which version is evaluated, on which questions, and how it answers them."""

    version: str = option("", "Number or alias of a registered version; default: the newest.")
    data: str = option("auto", "Questions: auto (the newest data run), the id of a data run, or a folder.")
    split: str = option("dev", "dev, or validation: databases of train that were held back.")
    database: str = option("", "Ask only questions on these databases: their names, comma-separated; default: on all.")
    limit: int = option(0, "Ask up to N questions, drawn by the seed; 0: all.")
    batch: int = option(16, "Number of questions answered together.")
    seed: int = option(0, "Draws the questions, and with mode=vote the answers.")
    against: str = option("", "An earlier evaluation to compare with: a version's number or alias, or a run id.")
    base: bool = option(True, "1: also evaluate the untrained base; 0: only the version.")
    decoding: DecodingConfig = group(DecodingConfig)
    traces: float = option(0.1, "With mode=agent, the share of questions whose every step is recorded.")


def evaluate(options: EvaluateOptions) -> str:
    """Evaluate a registered version against its untrained base.

    Their answers to the same questions are executed, and the results compared with those of the gold queries.
    """
    with step_run("evaluate") as run:
        version, earlier = get_version(options.version), earlier_evaluation(options.against)
        folder, data_run = data_folder(options.data)

        from pipesql.evaluate.questions import split_questions
        from pipesql.evaluate.report.evaluation import Evaluation

        only = [name.strip() for name in options.database.split(",") if name.strip()]
        questions = split_questions(folder, options.split, options.limit, options.seed, only)
        digest = file_digest(folder / "golden.jsonl")
        run.params(**values_of(options) | {"version": version.number, "data": folder.name, "questions": len(questions)})
        run.dataset(folder.name, folder / "golden.jsonl", digest, context=options.split, rows=len(questions))
        output = f"output/evaluate/{run.run_id}"
        run.tags(**origin(version, data_run), **{tags.OUTPUT: output})
        judged = _judged(run, version, folder, questions, options)
        confidence = _confidence(version) if options.split == "dev" else None
        evaluation = Evaluation(f"Evaluation of {version} on {folder.name}", judged, earlier, confidence)
        _log(run, evaluation, output)
        if not only:
            _note(run, version, evaluation, options.split, digest)
    return f"pipesql {version} on {len(questions)} {options.split} questions of {folder.name}\n{evaluation.text()}"


def _judged(
    run: StepRun, version: Version, folder: Path, questions: Sequence[GoldenPair], options: EvaluateOptions
) -> Mapping[str, list[Judged]]:
    """Judged answers of the version, and before it of its base, by name. Prompts are as in the version's training."""
    from pipesql.evaluate.model_evaluation import evaluate_model
    from pipesql.evaluate.questions import prompt_shape, split_golds

    shape, golds = version.prompt_shape(prompt_shape(folder)), split_golds(folder, options.split)
    decoding = replace(options.decoding, layout=shape.layout, values=shape.values, keys=shape.keys, seed=options.seed)
    cache, span = project_root() / "output/evaluate/cache", Traces(options.traces, options.seed).span
    judged: dict[str, list[Judged]] = {}
    for name in ("base", "tuned") if options.base else ("tuned",):
        model, tokenizer = load_base(version) if name == "base" else load_components(version)
        judged[name], speed = evaluate_model(
            name, model, tokenizer, questions, options.batch, decoding, cache=cache, golds=golds, span=span
        )
        run.metrics(speed)
    return judged


def _confidence(version: Version) -> Confidence | None:
    """What an evaluation on databases that were held back found of the version's confidence; None without one."""
    if not (fitted := version.tags.get(tags.CONFIDENCE)):
        return None
    from pipesql.inference.confidence import Confidence

    return Confidence.read(fitted)


def _log(run: StepRun, evaluation: Evaluation, output: str) -> None:
    """Log figures, files and the table of all answers."""
    from pipesql.evaluate.report.evaluation import comparison_rows

    run.metrics(evaluation.metrics())
    for path in evaluation.write(project_root() / output):
        run.artifact(path, "verdicts" if path.suffix == ".jsonl" else "")
    run.table(comparison_rows(evaluation.verdicts), "predictions.json")


def _note(run: StepRun, version: Version, evaluation: Evaluation, split: str, digest: str) -> None:
    """Record on the version what this evaluation found: on dev, with its base, how good it is; on validation, what
    makes its answers trustworthy."""
    if split == "dev" and "base" in evaluation.verdicts:
        from pipesql.evaluate.report.evaluation import version_figures

        note_evaluation(version, run.run_id, digest, *version_figures(**evaluation.verdicts))
    if split == "validation":
        from pipesql.inference.confidence import fit

        if fitted := fit(evaluation.verdicts["tuned"]):
            set_tags(version, {tags.CONFIDENCE: fitted.text()})
