"""Operators to text: begin with `printer`."""
