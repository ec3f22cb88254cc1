"""The application that `payerwatch serve` runs."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "payerwatch.config.settings")
application = get_wsgi_application()
