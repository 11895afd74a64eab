"""Settings, read from the environment; safe unless told otherwise.

A hub that was started by `make run` leaves its addresses and keys in `<data folder>/hub.env`
(mode 0600), so that `manage.py` works in another terminal. The real environment wins over it.
"""

import socket
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import dj_database_url
import django_stubs_ext
from csp.constants import NONE, SELF
from environs import Env, ValidationError, validate

django_stubs_ext.monkeypatch()  # before any model or admin class names its type parameters

_POSITIVE = validate.Range(1)


def _are_networks(texts: list[str]) -> None:
    """Whether each is an address or a network: what is none would be passed over in silence."""
    for text in texts:
        try:
            ip_network(text)
        except ValueError as fault:
            raise ValidationError(f"{fault}. Give addresses or networks, with commas.") from None


BASE_DIR = Path(__file__).resolve().parent.parent

env = Env()
DATA_DIR = Path(env.str("HUB_DATA_DIR", str(BASE_DIR / "data")))
if (DATA_DIR / "hub.env").is_file():
    env.read_env(str(DATA_DIR / "hub.env"), recurse=False)

# --- Secrets: no defaults, so that nobody runs with a known one -----------------------------------
SECRET_KEY = env.str("SECRET_KEY", validate=validate.Length(min=50))
# Encrypts GitHub tokens at rest. Several, separated by commas, rotate it: the first encrypts.
# (django-fernet-encrypted-fields derives its key from this and SECRET_KEY.)
SALT_KEY: list[str] = env.list("FIELD_ENCRYPTION_KEY", validate=validate.Length(min=1))

# --- The web --------------------------------------------------------------------------------------
DEBUG = env.bool("HUB_DEBUG", False)
ALLOWED_HOSTS: list[str] = env.list("HUB_ALLOWED_HOSTS", ["127.0.0.1", "localhost"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("HUB_TRUSTED_ORIGINS", [])
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

# Off only where the hub listens on loopback without TLS, as `make run` does.
HUB_HTTPS = env.bool("HUB_HTTPS", True)
SECURE_SSL_REDIRECT = HUB_HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]  # health checks inside a container speak plain HTTP
SECURE_HSTS_SECONDS = 31_536_000 if HUB_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HUB_HTTPS
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HUB_HTTPS
CSRF_COOKIE_HTTPONLY = True
if env.bool("HUB_BEHIND_TLS_PROXY", False):  # only then may a header say that TLS was used
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# The addresses from which X-Forwarded-For and X-Forwarded-Proto are believed (`config.wsgi`).
TRUSTED_PROXIES: list[str] = env.list(
    "HUB_TRUSTED_PROXIES", [], subcast=str.strip, validate=_are_networks
)

# The limit on request bodies: GitHub's webhook delivers nothing larger, and no form is.
DATA_UPLOAD_MAX_MEMORY_SIZE = 25 * 1024 * 1024  # bytes

# Scripts on these origins may read the API, without credentials. They can never write.
_CORS_ORIGINS: list[str] = env.list("HUB_CORS_ORIGINS", ["*"], subcast=str.strip)
CORS_ALLOW_ALL_ORIGINS = "*" in _CORS_ORIGINS
CORS_ALLOWED_ORIGINS = [] if CORS_ALLOW_ALL_ORIGINS else _CORS_ORIGINS
CORS_URLS_REGEX = r"^/api/v1/(?!edits)"
CORS_ALLOW_METHODS = ["GET", "HEAD", "OPTIONS"]
CORS_ALLOW_HEADERS = ["accept", "if-none-match"]  # not "authorization"
CORS_EXPOSE_HEADERS = ["ETag", "Hub-Snapshot-Age", "Retry-After"]

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],  # the admin and the API docs carry data: icons
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    },
}

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
    "csp",
    "ninja",  # serves the API docs' files itself instead of naming a CDN
]

MIDDLEWARE = [
    "corsheaders.middleware.CorsMiddleware",  # first: errors carry its headers too
    "hub.web.middleware.receive_bodies",
    "hub.web.middleware.answer_head",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "hub.web.middleware.DatabaseUnavailableMiddleware",
    "axes.middleware.AxesMiddleware",  # last: it answers instead of the view for a locked-out login
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
STATIC_ROOT = BASE_DIR / "staticfiles"
# Found in the apps' folders, without a collectstatic step; the image runs collectstatic as well.
WHITENOISE_USE_FINDERS = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}Validator"}
    for name in ("UserAttributeSimilarity", "MinimumLength", "CommonPassword", "NumericPassword")
]

