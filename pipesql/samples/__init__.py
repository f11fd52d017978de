"""Training samples from golden pairs: what a model reads and what it should answer, before tokenisation."""

from pipesql.samples.build import Built, build
from pipesql.samples.layouts import Options
from pipesql.samples.output import ARTIFACTS, metrics, write
from pipesql.samples.splits import Splits, split_pairs
from pipesql.samples.stats import statistics_text

__all__ = ["ARTIFACTS", "Built", "Options", "Splits", "build", "metrics", "split_pairs", "statistics_text", "write"]
