"""People, their credentials, what each may do, and the one door in."""
