"""Rules of names: of repositories, of directories, and as search terms. Pure: no I/O."""
