"""What the `just` recipes run. Nothing of the service itself imports from here."""
