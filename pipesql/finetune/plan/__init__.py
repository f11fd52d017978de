"""Forecasts of a training, before anything is downloaded: memory term by term, steps, hours, and whether it fits."""
