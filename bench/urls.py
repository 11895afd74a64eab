"""The hub's URLs and those of the alternatives."""

from django.urls import path

from bench import views
from config.urls import urlpatterns as hub

urlpatterns = [
    *hub,
    path("bench/bare", views.bare),
    path("bench/bare-304", views.bare_304),
    path("bench/file-cache", views.file_cache),
    path("bench/redis-cache", views.redis_cache),
    path("bench/rows", views.rows),
]
