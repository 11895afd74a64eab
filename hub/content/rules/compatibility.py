"""Which versions of Prometheus, Grafana and Kubernetes content needs.

These are facts about other programs. The document that states each version is beside it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from hub.content.rules.report import Findings

# --- Prometheus -----------------------------------------------------------------------------------

# Version → what it added, according to the changelog of each version:
# https://github.com/prometheus/prometheus/blob/main/CHANGELOG.md
_FUNCTIONS = {
    "2.16": "absent_over_time",
    "2.20": "group",
    "2.26": "clamp last_over_time sgn",
    "2.29": "present_over_time",
    "2.31": "acos acosh asin asinh atan atanh cos cosh deg pi rad sin sinh tan tanh",
    "2.40": "histogram_count histogram_fraction histogram_sum",
    "2.47": "histogram_stddev histogram_stdvar",
    "2.49": "mad_over_time sort_by_label sort_by_label_desc",
    "2.51": "histogram_avg",
    "2.54": "limit_ratio limitk",
    "2.55": "info",
    "3.0": "double_exponential_smoothing",
    "3.5": "ts_of_last_over_time ts_of_max_over_time ts_of_min_over_time",
    "3.7": "first_over_time ts_of_first_over_time",
    "3.11": "histogram_quantiles",
    "3.12": "end range start step",
    "3.13": "max_of min_of",
}
_TEMPLATE_FUNCTIONS = {
    "2.11": "humanizePercentage",
    "2.32": "parseDuration",
    "2.33": "stripPort",
    "2.36": "stripDomain",
    "2.38": "toTime",
    "3.6": "now toDuration",
    "3.8": "urlQueryEscape",
}
# (feature, version, how it looks in an expression in lower case in which each text is "")
_SYNTAX = [
    ("a subquery", "2.7", r"\[[^\[\]:]*+:"),
    ("a duration of several units", "2.21", r"(?<![\w:.])\d++(?:ms|[smhdwy])\d"),
    ("the operator `atan2`", "2.31", r"(?<![\w:.])atan2(?![\w:])"),
    ("the modifier `@`", "2.33", "@"),
    ("a negative offset", "2.33", r"\boffset\s*+-"),
    ("an underscore in a number", "2.54", r"(?<![\w:.])\d++_\d"),
    ("a range without a unit", "3.0", r"\[\s*+\d++(?:\.\d++)?+\s*+[\]:]"),
    ("an offset without a unit", "3.0", r"\boffset\s*+-?\s*+\d++(?!\w)"),
    ("a duration as a number", "3.0", r"(?<![\w:.])(?:\d++(?:ms|[smhdwy]))+(?!\w)"),
    ("a name in quotes", "3.0", r'\{(?:[^{}]*,)?\s*+""'),
    (
        "a label in quotes",
        "3.0",
        r'\b(?:by|without|on|ignoring|group_left|group_right)\s*+\((?:[^()]*,)?\s*+""',
    ),
]
# Fields of rule files. The source of `labels` in a group is the pull request that added it:
# https://github.com/prometheus/prometheus/pull/11474
_FIELDS = {"2.31": "limit", "2.42": "keep_firing_for", "2.53": "query_offset", "3.0": "labels"}
UTF8_NAMES = "3.0"  # of labels
UTF8_RULE_NAMES = "3.2"  # of recording rules

# Functions and modifiers that Prometheus rejects without a flag:
# https://prometheus.io/docs/prometheus/latest/feature_flags/
_EXPERIMENTAL = """
    double_exponential_smoothing end first_over_time histogram_quantiles info limit_ratio
    limitk mad_over_time max_of min_of range sort_by_label sort_by_label_desc start step
    ts_of_first_over_time ts_of_last_over_time ts_of_max_over_time ts_of_min_over_time
