"""Addresses of the pages."""

from django.urls import path

from hub.pages import views

urlpatterns = [path("", views.catalogue, name="catalogue")]
