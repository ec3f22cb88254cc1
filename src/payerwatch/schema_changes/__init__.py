"""Changes of tables that nobody who uses them notices: the operations that migrations are written with.

A migration of these says `atomic = False`, as each operation is a transaction of its own or none. What was done before
a migration was stopped is found so by the catalogue and passed over, so that the same migration is simply run again.
On SQLite, which one process uses at a time, each operation does the plain thing.
"""
