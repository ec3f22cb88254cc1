"""What speaks HTTP; it decides nothing."""
