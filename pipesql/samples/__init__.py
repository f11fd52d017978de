"""Training samples from golden pairs: what a model reads and what it should answer, before tokenisation."""
