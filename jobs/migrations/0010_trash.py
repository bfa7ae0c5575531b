from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0009_notices")]

    operations = [
        migrations.AddField(
            model_name="document",
            name="trashed_at",
            field=models.DateTimeField(blank=True, help_text="when it was put into the trash", null=True),
        ),
        migrations.AddField(
            model_name="document",
            name="purging",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="it is being deleted for good: nothing brings it back",
            ),
        ),
        migrations.AddIndex(
            model_name="document",
            index=models.Index(
                condition=models.Q(("trashed_at__isnull", False)), fields=["trashed_at"], name="document_in_trash"
            ),
        ),
    ]
