"""How an operator may continue: a grammar for the names that are visible, and the tokens that it allows."""
