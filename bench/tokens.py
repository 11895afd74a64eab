"""`python -m bench.tokens COUNT`: give the hub `COUNT` tokens, each with a request budget."""

import sys

import django

from bench.stage import token


def main(count: int) -> None:
    """Replace the hub's tokens."""
    django.setup()

    from hub.models import GitHubToken

    GitHubToken.objects.all().delete()
    GitHubToken.objects.bulk_create(  # without signals: a new token starts a run
        GitHubToken(name=f"token {n}", secret=token(n), from_environment=n == 0)
        for n in range(count)
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
