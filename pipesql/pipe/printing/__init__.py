"""Operators to text: `printer` starts here."""
