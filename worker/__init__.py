"""Turns jobs into audio."""
