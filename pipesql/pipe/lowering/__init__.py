"""Operators to clauses of standard queries: begin with `lower`."""
