"""The hub's addresses, and those of what it is measured against."""

from django.urls import path

from bench import contenders
from config.urls import urlpatterns as hub

urlpatterns = [
    *hub,
    path("bench/bare", contenders.bare),
    path("bench/bare-304", contenders.bare_304),
    path("bench/file-cache", contenders.file_cache),
    path("bench/redis-cache", contenders.redis_cache),
    path("bench/rows", contenders.rows),
]
