"""Backups: one sealed file each, restored into what is empty, and tried before they are needed."""
