"""The drill knows a fault for each alert, and shortens the rules that it loads."""

import re

from tests.drill.faults import FAULTS
from tests.drill.prometheus import RULES, shorter


def test_each_alert_has_a_fault() -> None:
    alerts = re.findall(r"alert: ExporterHub(\w+)", RULES.read_text())
    assert sorted(alerts) == sorted(name for names in FAULTS for name in names)


def test_no_interval_of_minutes_is_left() -> None:
    rules = shorter(RULES.read_text())
    assert not re.search(r"for: \d+m|\[\d+m\]|> 120\b", rules)
