"""The entry points of MLproject, each run as `python -m steps.<name>`; what they do is in `pipesql.workflows`."""
