"""Operators to clauses of standard queries: `lower` starts here."""
