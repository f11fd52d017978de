"""An answer becomes a verdict (`judge`), and verdicts become figures (`statistics`, `breakdown`, `report`)."""
