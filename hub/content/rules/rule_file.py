"""The structure of rule files as models, and the problems of a document that does not follow them.

`RuleFile` follows Prometheus' `rulefmt` package, which reads any scalar as text and rejects unknown
fields. `RuleSpec` follows the operator's CustomResourceDefinition, whose types Kubernetes checks.
"""

import re
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator

from hub.content.rules import schema
from hub.content.rules.schema import Integer, Text, failure, kind_of
from hub.content.rules.values import LineDict, as_text

_DURATION = re.compile(
    r"(?=\d)(\d+y)?(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?|0", re.ASCII
)  # Prometheus' ParseDuration
_MILLISECONDS = (31_536_000_000, 604_800_000, 86_400_000, 3_600_000, 60_000, 1_000, 1)
_MAX_DURATION = 2**63 // 1_000_000  # Go counts nanoseconds in 64 bits
_MAX_SHOWN = 60  # characters of a name or value in a reason


def duration(text: str) -> int | None:
    """Return a duration in milliseconds; None if Prometheus does not accept it."""
    match = _DURATION.fullmatch(text)
    if match is None or len(text) > _MAX_SHOWN:
        return None
    parts = zip(match.groups(), _MILLISECONDS, strict=True)
    total = sum(int(part.rstrip("ywdhms")) * factor for part, factor in parts if part)
    return total if total <= _MAX_DURATION else None


def _only_text(value: Any) -> str:
    if kind_of(value) != "str":
        raise failure("is not a string: Kubernetes requires quotes around it")
    return as_text(value)


def _duration(text: str) -> str:
    if duration(text) is None:
        raise failure("is not a duration such as 5m or 1h30m")
    return text


def _empty_or_duration(text: str) -> str:
    return text and _duration(text)


def _text_or_integer(value: Any) -> str:
    return "" if kind_of(value) == "int" else _only_text(value)


def _strategy(text: str) -> str:
    if text.casefold() not in ("", "abort", "warn"):
        raise failure("is neither abort nor warn")
    return text


Duration = Annotated[Text, AfterValidator(_duration)]
KubernetesText = Annotated[str, PlainValidator(_only_text)]
KubernetesDuration = Annotated[KubernetesText, AfterValidator(_empty_or_duration)]
RequiredDuration = Annotated[KubernetesText, AfterValidator(_duration)]
TextOrInteger = Annotated[str, PlainValidator(_text_or_integer)]


class _Model(BaseModel):
    """All fields may be null, which counts as missing; other fields are rejected."""

    model_config = ConfigDict(extra="forbid")


class Rule(_Model):
    """An alerting or recording rule."""

    alert: Text | None = None
    record: Text | None = None
    expr: Text | None = None
    for_: Duration | None = Field(None, alias="for")
    keep_firing_for: Duration | None = None
    labels: dict[Text, Text] | None = None
    annotations: dict[Text, Text] | None = None


class Group(_Model):
    """A group of rules."""

    name: Text | None = None
    interval: Duration | None = None
    query_offset: Duration | None = None
    limit: Integer | None = None
    labels: dict[Text, Text] | None = None
    rules: list[Rule | None] | None = None  # Go skips items that are null


class RuleFile(_Model):
    """A file for `rule_files` in Prometheus' configuration."""

    groups: list[Group | None] | None = None


class RuleOfResource(_Model):
    """A rule in a PrometheusRule."""

    alert: KubernetesText | None = None
    record: KubernetesText | None = None
    expr: TextOrInteger | None = None
    for_: KubernetesDuration | None = Field(None, alias="for")
    keep_firing_for: RequiredDuration | None = None
    labels: dict[Text, KubernetesText] | None = None
    annotations: dict[Text, KubernetesText] | None = None


class GroupOfResource(_Model):
    """A group in a PrometheusRule. `partial_response_strategy` is a field of Thanos."""

    name: KubernetesText | None = None
    interval: KubernetesDuration | None = None
    query_offset: KubernetesDuration | None = None
    limit: Integer | None = None
    labels: dict[Text, KubernetesText] | None = None
    partial_response_strategy: Annotated[KubernetesText, AfterValidator(_strategy)] | None = None
    rules: list[RuleOfResource] | None = None


class RuleSpec(_Model):
    """The `spec` of a PrometheusRule."""

    groups: list[GroupOfResource] | None = None


def problems(model: type[BaseModel], document: Any) -> Iterator[tuple[int, str]]:
    """Yield (line, reason) for each part of the document that does not follow the model."""
    for problem in schema.model_problems(model, document):
        owner = describe(problem.item) if isinstance(problem.item, LineDict) else ""
        if problem.kind == "extra_forbidden":
            reason = f"Prometheus rejects the unknown field {problem.key!r}"
        elif problem.key:
            reason = problem.reason
        else:
            owner, reason = "", f"a {'rule' if problem.depth > 1 else 'group'} is not a mapping"
        yield problem.line, f"{owner}: {reason}" if owner else reason


def describe(item: LineDict) -> str:
    """Return what a rule, a group or the whole file is called in a reason."""
    if item.text("alert"):
        return f"alert {item.text('alert')[:_MAX_SHOWN]!r}"
    if item.text("record") or "expr" in item or "alert" in item:
        return "a rule"
    if "name" not in item and "rules" not in item:
        return "the file"
    return f"group {item.text('name')[:_MAX_SHOWN]!r}"
