"""The REST API: one file per resource, `urls` the list, `resource` what all share."""
