#!/bin/sh
# Start a role of the image: migrate, web, worker, beat or flower. `make run` uses the same commands.
set -eu
role=${1:-web}
case "$role" in
  migrate)
    python manage.py migrate --noinput
    exec python manage.py importcatalogue --only-new
    ;;
  web)
    exec python -m config.server --host 0.0.0.0 --port 8000 --workers "${HUB_WEB_WORKERS:-2}"
    ;;
  worker)
    # Limit glibc's per-thread arenas, which fragment.
    export MALLOC_ARENA_MAX=2
    # Lower priority than web, so that readers go first on the same machine.
    exec nice -n 10 celery --quiet --app config worker --pool threads --concurrency "${HUB_WORKER_THREADS:-25}" \
      --queues hub,lookups --without-gossip --without-mingle --loglevel INFO
    ;;
  beat)
    exec celery --quiet --app config beat --pidfile= --loglevel INFO
    ;;
  flower)
    # The credentials are in the environment, because other users can read a command line.
    : "${FLOWER_BASIC_AUTH:?set FLOWER_BASIC_AUTH to user:password}"
    exec celery --app config flower --conf=config/flowerconfig.py --address=0.0.0.0 --port=5555
    ;;
  *)
    exec "$@"
    ;;
esac
