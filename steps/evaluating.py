"""The parts of the step `evaluate`: models asked and judged, and what is written down of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pipesql.tracking.evaluations import CONFIDENCE, Traces, note_evaluation
from pipesql.tracking.registry import load_base, load_components, set_tags
from pipesql.tracking.store import project_root

if TYPE_CHECKING:
    from pipesql.evaluate.judge import Judged
    from pipesql.evaluate.report.evaluation import Evaluation
    from pipesql.inference.config import DecodingConfig
    from pipesql.records import GoldenPair
    from pipesql.tracking.registry import Version
    from pipesql.tracking.runs import StepRun


def judged(
    run: StepRun,
    version: Version,
    asked: Sequence[GoldenPair],
    config: DecodingConfig,
    base: int,
    traces: float,
    **how: Any,
) -> dict[str, list[Judged]]:
    """Answers of the version, and before it of its base, judged; `how` as in `evaluate_model`.

    Of an agent a share `traces` of the questions is recorded.
    """
    from pipesql.evaluate.model_evaluation import evaluate_model

    cache, span, answers = project_root() / "output/evaluate/cache", Traces(traces, config.seed).span, {}
    for name in ("base", "tuned") if base else ("tuned",):
        loaded = load_base(version) if name == "base" else load_components(version)
        answers[name], speed = evaluate_model(name, *loaded, asked, config=config, cache=cache, span=span, **how)
        run.metrics(speed)
    return answers


def log(run: StepRun, evaluation: Evaluation, output: str) -> None:
    """Log figures, files and the table of all answers."""
    from pipesql.evaluate.report.text import comparison_rows

    run.metrics(evaluation.metrics())
    for path in evaluation.write(project_root() / output):
        run.artifact(path, "verdicts" if path.suffix == ".jsonl" else "")
    run.table(comparison_rows(evaluation.verdicts), "predictions.json")


def note(run: StepRun, version: Version, evaluation: Evaluation, split: str, digest: str) -> None:
    """Write down at the version what this evaluation says of it: beside its base on dev how good it is; on databases of
    train that were held back, what makes its answers trustworthy."""
    from pipesql.evaluate.report.text import version_figures
    from pipesql.inference.confidence import fit

    if split == "dev" and "base" in evaluation.verdicts:
        note_evaluation(version, run.run_id, digest, *version_figures(**evaluation.verdicts))
    if split == "validation" and (fitted := fit(evaluation.verdicts["tuned"])):
        set_tags(version, {CONFIDENCE: fitted.text()})
