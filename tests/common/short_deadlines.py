"""The web server with short deadlines and little memory: python -m tests.common.short_deadlines."""

from config import server

server.HEAD_SECONDS = server.BODY_SECONDS = server.IDLE_SECONDS = 1
server.MAX_BODIES = 1024 * 1024

if __name__ == "__main__":
    server.serve()
