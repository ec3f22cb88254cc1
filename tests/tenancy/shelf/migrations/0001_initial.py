import django.db.models.deletion
from django.db import migrations, models

import payerwatch.tenancy.context
import payerwatch.tenancy.models
from payerwatch.tenancy.rows import ProtectRows


def row_id():
    return models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")


def customer():
    return models.ForeignKey(
        db_index=False,
        default=payerwatch.tenancy.context.current_customer_id,
        editable=False,
        on_delete=django.db.models.deletion.PROTECT,
        related_name="+",
        to="tenancy.customer",
    )


TENANT = {"abstract": False, "base_manager_name": "objects"}


class Migration(migrations.Migration):
    initial = True
    dependencies = [("tenancy", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Shelf",
            fields=[("id", row_id()), ("name", models.CharField(max_length=50)), ("customer", customer())],
            options={
                **TENANT,
                "constraints": [
                    models.UniqueConstraint(fields=("customer", "name"), name="shelf_shelf_name_unique")
                ],
            },
        ),
        ProtectRows("Shelf"),
        migrations.CreateModel(
            name="Book",
            fields=[
                ("id", row_id()),
                ("title", models.CharField(max_length=50)),
                ("pages", models.IntegerField(default=1)),
                ("customer", customer()),
                (
                    "previous",
                    payerwatch.tenancy.models.TenantForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="next_books",
                        to="shelf.book",
                    ),
                ),
                (
                    "shelf",
                    payerwatch.tenancy.models.TenantForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="books",
                        to="shelf.shelf",
                    ),
                ),
            ],
            options={
                **TENANT,
                "constraints": [
                    models.UniqueConstraint(fields=("customer", "title"), name="shelf_book_title_unique")
                ],
            },
        ),
        ProtectRows("Book"),
        migrations.CreateModel(
            name="Stamp",
            fields=[
                ("id", row_id()),
                (
                    "book",
                    payerwatch.tenancy.models.TenantForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="stamps",
                        to="shelf.book",
                    ),
                ),
                ("customer", customer()),
            ],
            options=TENANT,
        ),
        ProtectRows("Stamp", grant=["SELECT", "INSERT"]),
    ]
