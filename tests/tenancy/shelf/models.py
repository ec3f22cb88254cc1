"""A parent and a child, each belonging to a customer."""

from django.db import models

from payerwatch.tenancy.models import TenantForeignKey, TenantModel


class Shelf(TenantModel):
    name = models.CharField(max_length=50)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["customer", "name"], name="shelf_shelf_name_unique")]


class Book(TenantModel):
    shelf = TenantForeignKey(Shelf, on_delete=models.CASCADE, related_name="books")
    previous = TenantForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="next_books")
    title = models.CharField(max_length=50)
    pages = models.IntegerField(default=1)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["customer", "title"], name="shelf_book_title_unique")]


class Stamp(TenantModel):
    """What may be added and read, and never changed or removed."""

    book = TenantForeignKey(Book, on_delete=models.PROTECT, null=True, related_name="stamps")

    class Meta(TenantModel.Meta):
        pass
