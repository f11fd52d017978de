"""Golden pairs: questions whose pipe form, read back from its text, returns the gold's rows.

`build` makes them, `Making` is a build as the data step makes it, `write` and `write_manifest` put one on disk,
`report` counts it.
"""

from pipesql.golden.build import GoldenBuild, build
from pipesql.golden.output import artifacts, question_digests, write, write_manifest
from pipesql.golden.regression import Making
from pipesql.golden.report import metrics, report, report_text

__all__ = [
    "GoldenBuild",
    "Making",
    "artifacts",
    "build",
    "metrics",
    "question_digests",
    "report",
    "report_text",
    "write",
    "write_manifest",
]
