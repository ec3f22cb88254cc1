import payerwatch.tenancy.models
from django.db import migrations, models
from payerwatch.tenancy.rows import GrantTable


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Customer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=200, unique=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('second_factor_required', models.BooleanField(db_default=False, default=False, help_text='whether members must sign in with an authenticator')),
                ('public_id', models.CharField(default=payerwatch.tenancy.models.new_customer_id, editable=False, max_length=24, unique=True)),
            ],
        ),
        # A customer's rows are deleted before it, by the migrator: the application never deletes a customer.
        GrantTable("Customer", ["SELECT", "INSERT", "UPDATE"]),
    ]
