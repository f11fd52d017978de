"""What names mean: `resolve` starts here."""
