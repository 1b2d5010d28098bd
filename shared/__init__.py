"""What the API and the worker have in common; imports neither of them."""
