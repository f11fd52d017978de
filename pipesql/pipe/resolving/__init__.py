"""What names mean: begin with `resolve`."""
