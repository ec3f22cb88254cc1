"""What a WSGI server runs: `gunicorn payerwatch.web.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "payerwatch.config.settings")
application = get_wsgi_application()
