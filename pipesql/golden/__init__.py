"""Golden pairs: questions whose pipe form, read back from its text, returns the gold's rows.

`build` makes them, `write` and `write_manifest` put them on disk, `report` counts them.
"""

from pipesql.golden.build import GoldenBuild, build
from pipesql.golden.output import artifacts, question_digests, write, write_manifest
from pipesql.golden.report import metrics, report, report_text

__all__ = [
    "GoldenBuild",
    "artifacts",
    "build",
    "metrics",
    "question_digests",
    "report",
    "report_text",
    "write",
    "write_manifest",
]
