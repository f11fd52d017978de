"""The benchmarks' own rules by which an answer's rows are held against the gold's; `rules.scores` lists all."""
