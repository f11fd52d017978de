"""A build as the data step makes it: gone on with after a kill, compared with an earlier one, put in its place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipesql.folders import require_writable
from pipesql.golden.build import GoldenBuild, build
from pipesql.golden.journal import Journal
from pipesql.golden.regression import Comparison, compare_builds, read_baseline
from pipesql.records import Question

SCRATCH = Path("output") / ".scratch"
"""Journals of builds that have not ended; may be deleted whenever none is running."""


class Making:
    """One build for the output folder `folder`.

    `baseline` is the golden.jsonl of an earlier build; it is read at once, since the new output may replace it. Raises
    BadInput where it cannot be read.
    """

    def __init__(self, folder: Path, engine: str = "local", workers: int = 0, baseline: Path | None = None) -> None:
        self.comparison: Comparison | None = None
        """This build beside the baseline, once it is made and if there is one."""
        self.folder = folder
        self._engine = engine
        self._workers = workers
        self._baseline = baseline
        self._before = read_baseline(baseline) if baseline else None
        self._journal = SCRATCH / folder.name

    def build(self, questions: Sequence[Question], seed: int) -> GoldenBuild:
        """The build, from the journal where a killed one left something there.

        Raises as `build` does, and BadInput where the output could not be written.
        """
        require_writable(self.folder)
        made = build(questions, seed, self._workers, journal=self._journal, engine=self._engine)
        if self._before is not None:
            self.comparison = compare_builds(made, self._before, str(self._baseline))
        return made

    @property
    def target(self) -> Path:
        """Where the output belongs: not over the good one where pairs were lost, but beside it."""
        regressed = self.comparison is not None and self.comparison.lost
        return self.folder.with_name(f"{self.folder.name}-regressed") if regressed else self.folder

    def finish(self) -> None:
        """Once the output is written: forget the journal. Raises PipesqlError where pairs were lost, naming them."""
        Journal(self._journal).clear()
        if self.comparison is not None:
            self.comparison.require_none_lost(self.target)
