"""How often something may be done: exact over any window, across threads and processes."""
