"""Execution accuracy of a model in training, by which the best checkpoint can be chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pipesql.errors import BadInput
from pipesql.evaluate.asking import Asking
from pipesql.evaluate.predict import predict
from pipesql.evaluate.questions import prompt_shape
from pipesql.evaluate.score import score
from pipesql.records import GoldenPair, read_jsonl


def accuracy_on(folder: Path, batch: int = 16) -> Callable[[Any, Any, Sequence[str], str], float]:
    """(model, tokenizer, ids of golden pairs, layout) → the share answered right, of the pairs of a data folder.

    The model is asked greedily in the layout that it is trained in, and left in the mode in which it came. Raises
    BadInput where the folder has no such pairs.
    """
    pairs = {pair.id: pair for pair in read_jsonl(folder / "golden.jsonl", GoldenPair)}
    shape = prompt_shape(folder)
    values, keys = shape["values"], shape["keys"]

    def measure(model: Any, tokenizer: Any, ids: Sequence[str], layout: str) -> float:
        asked = [pairs[name] for name in ids if name in pairs]
        if not asked:
            raise BadInput(f"{folder}/golden.jsonl has none of the questions to choose a checkpoint by: select loss")
        training = model.training
        model.eval()
        try:
            verdicts = score(predict(model, tokenizer, asked, Asking(layout, values, keys), batch=batch))
        finally:
            model.train(training)
        return sum(verdict.correct for verdict in verdicts) / len(verdicts)

    return measure
