"""What an operator may still become: a grammar for the scope at hand, and the tokens that it allows."""
