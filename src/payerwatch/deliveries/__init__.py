"""Signed messages to other systems and to people: kept with their cause, sent until they arrive, and never twice
under two ids."""
