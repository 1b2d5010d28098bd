"""Says what is wrong with an installation, from the outside: a line for each thing, ok or what to do."""
