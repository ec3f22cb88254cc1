"""The API's description (OpenAPI 3.1), made from what the resources declare, and the pages that show it."""
