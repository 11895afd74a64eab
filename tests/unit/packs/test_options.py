"""Tests of a pack's options: valid as in Kubernetes and Grafana, otherwise a clear refusal."""

import pytest
from django.http import QueryDict

from hub.packs.options import InvalidOption, PackOptions, parse_options


def options(query: str) -> PackOptions:
    return parse_options(QueryDict(query), "version", "exporter")


def test_all_options() -> None:
    parsed = options(
        "namespace=monitoring&labels=release=prometheus,example.org/team=a&datasource=P1_x-2"
        "&version=v1.0.0&exporter=redis&exporter=kafka&exporter=redis"
    )
    assert parsed.namespace == "monitoring"
    assert parsed.labels == {"release": "prometheus", "example.org/team": "a"}
    assert parsed.datasource == "P1_x-2"
    assert parsed.version == "v1.0.0"
    assert parsed.exporters == ("kafka", "redis"), "their order does not change the pack"


def test_an_address_with_the_options_has_the_same_options() -> None:
    parsed = options(f"labels=b=2,a=1&namespace=x&datasource=y&version=v1.0&tree={'a' * 40}")
    query = QueryDict(mutable=True)
    for name, value in parsed.pairs():
        query.appendlist(name, value)
    assert options(query.urlencode()) == parsed


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("namespace=Monitoring", "is not a DNS label"),
        ("namespace=a.b", "is not a DNS label"),
        ("namespace=-a", "is not a DNS label"),
        (f"namespace={'a' * 64}", "is not a DNS label"),
        ("namespace=a%0Ab: c", "is not a DNS label"),
        ("namespace=a&namespace=b", "is given 2 times"),
        ("labels=release", "is not a Kubernetes label"),
        ("labels=a b=c", "is not a Kubernetes label"),
        ("labels=a=b%0A", "is not a Kubernetes label"),
        ("labels=-a=b", "is not a Kubernetes label"),
        ("labels=a=-b", "is not a Kubernetes label"),
        ("labels=UPPER.org/a=b", "is not a Kubernetes label"),
        ("labels=/a=b", "is not a Kubernetes label"),
        (f"labels={'a' * 64}=b", "is not a Kubernetes label"),
        (f"labels=a={'b' * 64}", "is not a Kubernetes label"),
        (f"labels={'a' * 254}/b=c", "is not a Kubernetes label"),
        ("labels=a=1,a=2", "is given twice"),
        ("labels=" + ",".join(f"l{n}=v" for n in range(21)), "at most 20"),
        ("datasource=a b", "is not the uid"),
        (f"datasource={'a' * 41}", "is not the uid"),
        ("datasource=${x}", "is not the uid"),
        ("tree=abc", "is invalid"),
        ("tree=" + "g" * 40, "is invalid"),
        ("exporter=../a", "is invalid"),
        ("&".join(f"exporter=e{n}" for n in range(51)), "at most 50"),
        ("lables=a=b", "Unknown parameter 'lables'"),
    ],
)
def test_an_invalid_option_is_refused_with_the_reason(query: str, reason: str) -> None:
    with pytest.raises(InvalidOption, match=reason):
        options(query)


def test_an_empty_value_of_a_label_is_valid() -> None:
    assert options("labels=a=").labels == {"a": ""}
    assert options(f"labels={'a' * 63}={'b' * 63}").labels == {"a" * 63: "b" * 63}
