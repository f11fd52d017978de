"""A question becomes an answer: the prompt, decoding, checks against the database, votes and confidence."""
