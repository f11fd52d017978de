"""Pipe text to operators: `parser` starts here."""
