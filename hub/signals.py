"""Signal receivers: update derived data when a row is saved or deleted."""

from functools import partial
from typing import Any

from axes.models import AccessAttempt
from django.db import transaction
from django.db.models.signals import post_delete, post_save, pre_save
from django.dispatch import receiver

from hub.content.map.render_map import show_catalogue
from hub.content.runs import start_refresh
from hub.facts.runs import start_facts_run_for
from hub.models import Category, DirectoryOwner, Exporter, GitHubToken, Readme, RunTrigger
from hub.models.search_index import reindex


@receiver([post_save, post_delete], sender=Exporter)
@receiver([post_save, post_delete], sender=DirectoryOwner)
def render_map_again(raw: bool = False, **_: Any) -> None:
    """Render the map, which names each directory's exporter (`raw`: a fixture is loading)."""
    if not raw:
        transaction.on_commit(show_catalogue)


@receiver(post_save, sender=Exporter)
@receiver(post_save, sender=Category)
@receiver([post_save, post_delete], sender=Readme)
def update_search_index(instance: Exporter | Category | Readme, **_: Any) -> None:
    """Reindex the exporters whose name, category name or README has changed."""
    lookup = {"category": instance.pk} if isinstance(instance, Category) else {"pk": instance.pk}
    reindex(Exporter.objects.filter(**lookup))


@receiver(post_save, sender=GitHubToken)
def start_runs_for_token(instance: GitHubToken, created: bool, raw: bool = False, **_: Any) -> None:
    """Start runs when a token is added, without waiting for the schedule."""
    # A token from the environment is stored by a run, which uses it itself.
    if created and not raw and not instance.from_environment:
        # An open run may already have found no token, so another one has to follow it.
        transaction.on_commit(partial(start_refresh, RunTrigger.TOKEN, follow_up=True))
        transaction.on_commit(
            partial(start_facts_run_for, Exporter.objects.without_facts(), RunTrigger.TOKEN)
        )


@receiver(pre_save, sender=AccessAttempt)
def discard_request_data(instance: AccessAttempt, **_: Any) -> None:
    """Store only the username and address of a failed sign-in, not the request's parameters."""
    instance.get_data = instance.post_data = ""
