"""Shell commands that readers copy from the pages. Pure functions.

File names are untrusted: each is quoted, and none can be interpreted as an option.
"""

import re
from shlex import quote

from hub.github.source import Source
from hub.web.raw import safe_name

_LONGEST_RELEASE = 53  # Helm's limit


def curl_download(url: str, path: str) -> str:
    """Return the command that downloads a file into the current directory."""
    return f"curl -fsSL -o {_local(path)} {quote(url)}"


def check_rules(url: str, path: str) -> str:
    """Return the commands that download a rule file and check it with promtool."""
    return f"{curl_download(url, path)}\npromtool check rules {_local(path)}"


def kubectl_apply(url: str, path: str) -> str:
    """Return the commands that download a manifest and apply it to the cluster."""
    return f"{curl_download(url, path)}\nkubectl apply -f {_local(path)}"


def apply_pack(url: str, *, server_side: bool = False) -> str:
    """Return the command that applies a pack's manifest to the cluster."""
    return f"kubectl apply {'--server-side ' if server_side else ''}-f {quote(url)}"


def apply_and_check_pack(url: str, *, server_side: bool) -> str:
    """Return the commands that apply a pack's manifest and list the resources in the cluster."""
    return f"{apply_pack(url, server_side=server_side)}\nkubectl get -f {quote(url)}"


def install_rules(url: str, path: str) -> str:
    """Return the commands that check a rule file, install it for Prometheus and reload it."""
    name = _local(path)
    return f"""\
{check_rules(url, path)}
sudo install -D -m 644 {name} /etc/prometheus/rules/{name}
# In /etc/prometheus/prometheus.yml, once:
#   rule_files: ["/etc/prometheus/rules/*.yaml"]
promtool check config /etc/prometheus/prometheus.yml
sudo systemctl reload prometheus
curl -fsS http://localhost:9090/api/v1/rules"""


def install_dashboards(url: str, path: str, name: str) -> str:
    """Return the commands that copy the dashboards of a pack to where Grafana loads them from."""
    return f"""\
{curl_download(url, path)}
unzip -o {_local(path)} '{name}/dashboards/*'
sudo mkdir -p /var/lib/grafana/dashboards
sudo cp {name}/dashboards/*.json /var/lib/grafana/dashboards/
# In /etc/grafana/provisioning/dashboards/exporters.yaml, once:
#   apiVersion: 1
#   providers: [{{name: exporters, type: file, options: {{path: /var/lib/grafana/dashboards}}}}]
sudo systemctl restart grafana-server"""


def install_chart(source: Source, folder: str, slug: str, *, dependencies: bool) -> str:
    """Return the commands that clone the repository and install a chart from its folder.

    "" if the source cannot be cloned. No Helm repository has the charts, so Helm needs a path.
    """
    if not source.web_url:
        return ""
    # An explicit "./" keeps a name that starts with a dash from being read as an option.
    clone = f"./{source.current_repository.rpartition('/')[2]}"
    chart = quote("/".join(filter(None, (clone, source.path_of(folder)))))
    lines = [
        f"git clone --depth 1 --branch {quote(source.branch)} {quote(source.web_url)}.git {clone}",
        f"helm dependency update {chart}" if dependencies else "",
        f"helm install {release_name(slug)} {chart}",
    ]
    return "\n".join(filter(None, lines))


def release_name(slug: str) -> str:
    """Return a valid name for a Helm release: a DNS label."""
    name = re.sub(r"[^a-z0-9]+", "-", slug.lower()).strip("-")
    return name[:_LONGEST_RELEASE].strip("-") or "exporter"


def import_dashboard(url: str) -> str:
    """Return the commands that import a dashboard through Grafana's API.

    They use the endpoint of Grafana's own import page: unlike `/api/dashboards/db`, it sets the
    data sources that the file requires (`__inputs`).
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
    """Return the quoted name under which the file is saved."""
    name = safe_name(path) or "file"
    return quote(f"./{name}" if name.startswith("-") else name)
