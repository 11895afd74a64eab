"""Settings, read from environment variables. The defaults are secure.

`make run` writes its addresses, source and keys to `<data folder>/hub.env` (mode 0600), so that
`manage.py` works in another terminal. Environment variables take precedence over this file, but
must not name another source.
"""

import logging
import os
import re
import socket
import sys
import warnings
from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import dj_database_url
import django_stubs_ext
from environs import Env, ValidationError, validate

from hub.ops.local.environment import check_source, read_environment

django_stubs_ext.monkeypatch()  # before a model or admin class is subscripted with types

# Larger numbers would exceed what dates and timers can express.
_DAYS = validate.Range(1, 36_500)  # a century
_MINUTES = validate.Range(1, 525_600)  # a year
_TIMEOUT = validate.Range(0, 60, min_inclusive=False)  # seconds
_POINTS = validate.Range(0, 1_000_000)


def _validate_networks(texts: list[str]) -> None:
    """Raise `ValidationError` for an invalid IP network, which would be ignored otherwise."""
    for text in texts:
        try:
            ip_network(text)
        except ValueError as error:
            raise ValidationError(f"{error}. Give comma-separated IP networks.") from None


def _url(*schemes: str, otherwise: str = "") -> Callable[[str], None]:
    """Return a validator of URLs with a host; its messages contain none of their secrets.

    `otherwise` ends the message for another scheme or a URL without a host.
    """

    def validate_url(text: str) -> None:
        try:
            url = urlsplit(text)
            _ = url.port
        except ValueError:
            raise ValidationError(
                "Its port is not a number up to 65535, or a special character in its password is "
                "not percent-encoded."
            ) from None
        if url.scheme not in schemes or not url.hostname or re.search(r"\s", text):
            known = ", ".join(f"{scheme}://" for scheme in schemes)
            raise ValidationError(
                f"Give a URL with a host, such as {schemes[0]}://HOST. Possible are {known}."
                + otherwise
            )

    return validate_url


def _validate_certificate_option(text: str) -> None:
    """Raise `ValidationError` for a value that not all of the Redis clients understand."""
    for value in parse_qs(urlsplit(text).query).get("ssl_cert_reqs", []):
        if value not in ("required", "optional", "none"):
            raise ValidationError("Its ssl_cert_reqs must be required, optional or none.")


def _verify(url: str) -> str:
    """Have the certificate of `rediss://` verified, unless the URL says otherwise."""
    # Without the parameter Celery refuses the URL, and kombu verifies nothing.
    if not url.startswith("rediss://") or "ssl_cert_reqs=" in url:
        return url
    return f"{url}{'&' if '?' in url else '?'}ssl_cert_reqs=required"


def _address(text: str) -> tuple[str, int] | None:
    """Return host and port of HOST:PORT; None if `text` is empty. Raises `ValidationError`."""
    if not text:
        return None
    host, _, port = text.rpartition(":")
    if not host or not re.fullmatch("[0-9]{1,5}", port) or not 1 <= int(port) <= 65_532:
        raise ValidationError(
            "Give HOST:PORT with a port up to 65532, such as 127.0.0.1:8005, or nothing."
        )
    return host.strip("[]"), int(port)


BASE_DIR = Path(__file__).resolve().parent.parent

env = Env()
DATA_DIR = Path(env.str("HUB_DATA_DIR", str(BASE_DIR / "data")))
if (DATA_DIR / "hub.env").is_file():
    check_source(os.environ, read_environment(DATA_DIR / "hub.env"), DATA_DIR)
    env.read_env(str(DATA_DIR / "hub.env"), recurse=False)

# --- Secrets: without defaults, so that no hub runs with a public key -----------------------------
SECRET_KEY = env.str("SECRET_KEY", validate=validate.Length(min=50))
# Former keys, for a rotation: they verify sessions and decrypt GitHub tokens.
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", [], subcast=str.strip)
# Encrypts GitHub tokens at rest. To rotate it, give several, separated by commas: the first one
# encrypts. (django-fernet-encrypted-fields derives its key from this and SECRET_KEY.)
SALT_KEY: list[str] = env.list(
    "FIELD_ENCRYPTION_KEY", subcast=str.strip, validate=validate.Length(min=1)
)

