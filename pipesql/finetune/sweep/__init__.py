"""Which settings a sweep tries: axes read from text or a file, and the order in which their points are taken."""
