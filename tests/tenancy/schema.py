"""The database's schema as text, to compare one moment with another."""

from django.db import connection

POSTGRESQL = """
SELECT 'column ' || table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable
       || ' ' || coalesce(column_default, '') || ' ' || is_identity || coalesce(character_maximum_length, 0)
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL
SELECT 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) || convalidated
FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
UNION ALL
SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL
SELECT 'policy ' || tablename || ' ' || policyname || ' ' || roles::text || cmd || qual || with_check
FROM pg_policies
UNION ALL
SELECT 'table ' || relname || ' ' || relrowsecurity || relforcerowsecurity || ' ' || relowner::regrole || ' '
       || coalesce(array(SELECT unnest(relacl)::text ORDER BY 1)::text, '')
FROM pg_class WHERE relkind IN ('r', 'S') AND relnamespace = 'public'::regnamespace
UNION ALL
SELECT 'trigger ' || pg_get_triggerdef(oid) || tgenabled::text FROM pg_trigger WHERE NOT tgisinternal
UNION ALL
SELECT 'function ' || pg_get_functiondef(oid) || proowner::regrole::text FROM pg_proc
WHERE pronamespace = 'public'::regnamespace AND prokind = 'f'
ORDER BY 1
"""

SQLITE = "SELECT type || ' ' || name || ' ' || sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY 1"


def schema_as_text() -> list[str]:
    """One line for each column, key, index, policy, trigger, function and grant, in a fixed order."""
    with connection.cursor() as cursor:
        cursor.execute(POSTGRESQL if connection.vendor == "postgresql" else SQLITE)
        lines = [line for (line,) in cursor.fetchall()]
    return [_in_any_column_order(line) if line.startswith("table") else line for line in lines]


def _in_any_column_order(line: str) -> str:
    return ", ".join(sorted(line.rstrip(")").split(", ")))
