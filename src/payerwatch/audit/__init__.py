"""Who did what to what, append-only, in a chain that shows tampering."""
