"""What follows from a change of a row, made in the admin, by a command or in a shell."""

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
def catalogue_changed(raw: bool = False, **_: Any) -> None:
    """The map names each directory's exporter: render it again (`raw`: a fixture is loading)."""
    if not raw:
        transaction.on_commit(show_catalogue)


@receiver(post_save, sender=Exporter)
@receiver(post_save, sender=Category)
@receiver([post_save, post_delete], sender=Readme)
def words_changed(instance: Exporter | Category | Readme, **_: Any) -> None:
    """What an exporter is found by changed: its names, its shelf's or its README."""
    which = {"category": instance.pk} if isinstance(instance, Category) else {"pk": instance.pk}
    reindex(Exporter.objects.filter(**which))


@receiver(post_save, sender=GitHubToken)
def token_saved(instance: GitHubToken, created: bool, raw: bool = False, **_: Any) -> None:
    """A new token may end a time without one: look at once instead of at the next tick."""
    # A token from the environment is adopted by a run, which goes on with it.
    if created and not raw and not instance.from_environment:
        # A run that is ending for want of a token has looked already: another has to follow it.
        transaction.on_commit(partial(start_refresh, RunTrigger.TOKEN, follow_up=True))
        transaction.on_commit(
            partial(start_facts_run_for, Exporter.objects.without_facts(), RunTrigger.TOKEN)
        )


@receiver(pre_save, sender=AccessAttempt)
def failed_sign_in(instance: AccessAttempt, **_: Any) -> None:
    """Who failed from where is all that is kept of it, nothing of what was sent."""
    instance.get_data = instance.post_data = ""
