"""The records that the steps exchange, as JSON Lines on disk; writes are whole or not at all.

One record type per boundary: Question → GoldenPair | Rejection → Sample → Prediction → Verdict.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeVar


@dataclass(frozen=True)
class Question:
    """A natural-language question with its gold SQL. `database` is the path of a file, or a URL."""

    id: str
    db_id: str
    database: str
    question: str
    gold_sql: str
    benchmark: str
    split: str
    """`train` or `dev`; all questions of one database share it."""
    evidence: str = ""
    hardness: str = ""


@dataclass(frozen=True)
class GoldenPair:
    """A question whose pipe form, parsed back from its text, returned the gold's rows."""

    id: str
    db_id: str
    database: str
    question: str
    gold_sql: str
    benchmark: str
    split: str
    operators: tuple[str, ...]
    """Canonical text of each operator, in order; joined by newlines they are the pipe SQL."""
    lowered_sql: str
    rows: int
    rows_digest: str
    database_digest: str
    evidence: str = ""
    hardness: str = ""
    perturbed_rows: int = 0
    """The proof's second half: rows of the gold on the perturbed copy, and their digest."""
    perturbed_digest: str = ""
    proofs: int = 2
    """Databases on which it returned the gold's rows: 1 where a perturbed copy cannot be made (a server's database)."""
    pure: bool = True
    """The text holds no standard-SQL block. True of every golden pair; it is here for readers of the file."""
    constructs: tuple[str, ...] = ()
    """The constructs of the gold (`golden.constructs`)."""
    parents: tuple[str, ...] = ()
    """Ids of the pairs that it was made from, if it is not one of the benchmark's own (`pipesql.augment`)."""

    @property
    def pipe_sql(self) -> str:
        return "\n".join(self.operators)


@dataclass(frozen=True)
class Rejection:
    """A question without a golden pair. `reason` is a short class (to count by), `detail` a sentence."""

    id: str
    db_id: str
    question: str
    gold_sql: str
    benchmark: str
    split: str
    reason: str
    detail: str
    pipe_sql: str = ""
    lowered_sql: str = ""
    shown_on: str = ""
    """The database on which it showed: `real` or `perturbed`; empty if nothing was executed."""
    operator: int = 0
    """Number (from 1) of the first operator after which it shows; 0 if no operator is to blame."""
    agrees: int = 0
    """Number of the last operator before that after which the rows still agreed; the fault lies behind it. 0: none."""
    hardness: str = ""
    constructs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sample:
    """One training sequence before tokenisation: `prompt` (chat messages) then `targets`, one per operator.

    Layout `folded` (and `tree`, which is the same in a shorter file): all operators of the query are targets. Layout
    `steps`: one target, and the prompt holds the query so far. Layout `tools`: the prompt is a conversation in which
    the assistant called some of `tools`; the loss counts its messages too, except those of `weight` 0.
    `final`: the last target ends the query.
    """

    id: str
    db_id: str
    split: str
    layout: str
    prompt: tuple[dict[str, Any], ...]
    targets: tuple[str, ...]
    final: bool = True
    tools: tuple[dict[str, Any], ...] = ()


RENAMING_SIGN = "@"
"""In the ids of samples and databases under other names, before the number of the renaming (`samples.renaming`)."""


def query_of(sample_id: str, layout: str) -> str:
    """The id of the query of a sample: samples of single steps and conversations have a suffix after `#`."""
    return sample_id.rpartition("#")[0] if layout in ("steps", "tools") else sample_id


def original(name: str) -> str:
    """The id of the pair or database that a renamed one was made from; any other id as it is."""
    before, sign, number = name.rpartition(RENAMING_SIGN)
    return before if sign and number.isdigit() else name


@dataclass(frozen=True)
class Tree:
    """The folded samples of one database, with the shared beginning of their prompts once.

    `prompt` is that beginning, its last message incomplete; a branch has the sample's `id`, the `rest` of the last
    message, and the `targets`.
    """

    id: str
    db_id: str
    split: str
    prompt: tuple[dict[str, Any], ...]
    branches: tuple[dict[str, Any], ...]
    layout: str = "tree"


@dataclass(frozen=True)
class Prediction:
    """A model's answer to a question. `stop` is why decoding ended: done, invalid or length; or missing: there is no
    answer."""

    id: str
    db_id: str
    database: str
    question: str
    gold_sql: str
    operators: tuple[str, ...]
    stop: str
    detail: str = ""
    """For `invalid`: the error at the first operator that does not hold."""
    tokens: int = 0
    hardness: str = ""
    gold_operators: tuple[str, ...] = ()
    logprob: float = 0.0
    """Log probability of the answer's tokens in nats; 0 where it was not computed (`decoding.types`)."""
    share: float = 1.0
    """Share of the votes won by this answer's result; 1 without a vote."""
    backtracks: int = 0
    """How often one hypothesis was left for another while decoding."""
    missing_mentions: tuple[str, ...] = ()
    """Names of the schema that the question mentions and the answer leaves out."""

    @property
    def pipe_sql(self) -> str:
        return "\n".join(self.operators)


@dataclass(frozen=True)
class Verdict:
    """A prediction judged by execution. `valid`: it parsed, resolved and executed."""

    id: str
    db_id: str
    question: str
    gold_sql: str
    pipe_sql: str
    lowered_sql: str
    valid: bool
    correct: bool
    """Execution accuracy by the strict rule: rows equal the gold's as a multiset, in order where the gold orders."""
    cause: str = ""
    """Empty when correct, else: missing, length, syntax, name, unsupported, execution, timeout, rows."""
    detail: str = ""
    hardness: str = ""
    extra: dict[str, Any] = field(default_factory=dict)
    """What decoding recorded with the answer: `stop`, `tokens`, `operators`, `logprob`, `share`, `backtracks` and the
    number of `missing_mentions`."""
    spider: bool | None = None
    bird: bool | None = None
    soft_f1: float | None = None
    """By the benchmarks' own rules (`evaluate.rules`), the last in 0…1; None where it was not judged by them."""
    diverges_at: int = 0
    """Number (from 1) of the operator at which a wrong answer diverges from the gold (`evaluate.divergence`), or 0."""
    diverges_in: str = ""
    """The name of that operator."""
    gold_operators: tuple[str, ...] = ()

    def score(self, rule: str) -> float | None:
        """The score by a rule of `evaluate.rules`, in 0…1; None where the answer was not judged by it."""
        scores = {"strict": self.correct, "spider": self.spider, "bird": self.bird, "soft_f1": self.soft_f1}
        value = scores[rule]
        return None if value is None else float(value)


Record = TypeVar("Record", Question, GoldenPair, Rejection, Sample, Tree, Prediction, Verdict)

_OLD_ANSWER = {"score": "logprob", "switches": "backtracks", "unsaid": "missing_mentions"}
OLD_FIELDS: dict[str, dict[str, str]] = {
    "GoldenPair": {"disturbed_rows": "perturbed_rows", "disturbed_digest": "perturbed_digest"},
    "Rejection": {"witness": "shown_on"},
    "Prediction": _OLD_ANSWER,
    "Verdict": {"parts_at": "diverges_at", "parts_in": "diverges_in"},
    "Verdict.extra": _OLD_ANSWER,
}
"""Record, or a field of one that holds an object → name in files of version 0.1 → its name now. Such files are still
read."""
