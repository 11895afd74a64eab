"""Backup and restore of all that the hub keeps in Postgres, in one file.

It uses `COPY` and not `pg_dump`, which has to be installed and as new as the server. A backup also
records its migrations: a restore creates these tables, fills them, and migrates them.
"""
