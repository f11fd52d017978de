"""Step `promote`: an evaluated version becomes the champion if it is better on the same questions, else not."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from pipesql.options import option
from pipesql.records import Verdict
from pipesql.storage import read_jsonl, write_json
from pipesql.tracking import tags
from pipesql.tracking.registry import Version, champion, get_version, set_tags
from pipesql.tracking.registry import promote as make_champion
from pipesql.tracking.runs import get_run, step_run
from pipesql.tracking.store import project_root


@dataclass(frozen=True)
class PromoteOptions:
    """Which version may become the champion, and by how strict a test."""

    version: str = option("", "Number or alias of an evaluated version; default: the newest evaluated one.")
    alpha: float = option(0.05, "The champion is replaced only if the paired test's p is below this.")


def promote(options: PromoteOptions) -> str:
    """Make a version the champion if it is better on the same questions.

    The decision and its reason are recorded on the version.
    """
    with step_run("promote") as run:
        version, reigning = get_version(options.version, evaluated=True), champion()
        run.params(version=version.number, alpha=options.alpha, champion=reigning.number if reigning else "none")

        from pipesql.evaluate.gate import decide, keep

        if reigning and reigning.number == version.number:
            decision = keep(f"{version} is the champion already", options.alpha)
        else:
            decision = decide(
                _verdicts(version, "tuned"),
                _verdicts(reigning, "tuned") if reigning else _verdicts(version, "base"),
                alpha=options.alpha,
                candidate_name=str(version),
                reference_name=f"the champion, {reigning}," if reigning else "the base model",
            )
        if decision.promote:
            version = make_champion(version)
        set_tags(version, {tags.DECISION: decision.sentence})
        run.metrics(decision.metrics())
        run.tags(**{tags.VERSION: version.number, tags.DECISION: decision.sentence})
        run.tags(**{tags.TRAIN_RUN: version.tags.get(tags.TRAIN_RUN, "")})
        path = project_root() / "output" / "promote" / run.run_id / "decision.json"
        write_json(path, {**dataclasses.asdict(decision), "version": version.number, "stage": version.stage})
        run.artifact(path)
    return f"{decision.sentence} [{', '.join((version.stage, *version.aliases))}]"


def _verdicts(version: Version, name: str) -> list[Verdict]:
    """The verdicts of one model in the version's own evaluation: `base` or `tuned`."""
    evaluation = get_run(get_version(version.number, evaluated=True).tags[tags.EVALUATE_RUN])
    return list(read_jsonl(evaluation.artifact(f"verdicts/{name}.jsonl"), Verdict))
