import zstandard
from django.db import migrations, models

from payerwatch.sealing.keys import SECRET_KEY_ID, seal_bytes, unseal_bytes

_PIECES = """
SELECT slice.id, slice.customer_id, slice.key_id, 'upload.' || kind || ' ' || upload.public_id || ' ' || position, sealed
FROM claims_uploadslice AS slice JOIN claims_upload AS upload ON upload.id = slice.upload_id
WHERE packed AND slice.id > %s ORDER BY slice.id LIMIT 1
"""


def unpack(apps, schema_editor):
    """One at a time, as each may have a megabyte."""
    last = 0
    with schema_editor.connection.cursor() as cursor:
        while True:
            cursor.execute(_PIECES, [last])
            piece = cursor.fetchone()
            if piece is None:
                return
            last, customer_id, key_id, purpose, sealed = piece
            packed = unseal_bytes(key_id, bytes(sealed), customer_id=customer_id, purpose=purpose)
            content = zstandard.ZstdDecompressor().decompress(packed)
            under = None if key_id == SECRET_KEY_ID else key_id
            used, plain = seal_bytes(content, customer_id=customer_id, purpose=purpose, key_id=under)
            cursor.execute("UPDATE claims_uploadslice SET key_id = %s, sealed = %s WHERE id = %s", [used, plain, last])


def _stored(way):
    """What is sealed cannot be packed: PostgreSQL need not try."""

    def store(apps, schema_editor):
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(f"ALTER TABLE claims_uploadslice ALTER COLUMN sealed SET STORAGE {way}")

    return store


class Migration(migrations.Migration):

    dependencies = [
        ('claims', '0007_before_ingest'),
    ]

    operations = [
        migrations.AddField(
            model_name='uploadslice',
            name='packed',
            field=models.BooleanField(db_default=False, default=False, help_text='whether it is compressed, beneath the seal'),
        ),
        migrations.RunPython(_stored("EXTERNAL"), _stored("EXTENDED")),
        migrations.RunPython(migrations.RunPython.noop, unpack),
    ]
