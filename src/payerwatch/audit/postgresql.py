"""How PostgreSQL keeps entries: a function of the owner's appends, triggers refuse everything else.

The application may read the tables and call the functions. They take the customer from the transaction,
the time from the server's clock once the chain is locked, and compute the digest themselves.
"""

from typing import Any

from payerwatch.tenancy.postgresql.roles import app_role

TABLES = ("audit_entry", "audit_chain", "audit_installationentry", "audit_installationchain")

_APPEND = """
CREATE FUNCTION public.{function}(content text[], OUT new_position bigint, OUT new_digest bytea, OUT new_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  own bigint := {own};
  last_length bigint;
  last_digest bytea;
  said text;
BEGIN
  IF array_ndims(content) IS DISTINCT FROM 1 OR array_length(content, 1) <> 11
      OR array_position(content, NULL) IS NOT NULL THEN
    RAISE EXCEPTION 'an entry has eleven columns';
  END IF;
  SELECT length, digest INTO last_length, last_digest FROM public.{chain} WHERE {key} = own FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    INSERT INTO public.{chain} ({key}, length, digest) VALUES (own, 0, decode(repeat('00', 32), 'hex'))
      ON CONFLICT ({key}) DO NOTHING;
    SELECT length, digest INTO last_length, last_digest FROM public.{chain} WHERE {key} = own FOR NO KEY UPDATE;
  END IF;
  new_position := last_length + 1;
  new_at := clock_timestamp();
  said := '[' || {customer} || ',' || substr(array_to_json(content)::text, 2);
  new_digest := sha256(last_digest || int8send(new_position)
    || int8send((extract(epoch FROM new_at) * 1000000)::bigint) || convert_to(said, 'UTF8'));
  INSERT INTO public.{entry} ({column} position, at, actor_kind, actor_id, actor_name, role, address, request_id,
      verb, thing_kind, thing_id, outcome, detail, previous, digest)
    VALUES ({value} new_position, new_at, content[1], content[2], content[3], content[4], content[5], content[6],
      content[7], content[8], content[9], content[10], content[11], last_digest, new_digest);
  UPDATE public.{chain} SET length = new_position, digest = new_digest WHERE {key} = own;
END $$
"""
_FUNCTIONS = {
    "audit_append": {
        "own": "current_setting('app.customer_id')::bigint",
        "entry": "audit_entry",
        "chain": "audit_chain",
        "key": "customer_id",
        "customer": "own",
        "column": "customer_id,",
        "value": "own,",
    },
    "audit_append_for_installation": {
        "own": "1",
        "entry": "audit_installationentry",
        "chain": "audit_installationchain",
        "key": "id",
        "customer": "'null'",
        "column": "",
        "value": "",
    },
}
_REFUSE = """
CREATE FUNCTION public.audit_refuse() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'append-only: % refused on %', lower(TG_OP), TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$
"""


def make_append_only(editor: Any) -> None:
    """Make the functions and the triggers. As the owner of the tables."""
    role = editor.quote_name(app_role(editor.connection.alias))
    for name, words in _FUNCTIONS.items():
        editor.execute(_APPEND.format(function=name, **words), None)
        editor.execute(f"REVOKE ALL ON FUNCTION public.{name}(text[]) FROM PUBLIC")
        editor.execute(f"GRANT EXECUTE ON FUNCTION public.{name}(text[]) TO {role}")
    editor.execute(_REFUSE, None)
    for table in TABLES:
        # The head of a chain is written anew by each entry, and only by the functions: nobody is granted it.
        refused = "DELETE OR TRUNCATE" if table.endswith("chain") else "UPDATE OR DELETE OR TRUNCATE"
        editor.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE {refused} ON public.{table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse()"
        )


def unmake_append_only(editor: Any) -> None:
    for table in TABLES:
        editor.execute(f"DROP TRIGGER {table}_append_only ON public.{table}")
    editor.execute("DROP FUNCTION public.audit_refuse()")
    for name in _FUNCTIONS:
        editor.execute(f"DROP FUNCTION public.{name}(text[])")
