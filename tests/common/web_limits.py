"""The web server with other limits: python -m tests.common.web_limits IDLE_SECONDS=1 --port=80."""

import sys

from config import server

if __name__ == "__main__":
    for limit in [argument for argument in sys.argv if "=" in argument and argument[0] != "-"]:
        sys.argv.remove(limit)
        name, value = limit.split("=")
        setattr(server, name, type(getattr(server, name))(value))
    server.serve()
