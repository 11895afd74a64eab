"""Rules of names, of repositories and of directories. Pure: nothing here asks anybody."""
