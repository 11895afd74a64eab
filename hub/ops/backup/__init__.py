"""Back up the hub's database to one file, and restore it.

This uses `COPY` instead of `pg_dump`, which must be installed and at least as new as the server.
A restore creates the tables of the backup's migrations, fills them, and migrates them.
"""
