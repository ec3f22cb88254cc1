"""What the engine may assume of a table."""

from django.db.backends.postgresql import features
from django.db.models import Model


class DatabaseFeatures(features.DatabaseFeatures):
    def allows_group_by_selected_pks_on_model(self, model: type[Model]) -> bool:
        """Not on a tenant table: its primary key is (customer_id, id), so grouping by id is an error."""
        return super().allows_group_by_selected_pks_on_model(model) and not hasattr(model, "customer_id")
