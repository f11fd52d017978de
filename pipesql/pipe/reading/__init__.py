"""Pipe text to operators: begin with `parser`."""
