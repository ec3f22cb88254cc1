"""Django's SQLite engine, set for several readers and writers, with row guards kept by triggers."""
