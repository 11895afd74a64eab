#!/bin/sh
# The four roles of the image, with the commands that `make run` uses too.
set -eu
role=${1:-web}
case "$role" in
  migrate)
    python manage.py migrate --noinput
    exec python manage.py importcatalogue --only-new
    ;;
  web)
    # Each thread keeps a connection to Postgres; without a bound there may be hundreds.
    exec granian --interface wsgi --host 0.0.0.0 --port 8000 --workers "${HUB_WEB_WORKERS:-2}" \
      --blocking-threads 8 config.wsgi:application
    ;;
  worker)
    # glibc gives each few threads a heap of their own, which they leave full of holes.
    export MALLOC_ARENA_MAX=2
    # Nicer than the web: on one machine, readers come first.
    exec nice -n 10 celery --app config worker --pool threads --concurrency "${HUB_WORKER_THREADS:-50}" \
      --queues hub,lookups --without-gossip --without-mingle --loglevel INFO
    ;;
  beat)
    exec celery --app config beat --pidfile= --loglevel INFO
    ;;
  flower)
    # Credentials by environment, never on a command line that others can list.
    : "${FLOWER_BASIC_AUTH:?set FLOWER_BASIC_AUTH to user:password}"
    exec celery --app config flower --address=0.0.0.0 --port=5555
    ;;
  *)
    exec "$@"
    ;;
esac
