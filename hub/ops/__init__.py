"""Operations: the local hub of `make run`, backups, beat's scheduler, and the log's format."""
