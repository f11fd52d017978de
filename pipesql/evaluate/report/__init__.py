"""A finished evaluation as figures, text and an HTML page."""
