"""The month in figures: built from counts, looked at, then issued and never changed again."""
