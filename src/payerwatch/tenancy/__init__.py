"""Customers, and whose rows the running code may see."""