# --- Web ------------------------------------------------------------------------------------------
DEBUG = env.bool("HUB_DEBUG", False)
ALLOWED_HOSTS: list[str] = env.list("HUB_ALLOWED_HOSTS", ["127.0.0.1", "localhost"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("HUB_TRUSTED_ORIGINS", [])
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

# Off only where the hub listens on loopback without TLS, as `make run` does.
HUB_HTTPS = env.bool("HUB_HTTPS", True)
SECURE_SSL_REDIRECT = HUB_HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HUB_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HUB_HTTPS
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HUB_HTTPS
CSRF_COOKIE_HTTPONLY = True
if env.bool("HUB_BEHIND_TLS_PROXY", False):  # without such a proxy, clients could forge the header
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# The proxies whose X-Forwarded-For and X-Forwarded-Proto headers are trusted (`config.server`).
TRUSTED_PROXIES: list[str] = env.list(
    "HUB_TRUSTED_PROXIES", [], subcast=str.strip, validate=_validate_networks
)

# The limit on request bodies: the maximum size of GitHub's webhook payloads; forms are smaller.
DATA_UPLOAD_MAX_MEMORY_SIZE = 25 * 1024 * 1024  # bytes

# Scripts from these origins can read the API without credentials, but not write.
_CORS_ORIGINS: list[str] = env.list("HUB_CORS_ORIGINS", ["*"], subcast=str.strip)
CORS_ALLOW_ALL_ORIGINS = "*" in _CORS_ORIGINS
CORS_ALLOWED_ORIGINS = [] if CORS_ALLOW_ALL_ORIGINS else _CORS_ORIGINS
CORS_URLS_REGEX = r"^/api/v1/(?!edits)"
CORS_ALLOW_METHODS = ["GET", "HEAD", "OPTIONS"]
CORS_ALLOW_HEADERS = ["accept", "if-none-match"]  # not "authorization"
CORS_EXPOSE_HEADERS = ["ETag", "Hub-Snapshot-Age", "Retry-After"]

INSTALLED_APPS = [
    "hub.apps.HubConfig",
    "hub.apps.HubAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "django.contrib.sitemaps",
    "hub.apps.LoginsConfig",
    "django_celery_beat",
    "encrypted_fields",
    "corsheaders",
    "ninja",
]

MIDDLEWARE = [
    "hub.web.readiness.answer_readiness",
    "hub.monitoring.requests.measure_requests",  # counts the answers of those below
    "hub.web.request_log.log_requests",
    "corsheaders.middleware.CorsMiddleware",  # early, so that error responses get its headers too
    "hub.web.middleware.limit_bodies",
    "hub.web.middleware.limit_slow_requests",
    "hub.web.middleware.answer_head",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "hub.web.csp.set_csp",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "hub.web.middleware.redirect_trailing_slash",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "hub.web.middleware.DatabaseUnavailableMiddleware",
    "axes.middleware.AxesMiddleware",  # last: it replaces the response to a locked-out sign-in
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "hub.web.theme.theme",
            ],
        },
    },
]

STATIC_URL = "static/"
# `make run` and the image collect the files; without that, they are served from the apps' folders.
STATIC_ROOT = DATA_DIR / "static"
WHITENOISE_USE_FINDERS = True
WHITENOISE_KEEP_ONLY_HASHED_FILES = True  # pages use no others; half as much to compress
warnings.filterwarnings("ignore", "No directory at")  # from WhiteNoise, without collectstatic
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "hub.web.static_files.CollectedStaticFilesStorage"},
}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}Validator"}
    for name in ("UserAttributeSimilarity", "MinimumLength", "CommonPassword", "NumericPassword")
]

