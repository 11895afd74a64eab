"""Throttling of failed sign-ins, for the admin and the API."""