# --- Signing in: throttled by django-axes, in Postgres --------------------------------------------
# The first one only refuses whom it locked out; it needs the request of each authenticate().
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
# By both together: a name alone would let a stranger lock out its owner, an address alone everyone
# behind the same router.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = env.int("HUB_LOGIN_FAILURE_LIMIT", 5, validate=_POSITIVE)
AXES_COOLOFF_TIME = timedelta(minutes=env.int("HUB_LOGIN_LOCK_MINUTES", 15, validate=_POSITIVE))
# Tries while locked neither count nor lengthen it: the time that a person is told stays true.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
# For the form alone. A program signs in with each request: its successes would wipe out what
# somebody else behind the same address tries.
AXES_RESET_ON_SUCCESS = True
AXES_DISABLE_ACCESS_LOG = True  # who signed in when is in the user's own row
AXES_ENABLE_ADMIN = False  # `hub.admin.access` shows less, and nothing that could be edited
AXES_VERBOSE = False
AXES_CLIENT_IP_CALLABLE = "hub.accounts.login_throttle.client_key"
AXES_USERNAME_CALLABLE = "hub.accounts.login_throttle.username_key"
AXES_CLIENT_STR_CALLABLE = "hub.accounts.login_throttle.describe_attempt"
AXES_LOCKOUT_CALLABLE = "hub.web.lockout.response"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"

# --- Connections ----------------------------------------------------------------------------------
# Another system that acknowledges nothing for 10 seconds is gone.
_KEEPALIVE = {
    "KEEPIDLE": 5,  # seconds without data before the first probe
    "KEEPINTVL": 2,  # seconds between probes
    "KEEPCNT": 2,
    "USER_TIMEOUT": 10_000,  # milliseconds
}
# Each connection that a process holds may cost as much when Redis was gone without a word.
_REDIS_ANSWERS_WITHIN = 5  # seconds; no request takes a tenth of one

# --- The data -------------------------------------------------------------------------------------
DATABASES = {
    "default": dj_database_url.parse(
        env.str("DATABASE_URL"),
        conn_max_age=60,
        # Celery closes a task's connection; a web thread's may have died with a Postgres restart.
        conn_health_checks=True,
    )
}
# A router may forget a connection without a word to either side. Linux would notice after 15
# minutes where something was sent, and after two hours otherwise. What DATABASE_URL says wins.
DATABASES["default"]["OPTIONS"] = {
    "connect_timeout": 5,  # seconds
    "keepalives_idle": _KEEPALIVE["KEEPIDLE"],
    "keepalives_interval": _KEEPALIVE["KEEPINTVL"],
    "keepalives_count": _KEEPALIVE["KEEPCNT"],
    "tcp_user_timeout": _KEEPALIVE["USER_TIMEOUT"],
} | DATABASES["default"].get("OPTIONS", {})
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- GitHub ---------------------------------------------------------------------------------------
GITHUB_API_URL = env.str("GITHUB_API_URL", "https://api.github.com").rstrip("/")
GITHUB_REPO = env.str(
    "GITHUB_REPO", "NexClipper/exporterhub.io", validate=validate.Regexp(r"^[\w.-]+/[\w.-]+$")
)
GITHUB_BRANCH = env.str("GITHUB_BRANCH", "main", validate=validate.Length(min=1))
GITHUB_CONTENTS_PATH = env.str("GITHUB_CONTENTS_PATH", "contents").strip("/")
GITHUB_TOKEN = env.str("GITHUB_TOKEN", "").strip()  # kept encrypted in Postgres once seen
# Signs what GitHub's webhook delivers; without one the webhook is off.
GITHUB_WEBHOOK_SECRET = env.str("GITHUB_WEBHOOK_SECRET", "").strip()
# How tokens begin (GitHub, "About authentication"): the part that may be shown beside the mask.
GITHUB_TOKEN_PREFIXES = ("github_pat_", "ghp_", "gho_", "ghu_", "ghs_")
GITHUB_CONNECT_TIMEOUT = env.float("GITHUB_CONNECT_TIMEOUT", 5.0)  # seconds
# GitHub gives up at 10 s, so a healthy answer never takes longer.
GITHUB_READ_TIMEOUT = env.float("GITHUB_READ_TIMEOUT", 12.0)  # seconds
GITHUB_RETRIES = env.int("GITHUB_RETRIES", 2, validate=validate.Range(0, 5))
# A tenth below the 900 REST points (a GET is 1) and 2,000 GraphQL points (a query is 1) that GitHub
# allows a minute. 0 turns the budget off.
GITHUB_POINTS_PER_MINUTE = env.int("GITHUB_POINTS_PER_MINUTE", 810, validate=validate.Range(0))
GITHUB_GRAPHQL_POINTS_PER_MINUTE = env.int(
    "GITHUB_GRAPHQL_POINTS_PER_MINUTE", 1800, validate=validate.Range(0)
)

# --- Reading --------------------------------------------------------------------------------------
# A web process keeps the map for so long before it asks Postgres for a newer one. 0: each request.
MAP_CACHE_SECONDS = env.float("HUB_MAP_CACHE_SECONDS", 1.0, validate=validate.Range(0, 60))
# Pages that are the same for everyone are kept this long, or until the contents change: their
# other facts (stars, releases, "12 minutes ago") may be so old. 0: rendered for each request.
PAGE_CACHE_SECONDS = env.float("HUB_PAGE_CACHE_SECONDS", 10.0, validate=validate.Range(0, 300))
# For those pages alone (`hub.web.page_cache`), in the memory of each process.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "OPTIONS": {"MAX_ENTRIES": 100},
    }
}

