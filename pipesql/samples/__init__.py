"""Training samples from golden pairs: what a model reads and what it shall answer, before tokenisation."""

from pipesql.samples.layouts import LAYOUTS, build, require_layout
from pipesql.samples.output import metrics, write
from pipesql.samples.splits import Splits, split_pairs

__all__ = ["LAYOUTS", "Splits", "build", "metrics", "require_layout", "split_pairs", "write"]
