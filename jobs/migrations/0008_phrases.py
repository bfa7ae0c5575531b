"""Phrases on PostgreSQL: an index of which words stand side by side.

Its text index knows words, and looks for a phrase of common ones through the vector of nearly every page: 700 ms over
100,000 of them. Each pair of neighbours is one of 65,536 numbers, so that the index stays small; what has the number
by chance is told apart by the vector afterwards.
"""

from django.db import migrations

MAKE = (
    # As services.search_engines.pair_number: the first 16 bits of MD5.
    """CREATE FUNCTION jobs_pairs(words text) RETURNS int[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
       SELECT coalesce(array_agg(DISTINCT ('x' || substr(md5(a || ' ' || b), 1, 4))::bit(16)::int), '{}')
       FROM (SELECT w AS a, lead(w) OVER (ORDER BY n) AS b
             FROM unnest(string_to_array(words, ' ')) WITH ORDINALITY AS u(w, n)) AS side_by_side
       WHERE b IS NOT NULL $$""",
    "CREATE INDEX jobs_pagetext_pairs ON jobs_pagetext USING gin (jobs_pairs(words)) WITH (gin_pending_list_limit = 512)",
    # OFFSET 0 keeps the planner from the other order: to count the pairs of every page that has the words takes
    # minutes. So would a bitmap that memory is too small for.
    """CREATE FUNCTION jobs_documents_with_phrase(tsquery, int[]) RETURNS SETOF uuid LANGUAGE sql STABLE ROWS 1000
       SET enable_seqscan = off SET jit = off SET work_mem = '64MB' AS $$
       SELECT DISTINCT document_id
       FROM (SELECT document_id, vector FROM jobs_pagetext WHERE jobs_pairs(words) @> $2 OFFSET 0) AS near
       WHERE vector @@ $1 $$""",
)
UNMAKE = (
    "DROP FUNCTION jobs_documents_with_phrase(tsquery, int[])",
    "DROP INDEX jobs_pagetext_pairs",
    "DROP FUNCTION jobs_pairs(text)",
)


def make(apps, schema_editor):
    _execute(schema_editor, MAKE)


def unmake(apps, schema_editor):
    _execute(schema_editor, UNMAKE)


def _execute(schema_editor, statements):
    if schema_editor.connection.vendor == "postgresql":  # SQLite's own index knows where each word stands
        for statement in statements:
            schema_editor.execute(statement)


class Migration(migrations.Migration):

    dependencies = [
        ("jobs", "0007_measured_rollups"),
    ]

    operations = [migrations.RunPython(make, unmake)]
