"""The files for Prometheus and Grafana: what the tools of Prometheus say of them, and that each alert fires when it should."""

import json
import re
import subprocess
from pathlib import Path

import yaml

from tests.scrape import alert_rules, dashboard_expressions
from tests.service import ROOT
from tests.system_parts import require_program

RULES = ROOT / "monitoring" / "alerts.yaml"
# What is to be seen before each alert: series, and their values minute by minute.
QUIET = {
    'tts_http_requests_total{route="/api/tts/generate",status="202"}': "0+60x60",
    "tts_database_up": "1x60",
    "tts_workers": "1x60",
    "tts_job_deaths_total": "0x60",
    "tts_oldest_pending_job_seconds": "0x60",
    "tts_jobs_waiting_for_upstream": "0x60",
    'tts_clip_failed_tries_total{reason="bad_audio"}': "0+10x60",
    'tts_clip_failed_tries_total{reason="key_rejected"}': "0x60",
    "tts_storage_errors_total": "0x60",
}
UNKNOWN = dict.fromkeys(
    ("tts_workers", "tts_oldest_pending_job_seconds", "tts_jobs_waiting_for_upstream"), " ".join(["NaN"] * 61)
)
FIRING = {
    "TtsApiFails": [
        {'tts_http_requests_total{route="/api/tts/generate",status="503"}': "0+6x60"},
        {"tts_database_up": "0x60"} | UNKNOWN,
        {"tts_database_up": "_x60"},
    ],
    "TtsWorkersDie": [{"tts_workers": "0x60"}, {"tts_job_deaths_total": "0+1x60"}],
    "TtsJobsWait": [{"tts_oldest_pending_job_seconds": "0+60x60"}],
    "TtsUpstreamAway": [{"tts_jobs_waiting_for_upstream": "2x60"}],
    "TtsUpstreamRefuses": [{'tts_clip_failed_tries_total{reason="key_rejected"}': "0x30 0 1x28"}],
    "TtsStorageFails": [{"tts_storage_errors_total": "0x30 0 1x28"}],
}
AT = "40m"


def test_each_alert_fires_for_its_reason_and_for_no_other(tmp_path: Path) -> None:
    promtool = require_program("promtool")
    rules = {rule["alert"]: rule for rule in alert_rules()}
    assert rules.keys() == FIRING.keys()
    cases: list[tuple[str | None, dict[str, str]]] = [(None, {})]
    cases += [(alert, seen) for alert, reasons in FIRING.items() for seen in reasons]
    tests = [
        {
            "interval": "1m",
            "input_series": [{"series": name, "values": values} for name, values in (QUIET | seen).items()],
            "alert_rule_test": [
                # What it says is the rule's own: here it is only whether it does.
                {"alertname": alert, "eval_time": AT, "exp_alerts": []}
                for alert in rules
                if alert != firing
            ],
            "promql_expr_test": [
                {
                    "expr": f'count(ALERTS{{alertname="{firing}",alertstate="firing"}})',
                    "eval_time": AT,
                    "exp_samples": [{"labels": "{}", "value": 1}],
                }
            ]
            if firing
            else [],
        }
        for firing, seen in cases
    ]
    suite = tmp_path / "suite.json"  # which is YAML, too
    suite.write_text(json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": tests}))

    done = subprocess.run([promtool, "test", "rules", suite], capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_can_read_its_files_and_what_the_dashboard_asks(tmp_path: Path) -> None:
    promtool = require_program("promtool")
    asked = [{"record": f"panel:{number}", "expr": it} for number, it in enumerate(dashboard_expressions())]
    panels = tmp_path / "panels.json"
    panels.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": asked}]}))
    commands: list[list[str | Path]] = [
        ["rules", RULES],
        ["rules", panels],
        ["config", RULES.with_name("prometheus.yaml")],
    ]
    for command in commands:
        done = subprocess.run([promtool, "check", *command], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_names_a_part_of_the_documents_that_is_there() -> None:
    headings = re.findall(r"^## (\w+)$", (ROOT / "docs" / "alerts.md").read_text(), re.MULTILINE)
    assert [rule["alert"] for rule in alert_rules()] == headings
    for rule in alert_rules():
        assert rule["annotations"]["runbook"] == f"docs/alerts.md#{rule['alert'].lower()}"
        assert rule["annotations"]["summary"]


def test_prometheus_asks_at_the_ports_of_the_compose_files() -> None:
    scraped = yaml.safe_load(RULES.with_name("prometheus.yaml").read_text())["scrape_configs"]
    asked = {place["names"][0]: str(place["port"]) for job in scraped for place in job["dns_sd_configs"]}
    for file in ("compose.yaml", "compose.prod.yaml"):
        services = yaml.safe_load((ROOT / file).read_text())["services"]
        ports = {
            "api": services["api"]["environment"]["API_PORT"],
            "worker": services["worker"]["environment"]["WORKER_STATUS_PORT"],
        }
        assert asked == ports
