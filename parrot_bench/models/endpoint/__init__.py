"""Served models that speak OpenAI's protocol."""
