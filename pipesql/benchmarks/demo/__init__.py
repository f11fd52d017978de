"""The demo benchmark: small databases and questions that ship with pipesql, as readable text.

Every folder `data/<split>/<db_id>/` is one database: `schema.sql`, one CSV file per table, `questions.jsonl`.
`build` turns the texts into SQLite files, `questions` gives the questions about them.
"""

from pipesql.benchmarks.demo.databases import build
from pipesql.benchmarks.demo.questions import questions

__all__ = ["build", "questions"]
