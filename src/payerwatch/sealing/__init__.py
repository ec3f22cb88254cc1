"""Encryption of fields at rest."""
