"""Backup and restore of all that the hub keeps in Postgres, in one file.

By `COPY` through the driver that the hub has anyway, and not by `pg_dump`: that has to be installed
and be as new as the server, which `DATABASE_URL` may name anywhere, and its dump knows nothing of
the hub's migrations and keys. A backup here records the migrations that its tables had: a restore
makes just these tables, fills them, and migrates them to what the installed hub needs.
"""
