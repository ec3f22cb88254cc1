"""Django's PostgreSQL engine with two roles: `app` obeys row policies, `migrator` owns the tables."""
