"""Django's settings. Everything an operator may set is read through `env`."""

from pathlib import Path

from payerwatch.config import env
from payerwatch.config.backup_keys import read_backup_keys
from payerwatch.config.build import build_id
from payerwatch.config.field_keys import read_field_keys
from payerwatch.config.limits import Limits
from payerwatch.config.logging import log_level, logging_settings
from payerwatch.config.mail_url import read_mail_url, read_public_url, read_sender

DATA_DIR = env.data_directory()
BUILD = build_id()
METRICS_TOKEN = env.text("PAYERWATCH_METRICS_TOKEN")  # whoever collects them says it; without one nobody may
LEAST_DISK = env.whole_number("PAYERWATCH_LEAST_DISK", 256, range(1, 2**20))  # MiB

SECRET_KEY = env.secret_key()
SECRET_KEY_FALLBACKS = env.words("PAYERWATCH_OLD_SECRET_KEYS")
# Of sealed fields, newest first; empty: customers' values are plain.
FIELD_KEYS = read_field_keys(env.text("PAYERWATCH_FIELD_KEYS"))
DEBUG = False
# A command that fails by a mistake of ours then shows all, values of claims included.
TELL_ALL = env.flag("PAYERWATCH_DEBUG")
LOGGING = logging_settings(log_level(env.text("PAYERWATCH_LOG_LEVEL") or "info"))

# Where the installation is reached, and whether that is by HTTPS: what cookies and redirects depend on.
HTTPS = env.flag("PAYERWATCH_HTTPS")
ALLOWED_HOSTS = env.words("PAYERWATCH_HOSTS", "localhost,127.0.0.1,[::1]")
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^api/v1/health/$"]  # asked from the machine itself
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_REFERRER_POLICY = "no-referrer"
CSRF_COOKIE_NAME = "__Host-csrftoken" if HTTPS else "csrftoken"
CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
APPEND_SLASH = False
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024  # of a body, which is read into memory, unless the view says more
# A file that was sent is never written to disk as it came: it may hold what must not be stored.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
FILE_UPLOAD_MAX_MEMORY_SIZE = 16 * 1024 * 1024  # of a request with a file
LARGEST_SLICE = 8 * 1024 * 1024
KEEP_FILES_DAYS = env.whole_number("PAYERWATCH_KEEP_FILES_DAYS", 90, range(1, 36_501))  # once they wait for nothing
LARGEST_UPLOAD = env.whole_number("PAYERWATCH_LARGEST_UPLOAD", 256, range(1, 4096)) * 1024 * 1024

# The door itself holds browsers' requests to Django's check for forgery (W003); HTTPS has a check of our own
# (W004, W008); HSTS for subdomains and preloading (W005, W021) are for the owner of the domain to decide.
SILENCED_SYSTEM_CHECKS = [f"security.{code}" for code in ("W003", "W004", "W005", "W008", "W021")]

ROOT_URLCONF = "payerwatch.web.urls"
WSGI_APPLICATION = "payerwatch.web.wsgi.application"
MIDDLEWARE = [
    "payerwatch.web.request_lines.RequestLines",
    "payerwatch.web.probes.Probes",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "payerwatch.web.door.WebDoor",
]
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["payerwatch.web.api.access.ThroughTheDoor"],
    "DEFAULT_PERMISSION_CLASSES": ["payerwatch.web.api.access.WhatTheRoleMay"],
    "DEFAULT_FILTER_BACKENDS": ["payerwatch.web.api.filtering.StrictFilters"],
    "DEFAULT_PAGINATION_CLASS": "payerwatch.web.api.paging.CursorPages",
    "DEFAULT_PARSER_CLASSES": ["payerwatch.web.api.bodies.ShallowJSON"],
    "DEFAULT_RENDERER_CLASSES": ["payerwatch.web.api.rendering.QuickJSON"],
    "URL_FORMAT_OVERRIDE": None,  # `format` is a parameter like any other
    "EXCEPTION_HANDLER": "payerwatch.web.api.errors.problem_of",
    "DEFAULT_SCHEMA_CLASS": "payerwatch.web.description.operations.Operation",
    "UNAUTHENTICATED_USER": None,
}
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [Path(__file__).parents[1] / "web" / "templates"],
    }
]
SPECTACULAR_SETTINGS = {
    "OAS_VERSION": "3.1.1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SCHEMA_PATH_PREFIX_TRIM": True,
    "COMPONENT_SPLIT_REQUEST": True,
    "COMPONENT_SPLIT_PATCH": False,
    "ENFORCE_NON_BLANK_FIELDS": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "POSTPROCESSING_HOOKS": ["payerwatch.web.description.document.whole"],
}

