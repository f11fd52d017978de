"""Progress of long work on standard error: a bar on a terminal, a line now and then in a log.

with Progress("golden pairs", 507, "questions") as progress:
    progress.update(12, rejected=1)

golden pairs: 12 of 507 questions, 1 rejected, 3 min left
"""

from __future__ import annotations

import shutil
import sys
import time
from collections import Counter
from types import TracebackType
from typing import Self

FIRST_LINE_S = 5.0
"""Seconds until a log gets its first line, and at least between two of its lines."""
APART = 0.05
"""Share of the time taken so far that must pass between two lines: the longer the work, the rarer the lines."""
BAR_S = 0.1
"""Seconds between two updates of a bar."""
_BAR_WIDTH = 24


class Progress:
    """Counts finished `unit`s of a `total` (0: not known yet). Work that takes no time is not shown.

    A `silent` one shows nothing. Use as a context manager, or call `close`.
    """

    def __init__(self, name: str, total: float, unit: str, *, silent: bool = False) -> None:
        self.total = total
        self._name, self._unit, self._silent = name, unit, silent
        self._counts: Counter[str] = Counter()
        self._done = self._skipped = 0.0
        self._start = time.monotonic()
        self._is_terminal = sys.stderr.isatty()
        self._due = self._start + (BAR_S if self._is_terminal else FIRST_LINE_S)
        self._shown = self._closed = False

    def skip(self, done: float) -> None:
        """Count units that were finished earlier; the time that is left is not estimated from them."""
        self._done += done
        self._skipped += done

    def update(self, done: float = 1, **counts: int) -> None:
        """Add `done` finished units, and to other counts by the name that they are shown under."""
        self._done += done
        self._counts.update(counts)
        now = time.monotonic()
        if now >= self._due and not 0 < self.total <= self._done:  # `close` shows the end
            self._show(now)

    def _show(self, now: float) -> None:
        took = now - self._start
        self._due = now + (BAR_S if self._is_terminal else max(FIRST_LINE_S, took * APART))
        self._write(f"{self._text()}, {_duration(self._left(took))} left" if self._known() else self._text())

    def _known(self) -> bool:
        """Whether the time that is left can be estimated."""
        return self._skipped < self._done < self.total

    def _left(self, took: float) -> float:
        return took / (self._done - self._skipped) * (self.total - self._done)

    def _text(self) -> str:
        of = f" of {self.total:,.0f}" if self.total else ""
        counts = "".join(f", {count:,} {name}" for name, count in self._counts.items() if count)
        return f"{self._name}: {self._done:,.0f}{of} {self._unit}{counts}"

    def _write(self, text: str, end: str = "") -> None:
        if self._silent:
            return
        self._shown = True
        if not self._is_terminal:
            print(text, file=sys.stderr, flush=True)
            return
        width = shutil.get_terminal_size().columns - 1
        filled = round(_BAR_WIDTH * min(1.0, self._done / self.total)) if self.total else 0
        bar = f"{'━' * filled}{'─' * (_BAR_WIDTH - filled)}  " if self.total and width > 3 * _BAR_WIDTH else ""
        sys.stderr.write(f"\r\x1b[K{(bar + text)[:width]}{end}")
        sys.stderr.flush()

    def close(self) -> None:
        """Show the final counts and the time in all. Closing twice is fine."""
        now = time.monotonic()
        if not self._closed and (self._shown or now >= self._due):
            self._write(f"{self._text()}, {_duration(now - self._start)} in all", end="\n")
        self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _duration(seconds: float) -> str:
    """Seconds in the usual units: `8 s`, `3 min`, `2 h 5 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