# --- The refresh ----------------------------------------------------------------------------------
HUB_DEMO = env.bool("HUB_DEMO", False)  # the contents come from the project's own fake GitHub
REFRESH_INTERVAL = timedelta(minutes=env.int("HUB_REFRESH_MINUTES", 60, validate=_POSITIVE))
# Past this a run is closed with what it has learned; below the interval, so that runs never meet.
RUN_DEADLINE = timedelta(seconds=env.int("HUB_RUN_DEADLINE_SECONDS", 900, validate=_POSITIVE))
# A listing that lost more than this share of its directories waits for an admin's word.
MAX_SHRINK_RATIO = env.float("HUB_MAX_SHRINK_RATIO", 0.5, validate=validate.Range(0, 1))
# Older runs and snapshots are deleted (never the newest of either).
HISTORY_KEPT = timedelta(days=env.int("HUB_HISTORY_DAYS", 90, validate=_POSITIVE))

# --- Celery ---------------------------------------------------------------------------------------
REDIS_URL = CELERY_BROKER_URL = CELERY_RESULT_BACKEND = env.str("REDIS_URL")
CELERY_TASK_DEFAULT_QUEUE = "hub"
# Lookups have a queue of their own: thousands of them never stand before a start or a publish.
CELERY_TASK_ROUTES = {
    "tasks.refresh.lookup_directory": {"queue": "lookups"},
    "tasks.facts.lookup_facts": {"queue": "lookups"},
}
# A killed worker's tasks run again; every task may run twice without changing anything.
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_RESULT_EXPIRES = 3600  # seconds; several times a run, which ends at RUN_DEADLINE
# A header task waits at most for the budget and GitHub's retries: under 3 minutes. A message is
# given to another worker only after this many seconds, so it has to be more than twice that. It
# has to be set in three places (Celery's documentation, "Redis: visibility timeout").
CELERY_VISIBILITY_TIMEOUT = 600
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": CELERY_VISIBILITY_TIMEOUT,
    # kombu looks for messages of dead workers at every tenth check only; look each 5 s instead.
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    # A worker that is killed while it looks keeps the others from it, by default for five minutes.
    "unacked_mutex_expire": 10,
    "max_connections": 200,
    "health_check_interval": 10,
    "socket_keepalive": True,
    # macOS lacks the last, and the first has another name there.
    "socket_keepalive_options": {
        getattr(socket, f"TCP_{name}"): value
        for name, value in _KEEPALIVE.items()
        if hasattr(socket, f"TCP_{name}")
    },
    "socket_timeout": _REDIS_ANSWERS_WITHIN,
    "socket_connect_timeout": 5,
}
CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS = {
    "visibility_timeout": CELERY_VISIBILITY_TIMEOUT,
    "retry_policy": {"max_retries": 20, "interval_start": 0, "interval_step": 0.2},
}
CELERY_REDIS_SOCKET_KEEPALIVE = True
CELERY_REDIS_SOCKET_TIMEOUT = _REDIS_ANSWERS_WITHIN
CELERY_REDIS_BACKEND_HEALTH_CHECK_INTERVAL = 10
# Without these a Redis restart loses the results of a chord (measured with prefork).
CELERY_RESULT_BACKEND_ALWAYS_RETRY = True
CELERY_RESULT_BACKEND_MAX_RETRIES = 20
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# Web and commands must not hang while Redis is away: housekeeping sends the run's task later.
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 2, "interval_start": 0.1, "interval_step": 0.2}
CELERY_WORKER_SEND_TASK_EVENTS = True  # Flower shows tasks
CELERY_BEAT_SCHEDULER = "hub.ops.beat_scheduler:ClockTolerantScheduler"
# No CELERY_BEAT_SCHEDULE: entries in settings overwrite an admin's edits at each start of beat.
# `hub/runs/schedule.py` creates them once.

# --- Logging: one line an event to stderr, where a supervisor or a container collects it ---------
_LOG_LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR"]
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "no_tokens": {"()": "hub.github.redaction.RedactTokens"},
        "postgres_away": {"()": "hub.ops.log_filters.OneLineWhilePostgresIsAway"},
        "refusals_in_one_line": {"()": "hub.web.error_pages.OneLine"},
    },
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"},
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["refusals_in_one_line", "postgres_away", "no_tokens"],
        },
    },
    "loggers": {"axes": {"level": "WARNING"}},  # failures and locks; not that there was nothing
    "root": {
        "handlers": ["stderr"],
        "level": env.str("HUB_LOG_LEVEL", "INFO", validate=validate.OneOf(_LOG_LEVELS)),
    },
}