DATABASES = {"default": env.database()}
MIGRATOR_DATABASE = env.migrator_database()
BACKUP_DATABASE = env.backup_database()  # as a role that sees all rows
DIRECT_DATABASE = env.direct_database()  # past PgBouncer, if there is one
# Of the server's processes and of workers, which share nothing but the database. Commands take the time they take.
WEB_CONNECTIONS = env.whole_number("PAYERWATCH_WEB_CONNECTIONS", 0, range(257))
WEB_WAIT = env.whole_number("PAYERWATCH_WEB_WAIT_MILLISECONDS", 500, range(60_001)) / 1000
WEB_LIMITS = Limits(
    statement=env.whole_number("PAYERWATCH_WEB_STATEMENT_SECONDS", 30, env.A_DAY),
    idle=env.whole_number("PAYERWATCH_WEB_IDLE_SECONDS", 10, env.A_DAY),
)
WORK_LIMITS = Limits(
    statement=env.whole_number("PAYERWATCH_WORK_STATEMENT_SECONDS", 3600, env.A_DAY),
    idle=env.whole_number("PAYERWATCH_WORK_IDLE_SECONDS", 1800, env.A_DAY),
)
THROW_AWAY_DATABASE = False  # that tests may empty, and with it the record of what was done
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# The table in which jobs wait; with SQLite each process does its own.
JOBS_APPS = ["procrastinate.contrib.django", "payerwatch.jobs"]
INSTALLED_APPS = [
    "payerwatch.operations",  # first: its `migrate` records what the one of tenancy applies
    "payerwatch.tenancy",
    "payerwatch.sealing",
    "payerwatch.throttling",
    "payerwatch.audit",
    "payerwatch.members",
    "payerwatch.claims",
    "payerwatch.deliveries",
    "payerwatch.drift",
    "payerwatch.alerts",
    "payerwatch.reports",
    "payerwatch.health",
    *(JOBS_APPS if DATABASES["default"]["ENGINE"] == env.POSTGRESQL else ()),
]
PROCRASTINATE_AUTODISCOVER_MODULE_NAME = ""  # its own tasks: there are none

# A browser's session ends when it was not used for so long; the law asks for it (45 CFR 164.312(a)(2)(iii)).
SESSION_IDLE_MINUTES = env.whole_number("PAYERWATCH_SESSION_IDLE_MINUTES", 15, range(1, 12 * 60 + 1))

USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False

# At most so often in any window of that length; each has a variable of its own, such as PAYERWATCH_RATE_API.
DEFAULT_THROTTLES = {
    "api": "600/m",
    "anonymous": "60/m",
    "sign_in_account": "5/15m",
    "sign_in_address": "5/15m",
    "sign_in_network": "20/15m",
    "sign_in_everywhere": "300/15m",
    "sign_in_device": "5/15m",
    "confirm_person": "5/15m",
    "refused_credentials": "30/m",
    "password_reset_account": "3/h",
    "password_reset_address": "10/h",
    "invitation_address": "5/h",
    "invitation_customer": "50/d",
}
THROTTLES = env.rates(DEFAULT_THROTTLES)
THROTTLE_FILE = DATA_DIR / "throttle.sqlite3"  # beside a SQLite database; PostgreSQL keeps the counts itself
# Whose X-Forwarded-For is believed: networks and addresses with commas between; `unix` for a unix socket.
TRUSTED_PROXIES = env.text("PAYERWATCH_TRUSTED_PROXIES")
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
LONGEST_PASSWORD = 128  # bounds what hashing one costs
_VALIDATORS = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"{_VALIDATORS}.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": f"{_VALIDATORS}.CommonPasswordValidator"},
    {"NAME": f"{_VALIDATORS}.NumericPasswordValidator"},
    {"NAME": f"{_VALIDATORS}.UserAttributeSimilarityValidator", "OPTIONS": {"user_attributes": ("email", "name")}},
]

# Where people reach the installation, as links in messages say; and how those messages are sent.
PUBLIC_URL = read_public_url(env.text("PAYERWATCH_URL", "http://localhost:8000"))
DEFAULT_FROM_EMAIL = read_sender(env.text("PAYERWATCH_MAIL_FROM", "Payerwatch <payerwatch@localhost>"))
MAIL_SERVER = read_mail_url(env.text("PAYERWATCH_MAIL_URL"), DATA_DIR / "mail")
EMAIL_BACKEND = MAIL_SERVER.backend
EMAIL_HOST, EMAIL_PORT = MAIL_SERVER.host, MAIL_SERVER.port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = MAIL_SERVER.user, MAIL_SERVER.password
EMAIL_USE_TLS, EMAIL_USE_SSL = MAIL_SERVER.tls, MAIL_SERVER.ssl
ANYMAIL = {**MAIL_SERVER.service, "REQUESTS_TIMEOUT": 10}  # seconds
EMAIL_FILE_PATH = str(MAIL_SERVER.folder or "")
EMAIL_TIMEOUT = 10  # seconds

# Messages go to the public internet over HTTPS; this lets them go to this machine and its networks, and in the clear.
ALLOW_PRIVATE_ENDPOINTS = env.flag("PAYERWATCH_ALLOW_PRIVATE_ENDPOINTS")

# Where signed checkpoints of the record go, outside the database; best on a machine that the database cannot reach.
CHECKPOINT_DIR = Path(env.text("PAYERWATCH_CHECKPOINT_DIR") or DATA_DIR / "checkpoints").absolute()
CHECKPOINT_KEY = Path(env.text("PAYERWATCH_CHECKPOINT_KEY") or DATA_DIR / "checkpoint_key.pem").absolute()

# What backups are sealed under, newest first; and where pg_dump and pg_restore are, else wherever they are found.
BACKUP_KEYS = read_backup_keys(env.words("PAYERWATCH_BACKUP_KEY"))
POSTGRES_PROGRAMS = Path(programs) if (programs := env.text("PAYERWATCH_POSTGRES_PROGRAMS")) else None
