"""pipesql: teach small open language models to write pipe SQL, and the toolchain around that."""

__version__ = "0.1.0"
