"""`exporterhub lint`: the hub's judgement of files on disk. Needs no hub and no network."""
