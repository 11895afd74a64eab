"""Every page that people look at: the checks of `test_pages.py` are made on each."""

PAGES = {
    "catalogue": "/",
    "status": "/status",
    "no such page": "/no-such-page",
}

# Those that answer with an error on purpose.
ERRORS = {"/no-such-page": 404}
