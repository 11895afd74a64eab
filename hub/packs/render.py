"""Render a pack as YAML or as a zip. The same pack always gives the same bytes. Pure functions."""

import io
import re
import zipfile
from collections.abc import Iterable, Iterator

from hub.github.source import Source
from hub.packs.build import Pack, PackResource
from hub.packs.plain import as_yaml, shown
from hub.packs.rule_files import Group, as_rule_file, unique_name

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first date of the zip format
_FILE_MODE = 0o100644 << 16
_LICENCE = re.compile(r"(licen[cs]e|copying)(\..*)?", re.IGNORECASE)


def manifest(pack: Pack, source: Source) -> bytes:
    """Return all Kubernetes resources as one manifest."""
    return _documents(pack, source, pack.resources)


def rules(pack: Pack, source: Source, form: str) -> bytes:
    """Return the alerting rules: as PrometheusRules, or as one rule file for Prometheus."""
    if form == "prometheusrule":
        return _documents(pack, source, pack.rules)
    groups: dict[str, Group] = {}
    for resource in pack.rules:
        for group in resource.document["spec"]["groups"]:
            name = unique_name(group["name"], groups)
            groups[name] = {**group, "name": name}
    return _comments(_about(pack, source)).encode() + as_rule_file(groups.values())


def _documents(pack: Pack, source: Source, resources: Iterable[PackResource]) -> bytes:
    texts = [_comments(_about(pack, source))]
    texts += [_resource(resource) for resource in resources]
    return "---\n".join(texts).encode()


def _resource(resource: PackResource) -> str:
    origin = resource.origin
    comment = f"From {shown(origin.whole_path)}, blob {origin.sha}"
    return _comments([comment]) + as_yaml(resource.document)


def _comments(lines: Iterable[str]) -> str:
    return "".join(f"# {line}\n" for line in lines)


def _about(pack: Pack, source: Source) -> Iterator[str]:
    """Yield lines about the pack: where it is from, and what is left out."""
    yield f"Exporter Hub: {', '.join(part.exporter.slug for part in pack.exporters)}"
    yield f"Source: {shown(source.repository)}, branch {shown(source.branch)}"
    for part in pack.exporters:
        for each in part.directories:
            folder = source.path_of(each.directory)
            yield f"Folder: {shown(folder)}, tree {each.tree_sha}"
        if part.version:
            yield f"Version: {shown(part.version)}"
    if pack.exceeds_apply:
        yield "A resource is larger than 256 KB: use kubectl apply --server-side"
    for left_out in pack.left_out:
        yield f"Left out: {shown(left_out.path)}: {shown(left_out.reason)}"


def archive(pack: Pack, source: Source) -> bytes:
    """Return the zip: resources, kustomization, rule files, dashboards, original files, README."""
    paths = [resource.path for resource in pack.resources]
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": paths,
    }
    entries = {
        "README.md": readme(pack, source).encode(),
        # kubectl rejects a kustomization without resources.
        **({"kustomization.yaml": as_yaml(kustomization).encode()} if paths else {}),
        **{resource.path: _resource(resource).encode() for resource in pack.resources},
        **{file.path: file.data for file in pack.files},
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as zipped:
        for path, data in entries.items():
            entry = zipfile.ZipInfo(f"{pack.name}/{path}", _EPOCH)
            entry.create_system, entry.external_attr = 3, _FILE_MODE  # Unix
            entry.compress_type = zipfile.ZIP_DEFLATED
            zipped.writestr(entry, data)
    return buffer.getvalue()


def readme(pack: Pack, source: Source) -> str:
    """Return the README: how to install each part, where each file is from, what is left out."""
    titles = ", ".join(_text(part.exporter.title) for part in pack.exporters)
    lines = [f"# {titles}", "", *_how_to_install(pack), "## Where it is from", ""]
    lines.append(f"Repository {_code(source.repository)}, branch {_code(source.branch)}.")
    lines.append("")
    for part in pack.exporters:
        version = f", version {_code(part.version)}" if part.version else ""
        lines.append(f"{_text(part.exporter.title)}{version}: {part.exporter.repository}")
        lines.append("")
        for each in part.directories:
            folder = source.path_of(each.directory)
            lines.append(f"- folder {_code(folder)}, git tree `{each.tree_sha}`")
        licences = [f for f in part.files if _LICENCE.fullmatch(f.name)]
        lines += [f"- licence: {_code(f.whole_path)}, blob `{f.sha}`" for f in licences]
        if not licences:
            lines.append("- licence: not in the folder; see the repositories")
        lines.append("")
    lines += ["A commit has these files if `git rev-parse COMMIT:FOLDER` prints the tree.", ""]
    for file, paths in pack.origins:
        made = ", ".join(map(_code, paths))
        lines.append(f"- {_code(file.whole_path)}, blob `{file.sha}`: {made}")
    if pack.left_out:
        lines += ["", "## Left out", ""]
        lines += [f"- {_code(each.path)}: {_text(each.reason)}" for each in pack.left_out]
    return "\n".join(lines) + "\n"


def _how_to_install(pack: Pack) -> Iterator[str]:
    folders = {path.partition("/")[0] for path in (f.path for f in pack.files)}
    option = " --server-side" if pack.exceeds_apply else ""
    if pack.resources:
        yield f"- Kubernetes with the Prometheus Operator: `kubectl apply{option} -k .`"
    if "rules" in folders:
        yield (
            "- Prometheus: copy `rules/` to the server, name it below `rule_files:` in "
            "`prometheus.yml`, check it with `promtool check rules rules/*.yaml`, and reload."
        )
    if "dashboards" in folders:
        yield (
            "- Grafana: import the files in `dashboards/`, or name the folder in a provider below "
            "`/etc/grafana/provisioning/dashboards`."
        )
    if "files" in folders:
        yield "- Charts, values and manifests are in `files/`, unchanged: use `helm` or `kubectl`."
    yield ""


def _code(text: str) -> str:
    return f"`{shown(text).replace('`', chr(39))}`"


def _text(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>#|])", r"\\\1", shown(text))
