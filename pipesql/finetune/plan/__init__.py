"""What a training will need, before anything is downloaded: memory term by term, steps, hours, and whether it fits."""
