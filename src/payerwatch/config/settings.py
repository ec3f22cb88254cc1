"""Django's settings. Everything an operator may set is read through `env`."""

from django.core.management.utils import get_random_secret_key

from payerwatch.config import env

DATA_DIR = env.data_directory()

# Nothing is signed yet that must outlive a process; a fixed key becomes necessary with sessions.
SECRET_KEY = env.text("PAYERWATCH_SECRET_KEY") or get_random_secret_key()
DEBUG = False
ALLOWED_HOSTS: list[str] = []

INSTALLED_APPS = [
    "payerwatch.tenancy",
    "payerwatch.sealing",
    "payerwatch.throttling",
    "payerwatch.audit",
    "payerwatch.members",
    "payerwatch.claims",
    "payerwatch.drift",
    "payerwatch.operations",
]

DATABASES = {"default": env.database()}
MIGRATOR_DATABASE = env.migrator_database()
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False
