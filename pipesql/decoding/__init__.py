"""Decoding: prompts become answers, operator by operator. It knows models, tokens and schemas, and not databases."""
