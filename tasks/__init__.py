"""The Celery tasks: each names its queue, its retries and its deadline, and calls the hub."""
