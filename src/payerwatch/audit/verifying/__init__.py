"""The verifier: `python -m payerwatch.audit.verifying EXPORT`. It needs Python and `cryptography`, nothing else.

It shares no code with what writes entries on PostgreSQL, and can be copied out and run where the product is not
installed. `definition` says what a digest is; `checkpoints` what is kept outside the database.
"""
