"""Sweeps: the settings that vary, read from text or a file, and the order in which their combinations are tried."""
