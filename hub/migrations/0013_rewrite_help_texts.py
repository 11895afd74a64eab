import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("hub", "0012_rename_scheduled_tasks"),
    ]

    operations = [
        migrations.AlterField(
            model_name="change",
            name="cause",
            field=models.CharField(
                choices=[("push", "a push"), ("rules", "new rules in the hub")], max_length=5
            ),
        ),
        migrations.AlterField(
            model_name="change",
            name="what",
            field=models.CharField(
                choices=[
                    ("gained", "gained"),
                    ("lost", "lost"),
                    ("usable", "became usable"),
                    ("broken", "became unusable"),
                ],
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="contentedit",
            name="base_sha",
            field=models.CharField(
                blank=True,
                help_text="Blob SHA of the version that was edited; empty for a new file.",
                max_length=64,
            ),
        ),
        migrations.AlterField(
            model_name="contentedit",
            name="path",
            field=models.CharField(help_text="Path relative to the directory.", max_length=1000),
        ),
        migrations.AlterField(
            model_name="contentedit",
            name="reason",
            field=models.CharField(
                blank=True,
                choices=[
                    ("no_token", "no GitHub token: add one in the admin"),
                    ("token_refused", "GitHub rejected the token: replace it in the admin"),
                    (
                        "rate_limited",
                        "GitHub's rate limit is used up: the hub continues when it resets",
                    ),
                    ("secondary_limit", "GitHub's secondary rate limit is reached: the hub waits"),
                    ("budget", "the hub's request budget is used up: the next run continues"),
                    ("unreachable", "GitHub could not be reached: check the network"),
                    ("server_fault", "GitHub responded with a server error: the hub retries later"),
                    ("bad_answer", "GitHub's response could not be read: the hub retries later"),
                    ("truncated", "the directory is too large for one response from GitHub"),
                    ("not_found", "repository, branch or path not found: check the settings"),
                    ("access_denied", "GitHub denies access: check the token's permissions"),
                    ("empty_repository", "the repository has no commits"),
                    ("deadline", "not finished before the deadline: the next run continues"),
                    ("all_failed", "no directory could be looked up: nothing was published"),
                    (
                        "shrunk",
                        "most directories disappeared: if that is correct, publish it in the admin",
                    ),
                    ("not_chosen", "changed upstream, but not selected in the last refresh"),
                    ("overdue", "the last refresh is overdue: check beat and worker"),
                    (
                        "conflict",
                        "someone else changed the file: review that version, then save again",
                    ),
                    ("refused", "GitHub rejected the change"),
                    ("internal", "internal error: see the worker's log"),
                ],
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="contentedit",
            name="state",
            field=models.CharField(
                choices=[
                    ("queued", "waiting to be committed"),
                    ("committed", "committed"),
                    ("conflict", "draft: someone else changed it"),
                    ("refused", "draft: GitHub rejected it"),
                    ("withdrawn", "withdrawn"),
                ],
                default="queued",
                max_length=9,
            ),
        ),
        migrations.AlterField(
            model_name="directoryowner",
            name="exporter",
            field=models.ForeignKey(
                blank=True,
                help_text="Empty: no exporter.",
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                to="hub.exporter",
            ),
        ),
        migrations.AlterField(
            model_name="exporter",
            name="facts_problem",
            field=models.CharField(
                blank=True,
                choices=[
                    ("no_token", "no GitHub token: add one in the admin"),
                    ("token_refused", "GitHub rejected the token: replace it in the admin"),
                    (
                        "rate_limited",
                        "GitHub's rate limit is used up: the hub continues when it resets",
                    ),
                    ("secondary_limit", "GitHub's secondary rate limit is reached: the hub waits"),
                    ("budget", "the hub's request budget is used up: the next run continues"),
                    ("unreachable", "GitHub could not be reached: check the network"),
                    ("server_fault", "GitHub responded with a server error: the hub retries later"),
                    ("bad_answer", "GitHub's response could not be read: the hub retries later"),
                    ("truncated", "the directory is too large for one response from GitHub"),
                    ("not_found", "repository, branch or path not found: check the settings"),
                    ("access_denied", "GitHub denies access: check the token's permissions"),
                    ("empty_repository", "the repository has no commits"),
                    ("deadline", "not finished before the deadline: the next run continues"),
                    ("all_failed", "no directory could be looked up: nothing was published"),
                    (
                        "shrunk",
                        "most directories disappeared: if that is correct, publish it in the admin",
                    ),
                    ("not_chosen", "changed upstream, but not selected in the last refresh"),
                    ("overdue", "the last refresh is overdue: check beat and worker"),
                    (
                        "conflict",
                        "someone else changed the file: review that version, then save again",
                    ),
                    ("refused", "GitHub rejected the change"),
                    ("internal", "internal error: see the worker's log"),
                ],
                editable=False,
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="exporter",
            name="official",
            field=models.BooleanField(
                default=False,
                help_text="Maintained by the Prometheus team (github.com/prometheus).",
            ),
        ),
        migrations.AlterField(
            model_name="exportercontents",
            name="stale",
            field=models.CharField(
                blank=True,
                choices=[
                    ("no_token", "no GitHub token: add one in the admin"),
                    ("token_refused", "GitHub rejected the token: replace it in the admin"),
                    (
                        "rate_limited",
                        "GitHub's rate limit is used up: the hub continues when it resets",
                    ),
                    ("secondary_limit", "GitHub's secondary rate limit is reached: the hub waits"),
                    ("budget", "the hub's request budget is used up: the next run continues"),
                    ("unreachable", "GitHub could not be reached: check the network"),
                    ("server_fault", "GitHub responded with a server error: the hub retries later"),
                    ("bad_answer", "GitHub's response could not be read: the hub retries later"),
                    ("truncated", "the directory is too large for one response from GitHub"),
                    ("not_found", "repository, branch or path not found: check the settings"),
                    ("access_denied", "GitHub denies access: check the token's permissions"),
                    ("empty_repository", "the repository has no commits"),
                    ("deadline", "not finished before the deadline: the next run continues"),
                    ("all_failed", "no directory could be looked up: nothing was published"),
                    (
                        "shrunk",
                        "most directories disappeared: if that is correct, publish it in the admin",
                    ),
                    ("not_chosen", "changed upstream, but not selected in the last refresh"),
                    ("overdue", "the last refresh is overdue: check beat and worker"),
                    (
                        "conflict",
                        "someone else changed the file: review that version, then save again",
                    ),
                    ("refused", "GitHub rejected the change"),
                    ("internal", "internal error: see the worker's log"),
                ],
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="factslookup",
            name="changed",
            field=models.BooleanField(
                default=False, help_text="Whether the lookup changed any facts."
            ),
        ),
        migrations.AlterField(
            model_name="factslookup",
            name="outcome",
            field=models.CharField(
                choices=[
                    ("pending", "not yet looked up"),
                    ("found", "found"),
                    ("missing", "not found on GitHub"),
                    ("failed", "failed"),
                ],
                default="pending",
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="factslookup",
            name="reason",
            field=models.CharField(
                blank=True,
                choices=[
                    ("no_token", "no GitHub token: add one in the admin"),
                    ("token_refused", "GitHub rejected the token: replace it in the admin"),
                    (
                        "rate_limited",
                        "GitHub's rate limit is used up: the hub continues when it resets",
                    ),
                    ("secondary_limit", "GitHub's secondary rate limit is reached: the hub waits"),
                    ("budget", "the hub's request budget is used up: the next run continues"),
                    ("unreachable", "GitHub could not be reached: check the network"),
                    ("server_fault", "GitHub responded with a server error: the hub retries later"),
                    ("bad_answer", "GitHub's response could not be read: the hub retries later"),
                    ("truncated", "the directory is too large for one response from GitHub"),
                    ("not_found", "repository, branch or path not found: check the settings"),
                    ("access_denied", "GitHub denies access: check the token's permissions"),
                    ("empty_repository", "the repository has no commits"),
                    ("deadline", "not finished before the deadline: the next run continues"),
                    ("all_failed", "no directory could be looked up: nothing was published"),
                    (
                        "shrunk",
                        "most directories disappeared: if that is correct, publish it in the admin",
                    ),
                    ("not_chosen", "changed upstream, but not selected in the last refresh"),
                    ("overdue", "the last refresh is overdue: check beat and worker"),
                    (
                        "conflict",
                        "someone else changed the file: review that version, then save again",
                    ),
                    ("refused", "GitHub rejected the change"),
                    ("internal", "internal error: see the worker's log"),
                ],
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="factsrun",
            name="reason",
            field=models.CharField(
                blank=True,
                choices=[
                    ("no_token", "no GitHub token: add one in the admin"),
                    ("token_refused", "GitHub rejected the token: replace it in the admin"),
                    (
                        "rate_limited",
                        "GitHub's rate limit is used up: the hub continues when it resets",
                    ),
                    ("secondary_limit", "GitHub's secondary rate limit is reached: the hub waits"),
                    ("budget", "the hub's request budget is used up: the next run continues"),
                    ("unreachable", "GitHub could not be reached: check the network"),
                    ("server_fault", "GitHub responded with a server error: the hub retries later"),
                    ("bad_answer", "GitHub's response could not be read: the hub retries later"),
                    ("truncated", "the directory is too large for one response from GitHub"),
                    ("not_found", "repository, branch or path not found: check the settings"),
                    ("access_denied", "GitHub denies access: check the token's permissions"),
                    ("empty_repository", "the repository has no commits"),
                    ("deadline", "not finished before the deadline: the next run continues"),
                    ("all_failed", "no directory could be looked up: nothing was published"),
                    (
                        "shrunk",
                        "most directories disappeared: if that is correct, publish it in the admin",
                    ),
                    ("not_chosen", "changed upstream, but not selected in the last refresh"),
                    ("overdue", "the last refresh is overdue: check beat and worker"),
                    (
                        "conflict",
                        "someone else changed the file: review that version, then save again",
                    ),
                    ("refused", "GitHub rejected the change"),
                    ("internal", "internal error: see the worker's log"),
                ],
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="factsrun",
            name="status",
            field=models.CharField(
                choices=[
                    ("queued", "waiting for a worker"),
                    ("listing", "listing directories"),
                    ("looking_up", "looking up"),
                    ("published", "published"),
                    ("unchanged", "nothing changed"),
                    ("held", "held back: needs an admin's approval"),
                    ("no_token", "no token"),
                    ("failed", "failed"),
                ],
                default="queued",
                max_length=12,
            ),
        ),
        migrations.AlterField(
            model_name="githubtoken",
            name="blocked_until",
            field=models.DateTimeField(
                editable=False, help_text="End of a secondary rate limit.", null=True
            ),
        ),
        migrations.AlterField(
            model_name="githubtoken",
            name="core_limit",
            field=models.PositiveIntegerField(
                editable=False, help_text="GitHub's limit of REST requests per hour.", null=True
            ),
        ),
        migrations.AlterField(
            model_name="githubtoken",
            name="graphql_limit",
            field=models.PositiveIntegerField(
                editable=False, help_text="GitHub's limit of GraphQL points per hour.", null=True
            ),
        ),
        migrations.AlterField(
            model_name="githubtoken",
            name="state",
            field=models.CharField(
                choices=[
                    ("unknown", "not yet used"),
                    ("valid", "valid"),
                    ("invalid", "rejected by GitHub"),
                ],
                default="unknown",
                editable=False,
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="lookup",
            name="outcome",
            field=models.CharField(
                choices=[
                    ("pending", "not yet looked up"),
                    ("found", "found"),
                    ("missing", "not found on GitHub"),
                    ("failed", "failed"),
                ],
                default="pending",
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="lookup",
            name="reason",
            field=models.CharField(
                blank=True,
                choices=[
                    ("no_token", "no GitHub token: add one in the admin"),
                    ("token_refused", "GitHub rejected the token: replace it in the admin"),
                    (
                        "rate_limited",
                        "GitHub's rate limit is used up: the hub continues when it resets",
                    ),
                    ("secondary_limit", "GitHub's secondary rate limit is reached: the hub waits"),
                    ("budget", "the hub's request budget is used up: the next run continues"),
                    ("unreachable", "GitHub could not be reached: check the network"),
                    ("server_fault", "GitHub responded with a server error: the hub retries later"),
                    ("bad_answer", "GitHub's response could not be read: the hub retries later"),
                    ("truncated", "the directory is too large for one response from GitHub"),
                    ("not_found", "repository, branch or path not found: check the settings"),
                    ("access_denied", "GitHub denies access: check the token's permissions"),
                    ("empty_repository", "the repository has no commits"),
                    ("deadline", "not finished before the deadline: the next run continues"),
                    ("all_failed", "no directory could be looked up: nothing was published"),
                    (
                        "shrunk",
                        "most directories disappeared: if that is correct, publish it in the admin",
                    ),
                    ("not_chosen", "changed upstream, but not selected in the last refresh"),
                    ("overdue", "the last refresh is overdue: check beat and worker"),
                    (
                        "conflict",
                        "someone else changed the file: review that version, then save again",
                    ),
                    ("refused", "GitHub rejected the change"),
                    ("internal", "internal error: see the worker's log"),
                ],
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="refreshrun",
            name="follow_up",
            field=models.CharField(
                blank=True,
                choices=[
                    ("schedule", "schedule"),
                    ("startup", "first start"),
                    ("admin", "admin"),
                    ("command", "command line"),
                    ("token", "token added"),
                    ("webhook", "webhook"),
                    ("edit", "content edited"),
                ],
                help_text="Trigger of the next run, if this one may have listed too early.",
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="refreshrun",
            name="full",
            field=models.BooleanField(
                default=False, help_text="Publish even if the contents tree has not changed."
            ),
        ),
        migrations.AlterField(
            model_name="refreshrun",
            name="reason",
            field=models.CharField(
                blank=True,
                choices=[
                    ("no_token", "no GitHub token: add one in the admin"),
                    ("token_refused", "GitHub rejected the token: replace it in the admin"),
                    (
                        "rate_limited",
                        "GitHub's rate limit is used up: the hub continues when it resets",
                    ),
                    ("secondary_limit", "GitHub's secondary rate limit is reached: the hub waits"),
                    ("budget", "the hub's request budget is used up: the next run continues"),
                    ("unreachable", "GitHub could not be reached: check the network"),
                    ("server_fault", "GitHub responded with a server error: the hub retries later"),
                    ("bad_answer", "GitHub's response could not be read: the hub retries later"),
                    ("truncated", "the directory is too large for one response from GitHub"),
                    ("not_found", "repository, branch or path not found: check the settings"),
                    ("access_denied", "GitHub denies access: check the token's permissions"),
                    ("empty_repository", "the repository has no commits"),
                    ("deadline", "not finished before the deadline: the next run continues"),
                    ("all_failed", "no directory could be looked up: nothing was published"),
                    (
                        "shrunk",
                        "most directories disappeared: if that is correct, publish it in the admin",
                    ),
                    ("not_chosen", "changed upstream, but not selected in the last refresh"),
                    ("overdue", "the last refresh is overdue: check beat and worker"),
                    (
                        "conflict",
                        "someone else changed the file: review that version, then save again",
                    ),
                    ("refused", "GitHub rejected the change"),
                    ("internal", "internal error: see the worker's log"),
                ],
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="refreshrun",
            name="rest_only",
            field=models.BooleanField(
                default=False, help_text="GraphQL is not available: files are fetched over REST."
            ),
        ),
        migrations.AlterField(
            model_name="refreshrun",
            name="shrink_accepted",
            field=models.BooleanField(
                default=False, help_text="Publish even if most directories disappeared."
            ),
        ),
        migrations.AlterField(
            model_name="refreshrun",
            name="status",
            field=models.CharField(
                choices=[
                    ("queued", "waiting for a worker"),
                    ("listing", "listing directories"),
                    ("looking_up", "looking up"),
                    ("published", "published"),
                    ("unchanged", "nothing changed"),
                    ("held", "held back: needs an admin's approval"),
                    ("no_token", "no token"),
                    ("failed", "failed"),
                ],
                default="queued",
                max_length=12,
            ),
        ),
        migrations.AlterField(
            model_name="servedcontents",
            name="reason",
            field=models.CharField(
                blank=True,
                choices=[
                    ("no_token", "no GitHub token: add one in the admin"),
                    ("token_refused", "GitHub rejected the token: replace it in the admin"),
                    (
                        "rate_limited",
                        "GitHub's rate limit is used up: the hub continues when it resets",
                    ),
                    ("secondary_limit", "GitHub's secondary rate limit is reached: the hub waits"),
                    ("budget", "the hub's request budget is used up: the next run continues"),
                    ("unreachable", "GitHub could not be reached: check the network"),
                    ("server_fault", "GitHub responded with a server error: the hub retries later"),
                    ("bad_answer", "GitHub's response could not be read: the hub retries later"),
                    ("truncated", "the directory is too large for one response from GitHub"),
                    ("not_found", "repository, branch or path not found: check the settings"),
                    ("access_denied", "GitHub denies access: check the token's permissions"),
                    ("empty_repository", "the repository has no commits"),
                    ("deadline", "not finished before the deadline: the next run continues"),
                    ("all_failed", "no directory could be looked up: nothing was published"),
                    (
                        "shrunk",
                        "most directories disappeared: if that is correct, publish it in the admin",
                    ),
                    ("not_chosen", "changed upstream, but not selected in the last refresh"),
                    ("overdue", "the last refresh is overdue: check beat and worker"),
                    (
                        "conflict",
                        "someone else changed the file: review that version, then save again",
                    ),
                    ("refused", "GitHub rejected the change"),
                    ("internal", "internal error: see the worker's log"),
                ],
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="webhookdelivery",
            name="action",
            field=models.CharField(
                choices=[
                    ("pong", "answered the ping"),
                    ("begun", "started a run"),
                    ("joined", "joined a run that had not listed the directories yet"),
                    ("follows", "scheduled a run after the open one"),
                    ("elsewhere", "ignored: another repository or branch"),
                    ("untouched", "ignored: no change below the contents path"),
                ],
                max_length=10,
            ),
        ),
    ]
