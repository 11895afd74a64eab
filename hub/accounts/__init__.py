"""Throttling of failed sign-ins, in the admin and over the API alike."""