# --- Signing in: throttled by django-axes, in Postgres --------------------------------------------
# The first backend only rejects locked-out users; each authenticate() call must pass the request.
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "hub.accounts.user_backend.UserBackend",
]
PASSWORD_HASHERS = ["hub.accounts.password_hasher.LowPriorityPasswordHasher"]
# A lock by name alone lets a stranger lock out a user. The handler also locks an address, but only
# after ten times as many failures: everyone behind a router has the same one.
AXES_HANDLER = "hub.accounts.axes_handler.FailuresByAddress"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = env.int("HUB_LOGIN_FAILURE_LIMIT", 5, validate=validate.Range(1, 1000))
AXES_COOLOFF_TIME = timedelta(minutes=env.int("HUB_LOGIN_LOCK_MINUTES", 15, validate=_MINUTES))
# Attempts during a lockout neither count nor extend it, so the time in the message stays correct.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
# Only for the sign-in form. API clients sign in with each request, and their successes would reset
# the failures of others behind the same address.
AXES_RESET_ON_SUCCESS = True
AXES_DISABLE_ACCESS_LOG = True  # the last sign-in is already in the user's row
AXES_ENABLE_ADMIN = False  # `hub.admin.access` shows fewer fields, read-only
AXES_VERBOSE = False
AXES_CLIENT_IP_CALLABLE = "hub.accounts.login_throttle.client_key"
AXES_USERNAME_CALLABLE = "hub.accounts.login_throttle.username_key"
AXES_CLIENT_STR_CALLABLE = "hub.accounts.login_throttle.describe_attempt"
AXES_LOCKOUT_CALLABLE = "hub.web.lockout.response"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"

# --- Connections ----------------------------------------------------------------------------------
# A peer that acknowledges nothing for 10 seconds is considered dead.
_KEEPALIVE = {
    "KEEPIDLE": 5,  # seconds without data before the first probe
    "KEEPINTVL": 2,  # seconds between probes
    "KEEPCNT": 2,
    "USER_TIMEOUT": 10_000,  # milliseconds
}
# If Redis disappears without closing connections, each connection may block for this long.
_REDIS_TIMEOUT = 5  # seconds; requests take less than a tenth of a second

# --- Database -------------------------------------------------------------------------------------
DATABASES = {
    "default": dj_database_url.parse(
        env.str("DATABASE_URL", validate=_url("postgres", "postgresql", "pgsql")),
        conn_max_age=60,
        conn_health_checks=True,  # a connection may have been lost in a Postgres restart
        disable_server_side_cursors=True,  # pgbouncer may use another connection for the next rows
    )
}
# A router may drop a connection without notifying either side. Linux would notice after 15 minutes
# if data was sent, and after two hours otherwise. Options in DATABASE_URL take precedence.
DATABASES["default"]["OPTIONS"] = {
    "application_name": "exporter-hub",  # `restore` refuses a database that the hub is using
    "connect_timeout": 5,  # seconds
    "keepalives_idle": _KEEPALIVE["KEEPIDLE"],
    "keepalives_interval": _KEEPALIVE["KEEPINTVL"],
    "keepalives_count": _KEEPALIVE["KEEPCNT"],
    "tcp_user_timeout": _KEEPALIVE["USER_TIMEOUT"],
} | DATABASES["default"].get("OPTIONS", {})
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- GitHub ---------------------------------------------------------------------------------------
GITHUB_API_URL = env.str(
    "GITHUB_API_URL", "https://api.github.com", validate=_url("https", "http")
).rstrip("/")
GITHUB_REPO = env.str(
    "GITHUB_REPO", "NexClipper/exporterhub.io", validate=validate.Regexp(r"^[\w.-]+/[\w.-]+$")
)
GITHUB_BRANCH = env.str("GITHUB_BRANCH", "main", validate=validate.Length(min=1))
GITHUB_CONTENTS_PATH = env.str("GITHUB_CONTENTS_PATH", "contents").strip("/")
GITHUB_TOKEN = env.str("GITHUB_TOKEN", "").strip()  # a run copies it to Postgres, encrypted
# Verifies the signature of webhook deliveries; the webhook is disabled without it.
GITHUB_WEBHOOK_SECRET = env.str("GITHUB_WEBHOOK_SECRET", "").strip()
# Prefixes of tokens (GitHub, "About authentication"), which masked tokens show.
GITHUB_TOKEN_PREFIXES = ("github_pat_", "ghp_", "gho_", "ghu_", "ghs_")
GITHUB_CONNECT_TIMEOUT = env.float("GITHUB_CONNECT_TIMEOUT", 5.0, validate=_TIMEOUT)  # seconds
# GitHub terminates requests after 10 seconds, so no valid response takes longer.
GITHUB_READ_TIMEOUT = env.float("GITHUB_READ_TIMEOUT", 12.0, validate=_TIMEOUT)  # seconds
GITHUB_RETRIES = env.int("GITHUB_RETRIES", 2, validate=validate.Range(0, 5))
# 10 % below GitHub's limits per minute: 900 points for REST (a GET costs 1) and 2,000 for GraphQL
# (a query costs 1). 0 disables the budget.
GITHUB_POINTS_PER_MINUTE = env.int("GITHUB_POINTS_PER_MINUTE", 810, validate=_POINTS)
GITHUB_GRAPHQL_POINTS_PER_MINUTE = env.int(
    "GITHUB_GRAPHQL_POINTS_PER_MINUTE", 1800, validate=_POINTS
)

