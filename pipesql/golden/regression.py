"""A build compared with an earlier one, and a build as the data step makes it: resumed, compared, put in its place.

Questions are the same when their ids are. A pair that was golden must be golden again if its question is part of this
build, else the build has regressed. Questions of the earlier build that are not part of it (because of a smaller
`limit`) are counted, and are not a regression.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipesql.errors import InvalidOption, PipesqlError
from pipesql.golden.build import GoldenBuild, build
from pipesql.golden.journal import Journal
from pipesql.records import GoldenPair, Question
from pipesql.storage import read_jsonl, require_writable

_NAMED = 10


@dataclass(frozen=True)
class Lost:
    """A pair that is golden no longer. `changed` names the inputs that changed: gold, database."""

    id: str
    reason: str
    detail: str
    changed: tuple[str, ...]
    pipe_sql_before: str


@dataclass(frozen=True)
class Comparison:
    """An earlier build (`baseline`: the file of its pairs) and this one."""

    baseline: str
    pairs_before: int
    still_golden: int
    lost: tuple[Lost, ...]
    gained: tuple[str, ...]
    """Ids that are golden now and were not."""
    text_changed: tuple[str, ...]
    """Ids that are golden in both, with another pipe text."""
    missing: int
    """Pairs of the earlier build whose questions are not part of this one."""

    def document(self) -> dict[str, Any]:
        """The content of regression.json."""
        return asdict(self)

    def text(self) -> str:
        """One paragraph to print, with a newline at its end."""
        head = (
            f"compared with {self.baseline}: {self.still_golden} of {self.pairs_before} pairs are still golden, "
            f"{len(self.lost)} lost, {len(self.gained)} gained, {len(self.text_changed)} with another text, "
            f"{self.missing} not in this build"
        )
        return "\n".join([head, *(f"  lost {each.id}: {each.reason}" for each in self.lost[:_NAMED])]) + "\n"

    def require_none_lost(self, kept: Path) -> None:
        """Raise PipesqlError, naming the pairs, if any were lost. `kept` is the folder that holds this build."""
        if not self.lost:
            return
        names = ", ".join(f"{each.id} ({each.reason})" for each in self.lost[:_NAMED])
        more = f" and {len(self.lost) - _NAMED} more" if len(self.lost) > _NAMED else ""
        raise PipesqlError(
            f"{len(self.lost)} pairs of {self.baseline} are golden no longer: {names}{more}; "
            f"the new build is in {kept}, beside the earlier output"
        )


def read_baseline(path: Path) -> list[GoldenPair]:
    """Read the pairs of an earlier build, its golden.jsonl. Raises InvalidFile if it is missing or malformed."""
    return list(read_jsonl(path, GoldenPair))


def compare_builds(build: GoldenBuild, before: Sequence[GoldenPair], baseline: str) -> Comparison:
    """Compare this build with the pairs of an earlier one. Raises InvalidOption if they share no question."""
    now = {pair.id: pair for pair in build.pairs}
    rejected = {rejection.id: rejection for rejection in build.rejections}
    earlier = {pair.id: pair for pair in before}
    if not earlier.keys() & (now.keys() | rejected.keys()):
        raise InvalidOption(
            f"the baseline {baseline} and this build have no question in common; give a build of the same benchmark"
        )
    digests = set(build.databases.values())
    lost = []
    for name in earlier.keys() & rejected.keys():
        old, new = earlier[name], rejected[name]
        changed = ["gold"] if old.gold_sql != new.gold_sql else []
        changed += [] if old.database_digest in digests else ["database"]
        lost.append(Lost(name, new.reason, new.detail, tuple(changed), old.pipe_sql))
    both = earlier.keys() & now.keys()
    return Comparison(
        baseline=baseline,
        pairs_before=len(earlier),
        still_golden=len(both),
        lost=tuple(sorted(lost, key=lambda each: each.id)),
        gained=tuple(sorted(now.keys() - earlier.keys())),
        text_changed=tuple(sorted(name for name in both if earlier[name].operators != now[name].operators)),
        missing=len(earlier) - len(both) - len(lost),
    )


SCRATCH = Path("output") / ".scratch"
"""Journals of builds that have not ended; may be deleted whenever no build is running."""


class Making:
    """One build for the output folder `folder`.

    `baseline` is the golden.jsonl of an earlier build; it is read at once, since the new output may replace it. Raises
    InvalidFile if it cannot be read.
    """

    def __init__(self, folder: Path, engine: str = "local", workers: int = 0, baseline: Path | None = None) -> None:
        self.comparison: Comparison | None = None
        """This build compared with the baseline, once it is made and if there is a baseline."""
        self.folder = folder
        self._engine = engine
        self._workers = workers
        self._baseline = baseline
        self._before = read_baseline(baseline) if baseline else None
        self._journal = SCRATCH / folder.name

    def build(self, questions: Sequence[Question], seed: int) -> GoldenBuild:
        """Make the build, resuming from the journal if an earlier one crashed.

        Raises as `build` does, and StorageError if the output cannot be written.
        """
        require_writable(self.folder)
        made = build(questions, seed, self._workers, journal=self._journal, engine=self._engine)
        if self._before is not None:
            self.comparison = compare_builds(made, self._before, str(self._baseline))
        return made

    @property
    def target(self) -> Path:
        """The folder to write to; if pairs were lost, another one, so that the earlier output is not overwritten."""
        regressed = self.comparison is not None and self.comparison.lost
        return self.folder.with_name(f"{self.folder.name}-regressed") if regressed else self.folder

    def finish(self) -> None:
        """Delete the journal once the output is written. Raises PipesqlError if pairs were lost, naming them."""
        Journal(self._journal).clear()
        if self.comparison is not None:
            self.comparison.require_none_lost(self.target)
