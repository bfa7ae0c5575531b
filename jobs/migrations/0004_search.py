"""Full-text search and tags.

jobs_pagetext is Django's; the index over it is each database's own: FTS5 kept up by triggers on SQLite, a generated
tsvector column with a GIN index on PostgreSQL. Both are fed the same folded words, so both find the same.
"""

import django.db.models.deletion
from django.db import migrations, models

from jobs.domain.search_words import indexed

PAGES_AT_ONCE = 200

ADD = "INSERT INTO jobs_pagewords(rowid, scope, words) VALUES (new.page_id, new.scope, new.words);"
REMOVE = (
    "INSERT INTO jobs_pagewords(jobs_pagewords, rowid, scope, words)"
    " VALUES ('delete', old.page_id, old.scope, old.words);"
)
MAKE = {
    "sqlite": (
        """CREATE VIRTUAL TABLE jobs_pagewords USING fts5(scope, words, content='jobs_pagetext',
           content_rowid='page_id', columnsize=0, tokenize='unicode61 remove_diacritics 0')""",
        f"CREATE TRIGGER jobs_pagetext_added AFTER INSERT ON jobs_pagetext BEGIN {ADD} END",
        f"CREATE TRIGGER jobs_pagetext_removed AFTER DELETE ON jobs_pagetext BEGIN {REMOVE} END",
        f"CREATE TRIGGER jobs_pagetext_changed AFTER UPDATE ON jobs_pagetext BEGIN {REMOVE} {ADD} END",
    ),
    # A short pending list: what a search must look through one by one, and what one unlucky page waits for.
    "postgresql": (
        """ALTER TABLE jobs_pagetext ADD COLUMN vector tsvector GENERATED ALWAYS AS
           (array_to_tsvector(ARRAY[scope::text]) || to_tsvector('simple'::regconfig, words)) STORED""",
        "CREATE INDEX jobs_pagetext_vector ON jobs_pagetext USING gin (vector) WITH (gin_pending_list_limit = 512)",
        # The planner takes the reading of a vector for free, and for a common word reads them all: 600 ms where the
        # index needs 30 (100,000 pages). A function alone can tell it otherwise for one query.
        """CREATE FUNCTION jobs_documents_answering(tsquery) RETURNS SETOF uuid LANGUAGE sql STABLE ROWS 1000
           SET enable_seqscan = off SET jit = off
           AS 'SELECT DISTINCT document_id FROM jobs_pagetext WHERE vector @@ $1'""",
    ),
}
UNMAKE = {
    "sqlite": (
        "DROP TRIGGER jobs_pagetext_changed",
        "DROP TRIGGER jobs_pagetext_removed",
        "DROP TRIGGER jobs_pagetext_added",
        "DROP TABLE jobs_pagewords",
    ),
    "postgresql": (
        "DROP FUNCTION jobs_documents_answering(tsquery)",
        "ALTER TABLE jobs_pagetext DROP COLUMN vector",
    ),
}


def make_index(apps, schema_editor):
    for statement in MAKE[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def unmake_index(apps, schema_editor):
    for statement in UNMAKE[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def index_what_is_there(apps, schema_editor):
    """Some pages at a time, so that a large site takes no more memory than a small one."""
    Page, PageText = apps.get_model("jobs", "Page"), apps.get_model("jobs", "PageText")
    read = Page.objects.filter(reading__isnull=False).order_by("pk")
    facts, after = ("pk", "document_id", "document__owner_id", "reading__text"), 0
    while chunk := list(read.filter(pk__gt=after).values_list(*facts)[:PAGES_AT_ONCE]):
        rows = [
            PageText(page_id=key, document_id=document, scope=f"owner:{owner}", words=indexed(text))
            for key, document, owner, text in chunk
        ]
        PageText.objects.bulk_create([row for row in rows if row.words])
        after = chunk[-1][0]


class Migration(migrations.Migration):

    dependencies = [
        ('jobs', '0003_remove_when_drained'),
    ]

    operations = [
        migrations.CreateModel(
            name='PageText',
            fields=[
                ('page', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='search_row', serialize=False, to='jobs.page')),
                ('document_id', models.UUIDField(help_text='the page’s, at hand for the database')),
                ('scope', models.CharField(help_text='whose document it is, as a word of the index: owner:12', max_length=32)),
                ('words', models.TextField()),
            ],
        ),
        migrations.CreateModel(
            name='Tag',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=40)),
                ('key', models.CharField(max_length=80)),
                ('document', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tags', to='jobs.document')),
            ],
            options={
                'ordering': ['key'],
                'indexes': [models.Index(fields=['key', 'document'], name='tag_key')],
                'constraints': [models.UniqueConstraint(fields=('document', 'key'), name='tag_once_a_document')],
            },
        ),
        migrations.RunPython(make_index, unmake_index),
        migrations.RunPython(index_what_is_there, migrations.RunPython.noop),
    ]