# --- Caching --------------------------------------------------------------------------------------
# How long a web process caches the map before it queries Postgres again. 0: no caching.
MAP_CACHE_SECONDS = env.float("HUB_MAP_CACHE_SECONDS", 1.0, validate=validate.Range(0, 60))
# How long pages that are the same for everyone are cached, unless the contents change. Their other
# facts (stars, releases, "12 minutes ago") may be this old. 0: no caching.
PAGE_CACHE_SECONDS = env.float("HUB_PAGE_CACHE_SECONDS", 10.0, validate=validate.Range(0, 300))
# Used only for these pages (`hub.web.page_cache`), in the memory of each process.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        # A reader can request any number of pages, so the least recently used are dropped. Nobody
        # can have this many rendered before those that are read expire.
        "OPTIONS": {"MAX_ENTRIES": 1000},
    }
}

# --- Refresh --------------------------------------------------------------------------------------
HUB_DEMO = env.bool("HUB_DEMO", False)  # the contents come from the built-in fake GitHub
REFRESH_INTERVAL = timedelta(minutes=env.int("HUB_REFRESH_MINUTES", 60, validate=_MINUTES))
# When a run is closed and publishes what succeeded. Below the interval, so that runs never overlap.
# At most CELERY_RESULT_EXPIRES: the run needs the results of its lookups.
RUN_DEADLINE = timedelta(
    seconds=env.int("HUB_RUN_DEADLINE_SECONDS", 900, validate=validate.Range(1, 3600))
)
# A listing that lost more than this share of the directories is held until an admin accepts it.
MAX_SHRINK_RATIO = env.float("HUB_MAX_SHRINK_RATIO", 0.5, validate=validate.Range(0, 1))
# Older runs and snapshots are deleted, except for the served snapshot and its run.
HISTORY_KEPT = timedelta(days=env.int("HUB_HISTORY_DAYS", 90, validate=_DAYS))
# Files that no map names any more are deleted after this time; only pinned packs still have them.
REMOVED_FILES_KEPT = timedelta(days=env.int("HUB_REMOVED_FILES_DAYS", 7, validate=_DAYS))

# --- Celery ---------------------------------------------------------------------------------------
_NO_SENTINEL = " For Redis Sentinel, give the address of a proxy that follows the primary."
_is_redis = _url("redis", "rediss", otherwise=f" Set another broker in BROKER_URL.{_NO_SENTINEL}")
_is_broker = _url("redis", "rediss", "amqp", "amqps", otherwise=_NO_SENTINEL)
# Holds the results, the request budget and, by default, the messages.
REDIS_URL = CELERY_RESULT_BACKEND = _verify(
    env.str("REDIS_URL", validate=[_is_redis, _validate_certificate_option])
)
# Not named CELERY_BROKER_URL: Celery would read that variable itself, without `_verify`.
CELERY_BROKER_URL = _verify(
    env.str("BROKER_URL", REDIS_URL, validate=[_is_broker, _validate_certificate_option])
)
if CELERY_BROKER_URL.startswith("amqps:"):
    # kombu verifies the certificate, but its host name only with this; None: the URL's.
    CELERY_BROKER_USE_SSL = {"server_hostname": None}
