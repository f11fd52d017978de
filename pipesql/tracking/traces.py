"""What agents do, as traces in MLflow."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

Note = Callable[[Mapping[str, Any]], None]


class Traces:
    """Records a `share` of the questions, drawn by `seed`, as traces of the active experiment and run; use `span`.

    The first span of a question decides for all spans within it.
    """

    def __init__(self, share: float = 1.0, seed: int = 0) -> None:
        self._share, self._draw, self._depth, self._on = share, random.Random(seed), 0, False

    def span(self, name: str, kind: str, inputs: Mapping[str, Any]) -> AbstractContextManager[Note]:
        """A span (`evaluate.agent.Span`)."""
        if self._depth == 0:
            self._on = self._draw.random() < self._share
        return self._recorded(name, kind, inputs) if self._on else self._silent()

    @contextmanager
    def _recorded(self, name: str, kind: str, inputs: Mapping[str, Any]) -> Iterator[Note]:
        import mlflow

        self._depth += 1
        try:
            with mlflow.start_span(name, span_type=kind) as span:
                span.set_inputs(dict(inputs))
                yield span.set_outputs
        finally:
            self._depth -= 1

    @contextmanager
    def _silent(self) -> Iterator[Note]:
        self._depth += 1
        try:
            with nullcontext():
                yield lambda outputs: None
        finally:
            self._depth -= 1
