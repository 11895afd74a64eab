"""Commands that people copy into a shell: they work as they stand, whatever a file is named. Pure.

Names come from strangers: each is quoted, and none can be taken for an option.
"""

import re
from shlex import quote

from hub.github.source import Source
from hub.web.raw import safe_name

_LONGEST_RELEASE = 53  # Helm's own limit


def curl_download(url: str, path: str) -> str:
    """Fetch a file of the hub into the folder where one stands."""
    return f"curl -fsSL -o {_local(path)} {quote(url)}"


def check_rules(url: str, path: str) -> str:
    """Fetch a rule file and let Prometheus' own tool check it."""
    return f"{curl_download(url, path)}\npromtool check rules {_local(path)}"


def kubectl_apply(url: str, path: str) -> str:
    """Fetch a manifest and hand it to the cluster."""
    return f"{curl_download(url, path)}\nkubectl apply -f {_local(path)}"


def install_chart(source: Source, folder: str, slug: str, *, dependencies: bool) -> str:
    """Clone the repository and install a chart from its folder; "" where nothing can be cloned.

    The charts of contents are in no Helm repository, so a path is what Helm takes.
    """
    if not source.web_url:
        return ""
    # a folder of that name that is there already, or one that begins with a dash, is not met
    clone = f"./{source.repository.rpartition('/')[2]}"
    chart = quote("/".join(filter(None, (clone, source.path, folder))))
    lines = [
        f"git clone --depth 1 --branch {quote(source.branch)} {quote(source.web_url)}.git {clone}",
        f"helm dependency update {chart}" if dependencies else "",
        f"helm install {release_name(slug)} {chart}",
    ]
    return "\n".join(filter(None, lines))


def release_name(slug: str) -> str:
    """A name for a release that Helm takes: a DNS label."""
    name = re.sub(r"[^a-z0-9]+", "-", slug.lower()).strip("-")
    return name[:_LONGEST_RELEASE].strip("-") or "exporter"


def import_dashboard(url: str) -> str:
    """Send a dashboard from the hub to Grafana, by the address that Grafana's own import uses.

    Unlike `/api/dashboards/db` it fills in the data sources that the file asks for (`__inputs`).
    """
    return f"""\
export GRAFANA_URL=http://localhost:3000 GRAFANA_TOKEN=your-token DATASOURCE=Prometheus
curl -fsSL {quote(url)} \\
  | jq --arg source "$DATASOURCE" '(.dashboard // .) | {{
      dashboard: ., overwrite: true,
      inputs: [.__inputs[]? | select(.type == "datasource")
               | {{name, type, pluginId, value: $source}}]
    }}' \\
  | curl -fsS "$GRAFANA_URL/api/dashboards/import" \\
      -H "Authorization: Bearer $GRAFANA_TOKEN" \\
      -H 'Content-Type: application/json' --data-binary @-"""


def _local(path: str) -> str:
    """The file's name where it is saved, quoted."""
    name = safe_name(path) or "file"
    return quote(f"./{name}" if name.startswith("-") else name)
