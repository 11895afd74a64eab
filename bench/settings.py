"""The hub's own settings, with the addresses and the caches of what it is measured against."""

from config.settings import *  # noqa: F403
from config.settings import CACHES, DATA_DIR, REDIS_URL

ROOT_URLCONF = "bench.urls"
CACHES = CACHES | {
    # As the replaced design had it: a pickled map, an hour.
    "file": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": str(DATA_DIR / "file-cache"),
        "TIMEOUT": 3600,
    },
    "redis": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "TIMEOUT": 3600,
    },
}