"""

_TEXT_OR_COMMENT = re.compile(
    r"""(`[^`]*+` | "(?:[^"\\\n]|\\.)*+" | '(?:[^'\\\n]|\\.)*+') | \#[^\n]*+""", re.VERBOSE
)
# Durations belong in ranges and after `offset`.
_DURATION_PLACE = re.compile(r"\[[^\[\]]*+\]|\boffset\s*+-?\s*+\w++")
_CALL = re.compile(r"(?<![\w:.@])[a-z]\w*+(?=\s*+\(|\s++(?:by|without)\b)")
_AT_ARGUMENT = re.compile(r"@\s*+(?:start|end)\s*+\(\s*+\)")


class Need(NamedTuple):
    """Something that only some versions of a program have, as a finding says it."""

    reason: str
    needs: str  # the versions, such as `Prometheus >= 2.53`
    experimental: bool = False  # the program rejects it without a flag


def _by_name(versions: Mapping[str, str]) -> dict[str, str]:
    return {name: version for version, names in versions.items() for name in names.split()}


_VERSION_OF_FUNCTION = _by_name(_FUNCTIONS)
_VERSION_OF_TEMPLATE_FUNCTION = _by_name(_TEMPLATE_FUNCTIONS)
_VERSION_OF_FIELD = _by_name(_FIELDS)
_EXPERIMENTAL_FUNCTIONS = frozenset(_EXPERIMENTAL.split())
_PATTERNS = [(name, version, re.compile(p)) for name, version, p in _SYNTAX]


def prometheus_since(feature: str, version: str) -> Need:
    """Return the need of a feature that Prometheus has since the version."""
    return Need(f"{feature} needs Prometheus {version} or newer", f"Prometheus >= {version}")


def needs_of_expression(expr: str) -> Iterator[Need]:
    """Yield what only some versions of Prometheus have in a valid expression."""
    plain = _TEXT_OR_COMMENT.sub(lambda match: '""' if match[1] else "", expr).lower()
    numbers = _DURATION_PLACE.sub("", plain)
    for feature, version, pattern in _PATTERNS:
        if pattern.search(numbers if feature == "a duration as a number" else plain):
            yield prometheus_since(feature, version)
    for name in sorted(set(_CALL.findall(_AT_ARGUMENT.sub("@", plain)))):
        if name == "holt_winters":
            reason = "Prometheus 3.0 renamed `holt_winters` to `double_exponential_smoothing`"
            yield Need(reason, "Prometheus < 3.0")
        elif name in _EXPERIMENTAL_FUNCTIONS:
            flag = "--enable-feature=promql-experimental-functions"
            version = _VERSION_OF_FUNCTION[name]
            reason = f"`{name}` needs Prometheus {version} or newer with {flag}"
            yield Need(reason, f"Prometheus >= {version}", experimental=True)
        elif name in _VERSION_OF_FUNCTION:
            yield prometheus_since(f"`{name}`", _VERSION_OF_FUNCTION[name])


def needs_of_template(words: Iterable[str]) -> Iterator[Need]:
    """Yield what only some versions of Prometheus have, of the words in template actions."""
    for word in words:
        if version := _VERSION_OF_TEMPLATE_FUNCTION.get(word):
            yield prometheus_since(f"the template function `{word}`", version)


def needs_of_fields(keys: Iterable[object], *, group: bool) -> Iterator[tuple[str, Need]]:
    """Yield (key, need) for the fields of a rule or group that not all versions know."""
    for key in keys:
        version = _VERSION_OF_FIELD.get(str(key)) if group or key == "keep_firing_for" else None
        if version:
            where = "`labels` in a group" if key == "labels" else f"`{key}`"
            yield str(key), prometheus_since(where, version)


# --- Grafana --------------------------------------------------------------------------------------

# Version → the types of panels that it added, according to its "What's new", such as
# https://grafana.com/docs/grafana/latest/whatsnew/whats-new-in-v8-0/
_PANELS = {
    "6.0": "gauge",
    "6.2": "bargauge",
    "6.4": "logs",
    "6.6": "news stat",
    "7.4": "nodeGraph timeseries",
    "7.5": "piechart",
    "8.0": "barchart histogram state-timeline status-history",
    "8.1": "annolist geomap",
    "8.3": "candlestick",
    "10.0": "trend",
}
_VERSION_OF_PANEL = _by_name(_PANELS)
# https://grafana.com/docs/grafana/latest/whatsnew/whats-new-in-v8-0/#library-panels
_LIBRARY_PANELS = "8.0"
# https://grafana.com/docs/grafana/v12.2/observability-as-code/schema-v2/ and, for 13.0,
# https://grafana.com/docs/grafana/latest/whatsnew/whats-new-in-v13-0/
_SCHEMA_V2 = "12.0"
# Panels made with Angular, which Grafana 12 removed, and what it shows instead:
# https://grafana.com/docs/grafana/latest/whatsnew/whats-new-in-v12-0/#breaking-changes and
# https://github.com/grafana/grafana/blob/v12.0.0/public/app/features/dashboard/state/PanelModel.ts
_REPLACED_PANELS = {
    "graph": "timeseries",
    "singlestat": "stat",
    "grafana-singlestat-panel": "stat",
    "table-old": "table",
    "grafana-piechart-panel": "piechart",
    "grafana-worldmap-panel": "geomap",
}
# Plugins made with Angular without a version for Grafana 12 (those marked "Migrate" in the list):
# https://grafana.com/docs/grafana/v11.6/developers/angular_deprecation/angular-plugins/
_REMOVED_PLUGINS = """
    agenty-flowcharting-panel aidanmountford-html-panel alexandra-trackmap-panel
    bessler-pictureit-panel blackmirror1-singlestat-math-panel blackmirror1-statusbygroup-panel
    citilogics-geoloop-panel corpglory-progresslist-panel farski-blendstat-panel
    fatcloud-windrose-panel gretamosa-topology-panel marcuscalidus-svg-panel
    michaeldmoore-annunciator-panel michaeldmoore-multistat-panel mtanda-heatmap-epoch-panel
    mtanda-histogram-panel mxswat-separator-panel natel-influx-admin-panel natel-plotly-panel
    neocat-cal-heatmap-panel novalabs-annotations-panel petrslavotinek-carpetplot-panel
    pierosavi-imageit-panel pr0ps-trackmap-panel ryantxu-ajax-panel ryantxu-annolist-panel
    satellogic-3d-globe-panel savantly-heatmap-panel smartmakers-trafficlight-panel
    snuids-radar-panel snuids-trafficlights-panel vonage-status-panel yesoreyeram-boomtable-panel
    zuburqan-parity-report-panel

    abhisant-druid-datasource akumuli-datasource aquaqanalytics-kdbadaptor-datasource
    ayoungprogrammer-finance-datasource bmchelix-ade-datasource devicehive-devicehive-datasource
    doitintl-bigquery-datasource fastweb-openfalcon-datasource foursquare-clouderamanager-datasource
    fzakaria-simple-annotations-datasource gnocchixyz-gnocchi-datasource
    goshposh-metaqueries-datasource grafana-es-open-distro-datasource grafana-kairosdb-datasource
    grafana-simple-json-datasource hawkular-datasource ibm-apm-datasource
    jasonlashua-prtg-datasource linksmart-hds-datasource linksmart-sensorthings-datasource
    monasca-datasource monitoringartist-monitoringart-datasource natel-usgs-datasource
    ntop-ntopng-datasource ovh-warp10-datasource paytm-kapacitor-datasource praj-ams-datasource
    pue-solr-datasource quasardb-datasource rackerlabs-blueflood-datasource
    radensolutions-netxms-datasource sbueringer-consul-datasource sidewinder-datasource
    skydive-datasource spotify-heroic-datasource udoprog-heroic-datasource
    yeya24-chaosmesh-datasource
"""
_PLUGINS_WITH_ANGULAR = frozenset(_REMOVED_PLUGINS.split())


def needs_of_panel(kind: str, *, library: bool = False) -> Iterator[Need]:
    """Yield what only some versions of Grafana have, of a panel of this type."""
    if replacement := _REPLACED_PANELS.get(kind):
        reason = f"Grafana 12 removed the panel `{kind}`, and shows `{replacement}` instead"
        yield Need(reason, "")
    elif version := _VERSION_OF_PANEL.get(kind):
        yield _grafana_since(f"the panel `{kind}`", version)
    if library:
        yield _grafana_since("a library panel", _LIBRARY_PANELS)
    yield from needs_of_plugin(kind)


def needs_of_plugin(name: str) -> Iterator[Need]:
    """Yield the need of a panel or data source that Grafana does not run any more."""
    if name in _PLUGINS_WITH_ANGULAR:
        reason = f"the plugin `{name}` does not work in Grafana 12 or newer, which removed Angular"
        yield Need(reason, "Grafana < 12.0")


def need_of_schema_v2() -> Need:
    """Return the need of a dashboard of schema v2."""
    return _grafana_since("schema v2 (by default since Grafana 13)", _SCHEMA_V2)


def _grafana_since(feature: str, version: str) -> Need:
    return Need(f"{feature} needs Grafana {version} or newer", f"Grafana >= {version}")


# --- Kubernetes -----------------------------------------------------------------------------------

# Version → (API version that it removed, kinds, what replaces it), according to
# https://kubernetes.io/docs/reference/using-api/deprecation-guide/
_REMOVED_APIS = {
    "1.16": [
        ("extensions/v1beta1", "DaemonSet Deployment ReplicaSet", "apps/v1"),
        ("extensions/v1beta1", "NetworkPolicy", "networking.k8s.io/v1"),
        ("extensions/v1beta1", "PodSecurityPolicy", "Pod Security Admission"),
        ("apps/v1beta1", "Deployment ReplicaSet StatefulSet", "apps/v1"),
        ("apps/v1beta2", "DaemonSet Deployment ReplicaSet StatefulSet", "apps/v1"),
    ],
    "1.22": [
        ("extensions/v1beta1", "Ingress", "networking.k8s.io/v1"),
        ("networking.k8s.io/v1beta1", "Ingress IngressClass", "networking.k8s.io/v1"),
        (
            "admissionregistration.k8s.io/v1beta1",
            "MutatingWebhookConfiguration ValidatingWebhookConfiguration",
            "admissionregistration.k8s.io/v1",
        ),
        ("apiextensions.k8s.io/v1beta1", "CustomResourceDefinition", "apiextensions.k8s.io/v1"),
        ("apiregistration.k8s.io/v1beta1", "APIService", "apiregistration.k8s.io/v1"),
        ("authentication.k8s.io/v1beta1", "TokenReview", "authentication.k8s.io/v1"),
        (
            "authorization.k8s.io/v1beta1",
            "LocalSubjectAccessReview SelfSubjectAccessReview SubjectAccessReview",
            "authorization.k8s.io/v1",
        ),
        ("certificates.k8s.io/v1beta1", "CertificateSigningRequest", "certificates.k8s.io/v1"),
        ("coordination.k8s.io/v1beta1", "Lease", "coordination.k8s.io/v1"),
        (
            "rbac.authorization.k8s.io/v1beta1",
            "ClusterRole ClusterRoleBinding Role RoleBinding",
            "rbac.authorization.k8s.io/v1",
        ),
        ("scheduling.k8s.io/v1beta1", "PriorityClass", "scheduling.k8s.io/v1"),
        (
            "storage.k8s.io/v1beta1",
            "CSIDriver CSINode StorageClass VolumeAttachment",
            "storage.k8s.io/v1",
        ),
    ],
    "1.25": [
        ("batch/v1beta1", "CronJob", "batch/v1"),
        ("discovery.k8s.io/v1beta1", "EndpointSlice", "discovery.k8s.io/v1"),
        ("events.k8s.io/v1beta1", "Event", "events.k8s.io/v1"),
        ("autoscaling/v2beta1", "HorizontalPodAutoscaler", "autoscaling/v2"),
        ("policy/v1beta1", "PodDisruptionBudget", "policy/v1"),
        ("policy/v1beta1", "PodSecurityPolicy", "Pod Security Admission"),
        ("node.k8s.io/v1beta1", "RuntimeClass", "node.k8s.io/v1"),
    ],
    "1.26": [
        ("autoscaling/v2beta2", "HorizontalPodAutoscaler", "autoscaling/v2"),
        (
            "flowcontrol.apiserver.k8s.io/v1beta1",
            "FlowSchema PriorityLevelConfiguration",
            "flowcontrol.apiserver.k8s.io/v1",
        ),
    ],
    "1.27": [("storage.k8s.io/v1beta1", "CSIStorageCapacity", "storage.k8s.io/v1")],
    "1.29": [
        (
            "flowcontrol.apiserver.k8s.io/v1beta2",
            "FlowSchema PriorityLevelConfiguration",
            "flowcontrol.apiserver.k8s.io/v1",
        )
    ],
    "1.32": [
        (
            "flowcontrol.apiserver.k8s.io/v1beta3",
            "FlowSchema PriorityLevelConfiguration",
            "flowcontrol.apiserver.k8s.io/v1",
        )
    ],
}
_REMOVAL = {
    (api_version, kind): (version, replacement)
    for version, removed in _REMOVED_APIS.items()
    for api_version, kinds, replacement in removed
    for kind in kinds.split()
}


def need_of_resource(api_version: str, kind: str) -> Need | None:
    """Return the need of a Kubernetes resource whose API version was removed."""
    if (api_version, kind) not in _REMOVAL:
        return None
    version, replacement = _REMOVAL[api_version, kind]
    reason = f"Kubernetes {version} removed {kind} of {api_version}: use {replacement}"
    return Need(reason, f"Kubernetes < {version}")


# --- several needs --------------------------------------------------------------------------------

_BOUND = re.compile(r"(\w+) (>=|<) (\d+(?:\.\d+)*)")


def decisive(needs: Iterable[str]) -> set[str]:
    """Return the needs without those that follow from others: the highest minimum decides."""
    bounds: dict[tuple[str, str], list[tuple[list[int], str]]] = {}
    kept = set[str]()
    for each in needs:
        if match := _BOUND.fullmatch(each):
            numbers = [int(part) for part in match[3].split(".")]
            bounds.setdefault((match[1], match[2]), []).append((numbers, each))
        else:
            kept.add(each)
    for (_, operator), versions in bounds.items():
        kept.add((max if operator == ">=" else min)(versions)[1])
    return kept


def strictest(needs: Iterable[str]) -> list[str]:
    """Return the decisive needs as people write them, sorted.

    >>> strictest(["Prometheus >= 2.9", "Prometheus >= 2.31", "Kubernetes < 1.22"])
    ['Kubernetes < 1.22', 'Prometheus ≥ 2.31']
    """
    return sorted(each.replace(">=", "≥").replace("<=", "≤") for each in decisive(needs) if each)


class FileNeeds(dict[Need, int]):
    """What only some versions have of all that a file uses, with the first line of each."""

    def note(self, line: int, needs: Iterable[Need]) -> None:
        """Remember the needs of a line."""
        for need in needs:
            self.setdefault(need, line)

    def add_to(self, findings: Findings) -> None:
        """Add notes about the needs that decide which versions the file needs."""
        versions = decisive(need.needs for need in self)
        for need, line in self.items():
            if need.needs in versions:
                findings.note(line, need.reason, needs=need.needs)
