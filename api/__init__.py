"""The HTTP side: takes jobs in, tells how they go."""