CELERY_TASK_DEFAULT_QUEUE = "hub"
# Lookups have their own queue, so that thousands of them never delay a start or a publication.
CELERY_TASK_ROUTES = {
    "tasks.refresh.lookup_directory": {"queue": "lookups"},
    "tasks.facts.lookup_facts": {"queue": "lookups"},
}
# The tasks of a killed worker run again: all tasks are idempotent.
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_RESULT_EXPIRES = 3600  # seconds; several times RUN_DEADLINE
# Redis redelivers a message that is not acknowledged after this many seconds. A header task waits
# for the budget and GitHub's retries for less than 3 minutes; the timeout must be more than twice
# that, and set in three places (Celery's documentation, "Redis: visibility timeout").
CELERY_VISIBILITY_TIMEOUT = 600
_REDIS_BROKER_OPTIONS = {
    "visibility_timeout": CELERY_VISIBILITY_TIMEOUT,
    # Restore the messages of dead workers every 5 s; kombu's default is every tenth check.
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    # A worker that is killed while it does so holds the lock until it expires; default: 5 minutes.
    "unacked_mutex_expire": 10,
    "max_connections": 200,
    "health_check_interval": 10,
    "socket_keepalive": True,
    # On macOS the last option does not exist, and the first one has another name.
    "socket_keepalive_options": {
        getattr(socket, f"TCP_{name}"): value
        for name, value in _KEEPALIVE.items()
        if hasattr(socket, f"TCP_{name}")
    },
    "socket_timeout": _REDIS_TIMEOUT,
    "socket_connect_timeout": 5,
}
CELERY_BROKER_TRANSPORT_OPTIONS = (
    _REDIS_BROKER_OPTIONS
    if CELERY_BROKER_URL.startswith("redis")
    else {"confirm_publish": True}  # RabbitMQ could otherwise lose a message without an error
)
CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS = {
    "visibility_timeout": CELERY_VISIBILITY_TIMEOUT,
    "retry_policy": {"max_retries": 20, "interval_start": 0, "interval_step": 0.2},
}
CELERY_REDIS_SOCKET_KEEPALIVE = True
CELERY_REDIS_SOCKET_TIMEOUT = _REDIS_TIMEOUT
CELERY_REDIS_BACKEND_HEALTH_CHECK_INTERVAL = 10
# Without these settings a chord loses results when Redis restarts (measured with prefork).
CELERY_RESULT_BACKEND_ALWAYS_RETRY = True
CELERY_RESULT_BACKEND_MAX_RETRIES = 20
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# The web server and commands must not hang while Redis is down: housekeeping resends the task.
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 2, "interval_start": 0.1, "interval_step": 0.2}
CELERY_WORKER_SEND_TASK_EVENTS = True  # for Flower
CELERY_BEAT_SCHEDULER = "hub.ops.beat_scheduler:HubScheduler"
# No CELERY_BEAT_SCHEDULE: `hub/runs/schedule.py` creates the entries, and explains why.

# --- Metrics --------------------------------------------------------------------------------------
# Host and port of the web server's metrics; worker and beat use the next two ports.
METRICS_ADDR = _address(env.str("HUB_METRICS_ADDR", "127.0.0.1:8005", validate=_address))

# --- Logging: to stderr, for a supervisor or a container runtime ----------------------------------
_LOG_FORMAT = env.str(
    "HUB_LOG_FORMAT",
    "text" if sys.stderr.isatty() else "json",
    validate=validate.OneOf(["json", "text"]),
)
ACCESS_LOG = env.bool("HUB_ACCESS_LOG", False)
logging.captureWarnings(True)  # Python's, which are otherwise several lines without a time
_LOG_LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR"]
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "postgres_away": {"()": "hub.ops.log_filters.OneLineDatabaseErrors"},
        "refusals_in_one_line": {"()": "hub.web.error_pages.OneLine"},
    },
    "formatters": {
        "log_format": {
            "()": "hub.ops.log_format.make_formatter",
            "as_json": _LOG_FORMAT == "json",
        },
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "log_format",
            "filters": ["refusals_in_one_line", "postgres_away"],
        },
    },
    "loggers": {"axes": {"level": "WARNING"}},  # only failures and lockouts
    "root": {
        "handlers": ["stderr"],
        "level": env.str("HUB_LOG_LEVEL", "INFO", validate=validate.OneOf(_LOG_LEVELS)),
    },
}
