"""Two tenant tables that only tests use: a shelf and the books on it."""
