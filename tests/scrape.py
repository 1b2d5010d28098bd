"""What Prometheus reads of our processes, and what our monitoring files ask it for."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.service import ROOT

Series = tuple[str, frozenset[tuple[str, str]]]
_SELECTOR = re.compile(r"\b((?:tts|process)_[a-z_]+)(?:\{([^}]*)\})?")
_MATCHER = re.compile(r'(\w+)\s*(=~|!=|!~|=)\s*"([^"]*)"')


@dataclass
class Scrapes:
    """Every value that was seen, by process and series."""

    values: defaultdict[tuple[str, Series], list[float]] = field(default_factory=lambda: defaultdict(list))

    async def take(self, url: str) -> "Scrape":
        """What a process tells now."""
        async with aiohttp.ClientSession() as http, http.get(f"{url}/metrics") as answer:
            assert answer.status == 200
            assert answer.content_type == "text/plain"
            text = await answer.text()
        samples = [it for family in text_string_to_metric_families(text) for it in family.samples]
        found = {(it.name, frozenset(it.labels.items())): it.value for it in samples}
        for series, value in found.items():
            self.values[url, series].append(value)
        return Scrape(found)

    def series(self) -> set[Series]:
        """All that was seen."""
        return {series for _, series in self.values}

    def moved(self) -> set[str]:
        """The names of metrics that had more than one value in one process, NaN not counted."""
        return {name for (_, (name, _)), values in self.values.items() if len({it for it in values if it == it}) > 1}


@dataclass(frozen=True)
class Scrape:
    values: dict[Series, float]

    def value(self, name: str, **labels: str) -> float:
        """The sum of all series of that name that have these labels, among others."""
        fitting = [it for (its, has), it in self.values.items() if its == name and has >= labels.items()]
        return sum(fitting)


@dataclass(frozen=True)
class Selector:
    """What an expression asks for: a metric, and which labels it must have."""

    name: str
    matchers: tuple[tuple[str, str, str], ...]

    def fits(self, series: Series) -> bool:
        name, labels = series
        values = dict(labels)
        return name == self.name and all(_fits(values.get(it, ""), how, wanted) for it, how, wanted in self.matchers)


def _fits(value: str, how: str, wanted: str) -> bool:
    found = re.fullmatch(wanted, value) is not None if "~" in how else value == wanted
    return found != how.startswith("!")


def alert_rules() -> list[dict[str, Any]]:
    """All rules of the file, whatever group they are in."""
    groups = yaml.safe_load((ROOT / "monitoring" / "alerts.yaml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def dashboard_expressions() -> list[str]:
    """What the panels ask Prometheus for."""
    panels = json.loads((ROOT / "monitoring" / "dashboard.json").read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", [])]


def selectors(expressions: Iterable[str]) -> set[Selector]:
    """What the expressions select. `job` and `instance` are Prometheus' own labels, and no metric has them here."""
    return {
        Selector(name, tuple(it for it in _MATCHER.findall(matchers) if it[0] not in ("job", "instance")))
        for expression in expressions
        for name, matchers in _SELECTOR.findall(expression)
    }
