"""The hub's settings, with the URLs and caches of the alternatives."""

from config.settings import *  # noqa: F403
from config.settings import CACHES, DATA_DIR, REDIS_URL

ROOT_URLCONF = "bench.urls"
CACHES = CACHES | {
    # As in the replaced design: a pickled map for an hour.
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
