"""Settings. The only reader of the environment; docs/operations.md lists the variables.

A bad value stops the start with one line. Figures of hosts, thresholds and costs are not here: they are
data, edited on the screens (spec of presets in jobs/domain/presets.py).
"""

from __future__ import annotations

import os
import sys
import tomllib
from pathlib import Path

import dj_database_url
from csp.constants import NONE, SELF

from jobs.supervision import places
from ocrsite import environment as env
from ocrsite import logging as log_lines
from ocrsite.secret_key import kept_secret_key

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION = str(tomllib.loads((BASE_DIR / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])
_environ = os.environ

try:
    DATA_DIR = env.folder(_environ, "OCRSITE_DATA_DIR", BASE_DIR / "var")
    SECRET_KEY = env.text(_environ, "OCRSITE_SECRET_KEY") or kept_secret_key(DATA_DIR)
    DEBUG = env.boolean(_environ, "OCRSITE_DEBUG", False)
    BASE_URL = env.web_address(_environ, "OCRSITE_BASE_URL")
    ALLOWED_HOSTS = env.words(_environ, "OCRSITE_ALLOWED_HOSTS")
    DATABASE_URL = env.database_address(_environ, "DATABASE_URL", f"sqlite:///{DATA_DIR / 'db.sqlite3'}")
    REDIS_URL = env.text(_environ, "REDIS_URL")
    # Without one: the private Redis that `manage.py up` runs beside the data directory.
    BROKER_URL = REDIS_URL or places.redis_url(DATA_DIR)
    STORAGE_URL = env.text(_environ, "OCRSITE_STORAGE_URL")
    WORKER_THREADS = env.integer(_environ, "OCRSITE_WORKER_THREADS", 32, low=1, high=512)
    CPU_BACKEND = env.boolean(_environ, "OCRSITE_CPU_BACKEND", True)
    BACKEND_ALLOWED_CIDRS = env.networks(
        _environ,
        "OCRSITE_BACKEND_ALLOWED_CIDRS",
        "127.0.0.0/8,::1/128,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7",
    )
    # Beyond the public internet webhooks may go to these alone.
    WEBHOOK_ALLOWED_CIDRS = env.networks(_environ, "OCRSITE_WEBHOOK_ALLOWED_CIDRS", "")
    BACKEND_CA_FILE = env.certificates(_environ, "OCRSITE_BACKEND_CA_FILE")
    MAX_UPLOAD_MB = env.integer(_environ, "OCRSITE_MAX_UPLOAD_MB", 1024, low=1, high=1_000_000)
    MAX_PAGES = env.integer(_environ, "OCRSITE_MAX_PAGES", 10_000, low=1, high=1_000_000)
    KEEP_FREE_BYTES = env.integer(_environ, "OCRSITE_KEEP_FREE_MB", 500, low=0, high=100_000_000) * 1_000_000
    TRASH_DAYS = env.number(_environ, "OCRSITE_TRASH_DAYS", 30.0, low=0, high=3650)
    URL_INTAKE = env.boolean(_environ, "OCRSITE_URL_INTAKE", False)
    METRICS_TOKEN = env.text(_environ, "OCRSITE_METRICS_TOKEN")
    _mail = env.mail(_environ, "OCRSITE_EMAIL_URL")
    DEFAULT_FROM_EMAIL = env.text(_environ, "OCRSITE_EMAIL_FROM", "ocrsite@localhost")
    LOG_FORMAT = env.text(_environ, "OCRSITE_LOG_FORMAT", "console")
    LOGGING = log_lines.config(LOG_FORMAT)
    ADMIN_USER = env.text(_environ, "OCRSITE_ADMIN_USER", "admin")
    ADMIN_PASSWORD = env.text(_environ, "OCRSITE_ADMIN_PASSWORD")
    # Durations, in seconds. Settings, so that tests can turn minutes into moments.
    LEASE_SECONDS = env.number(_environ, "OCRSITE_LEASE_SECONDS", 30.0, low=0.2, high=3600)
    LEASE_RENEW_SECONDS = env.number(_environ, "OCRSITE_LEASE_RENEW_SECONDS", 5.0, low=0.05, high=600)
    RESEND_SECONDS = env.number(_environ, "OCRSITE_RESEND_SECONDS", 10.0, low=0.1, high=600)
    CLOCK_SECONDS = env.number(_environ, "OCRSITE_CLOCK_SECONDS", 2.0, low=0.05, high=60)
    PROBE_SECONDS = env.number(_environ, "OCRSITE_PROBE_SECONDS", 5.0, low=0.05, high=600)
    # How long a host's counters may stand still while requests run there (see jobs/domain/stalls.py).
    STALL_SECONDS = env.number(_environ, "OCRSITE_STALL_SECONDS", 60.0, low=0.1, high=3600)
    CALL_SECONDS = env.number(_environ, "OCRSITE_CALL_SECONDS", 300.0, low=0.1, high=3600)
    # What one page of a hostile file may cost (see jobs/gateways/limits.py).
    DRAW_SECONDS = env.number(_environ, "OCRSITE_DRAW_SECONDS", 45.0, low=1, high=3600)
    DRAW_CPU_SECONDS = env.integer(_environ, "OCRSITE_DRAW_CPU_SECONDS", 30, low=1, high=3600)
    DRAW_MEMORY_MB = env.integer(_environ, "OCRSITE_DRAW_MEMORY_MB", 2048, low=256, high=1_000_000)
    DATABASES = {"default": dj_database_url.parse(DATABASE_URL, conn_max_age=600, conn_health_checks=True)}
    (DATA_DIR / "uploads").mkdir(parents=True, exist_ok=True)
    if STORAGE_URL:
        raise env.BadEnvironment(
            "OCRSITE_STORAGE_URL is set, but this version keeps files in OCRSITE_DATA_DIR only: unset it."
        )
except (env.BadEnvironment, dj_database_url.UnknownSchemeError, dj_database_url.ParseError, OSError) as error:
    print(f"ocrsite cannot start: {error}", file=sys.stderr)  # noqa: T201 - before logging exists, for a person
    sys.exit(2)

# ---- who may reach us
_secure = BASE_URL.startswith("https://")
if not ALLOWED_HOSTS:
    ALLOWED_HOSTS = [env.host_of(BASE_URL)] if BASE_URL else []
    ALLOWED_HOSTS += ["127.0.0.1", "localhost", "[::1]"]
CSRF_TRUSTED_ORIGINS = [BASE_URL] if BASE_URL else []
SECURE_SSL_REDIRECT = _secure
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _secure else None
SECURE_HSTS_SECONDS = 31_536_000 if _secure else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _secure
SECURE_HSTS_PRELOAD = _secure
# A plain http site cannot have secure cookies: both follow OCRSITE_BASE_URL.
SESSION_COOKIE_SECURE = _secure
CSRF_COOKIE_SECURE = _secure
SESSION_COOKIE_NAME = "__Host-ocrsite" if _secure else "ocrsite"
CSRF_COOKIE_NAME = "__Host-ocrsite-csrf" if _secure else "ocrsite-csrf"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "manifest-src": [SELF],
    },
}
# Redirects after a sign-in may not leave the site.
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "documents"
LOGOUT_REDIRECT_URL = "sign-in"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "csp",
    "django_htmx",
    "ninja",
    "jobs",
]
MIDDLEWARE = [
    "jobs.views.request_ids.RequestIds",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "jobs.views.interrupted.ClosingUploads",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "ocrsite.urls"
WSGI_APPLICATION = "ocrsite.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# ---- the database
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # IMMEDIATE, or writers that began by reading meet "database is locked" (docs/decisions/0001).
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=30000;",
    }
    # Tests use a file as well: other processes and threads must meet the same database, in the same journal mode.
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}

# ---- files
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": DATA_DIR / "files"}},
    "documents": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": DATA_DIR / "files"},
    },
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
MEDIA_ROOT = DATA_DIR / "files"
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Uploads go to disk from the first 64 KiB on; the view moves them into storage without reading them whole.
FILE_UPLOAD_MAX_MEMORY_SIZE = 65_536
FILE_UPLOAD_TEMP_DIR = DATA_DIR / "uploads"
FILE_UPLOAD_HANDLERS = ["jobs.gateways.uploads.HashingUploadHandler"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
DATA_UPLOAD_MAX_NUMBER_FILES = 100
MAX_UPLOAD_BYTES = MAX_UPLOAD_MB * 1024 * 1024

# ---- mail: none is sent until a server is named
EMAIL_ENABLED = bool(_mail.host)
EMAIL_HOST, EMAIL_PORT = _mail.host, _mail.port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail.user, _mail.password
EMAIL_USE_TLS, EMAIL_USE_SSL = _mail.security == "starttls", _mail.security == "tls"
EMAIL_TIMEOUT = 10

# ---- words and time
LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

log_lines.configure(LOG_FORMAT)
