#!/usr/bin/env python3
"""Write the files of `deploy/` that say again what others say.

- Neither Kustomize nor Helm reads a file above its root, and both ship the alerts and the
  dashboard. The originals are `prometheus/rules.yml` and `grafana/maitred.json`.
- The chart checks its `settings` with the schema of the server: that part of `values.schema.json`
  is a copy. `make docs` writes it when a setting changes.
- The chart has the version of the workspace: `make docs` writes that, too.
- The systemd units for several servers are those for one, with the instance in names and paths.

Edit the originals, then run this. `--check` writes nothing and says which copies differ.
"""

import json
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent

SETTINGS_SCHEMA = HERE.parent / "crates/cli/python/maitred/maitred.schema.json"

#: The settings that the chart derives from values of their own, or cannot offer.
NOT_IN_THE_CHART = {
    *("app", "listen", "host", "port", "unix-socket"),
    *("admin-listen", "drain-delay", "graceful-timeout"),
}

HEADER = "# Written by deploy/copies.py from deploy/prometheus/rules.yml: edit that.\n"

#: What a unit of one server says, and what that of several says instead, in this order.
OF_AN_INSTANCE = {
    "Maitred under systemd, with the socket of maitred.socket. The application and its environment"
    " are\n# in /srv/app, the settings in /etc/maitred/maitred.toml:": ""
    "Several servers under systemd: maitred@shop.service, with maitred@shop.socket, is one of\n"
    "# them. Its application and environment are in /srv/shop, its settings in\n"
    "# /etc/maitred/shop.toml; each has an admin-listen of its own:",
    "WSGI application": "WSGI application %i",
    "maitred.socket": "maitred@%i.socket",
    "/srv/app": "/srv/%i",
    "/etc/maitred/maitred.toml": "/etc/maitred/%i.toml",
    "/run/maitred/maitred.sock": "/run/maitred/%i.sock",
    "StateDirectory=maitred": "StateDirectory=maitred/%i",
}

PROMETHEUS_RULE = """\
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: maitred
  labels:
    app.kubernetes.io/name: maitred
    app.kubernetes.io/instance: maitred
spec:
"""


def values_schema(path: Path) -> str:
    """Return the schema of the chart's values, with the settings that the server has now."""
    schema = json.loads(path.read_text(encoding="utf-8"))
    settings = json.loads(SETTINGS_SCHEMA.read_text(encoding="utf-8"))
    schema["properties"]["settings"] = {
        "type": "object",
        "description": "Settings of maitred by their names, except those with values of their own.",
        "additionalProperties": False,
        # Without the names with `_`, which mean the same: one spelling is enough for a chart.
        "properties": {
            name: declared
            for name, declared in settings["properties"].items()
            if "_" not in name and name not in NOT_IN_THE_CHART
        },
    }
    return json.dumps(schema, indent=2) + "\n"


def chart(path: Path) -> str:
    """Return the description of the chart, with the version that the server has now."""
    cargo = (HERE.parent / "Cargo.toml").read_text(encoding="utf-8")
    version = re.findall(r'^version = "(.*)"$', cargo, re.M)[0]
    text = re.sub(
        r"^version: .*$", f"version: {version}", path.read_text(encoding="utf-8"), flags=re.M
    )
    return re.sub(r"^appVersion: .*$", f'appVersion: "{version}"', text, flags=re.M)


def template_unit(path: Path) -> str:
    """Return the unit that says of each of several servers what the one at `path` says of one."""
    text = path.read_text(encoding="utf-8")
    for one, several in OF_AN_INSTANCE.items():
        text = text.replace(one, several)
    return f"# Written by deploy/copies.py from deploy/systemd/{path.name}: edit that.\n#\n{text}"


def copies() -> dict[Path, str]:
    """Return what each copy must contain, by its path."""
    rules = (HERE / "prometheus/rules.yml").read_text(encoding="utf-8")
    dashboard = (HERE / "grafana/maitred.json").read_text(encoding="utf-8")
    groups = rules[rules.index("groups:") :]
    values = HERE / "helm/maitred/values.schema.json"
    indented = "".join(f"  {line}" if line.strip() else line for line in groups.splitlines(True))
    return {
        HERE / "kubernetes/components/monitoring/prometheusrule.yaml": HEADER
        + PROMETHEUS_RULE
        + indented,
        HERE / "kubernetes/components/monitoring/dashboard.json": dashboard,
        HERE / "helm/maitred/files/rules.yml": HEADER + groups,
        HERE / "helm/maitred/files/dashboard.json": dashboard,
        values: values_schema(values),
        HERE / "helm/maitred/Chart.yaml": chart(HERE / "helm/maitred/Chart.yaml"),
        **{
            HERE / f"systemd/maitred@.{kind}": template_unit(HERE / f"systemd/maitred.{kind}")
            for kind in ("service", "socket")
        },
    }


def main() -> int:
    """Write the copies, or with `--check` compare them; return the exit status."""
    check = "--check" in sys.argv[1:]
    stale = []
    for path, content in copies().items():
        if path.exists() and path.read_text(encoding="utf-8") == content:
            continue
        stale.append(path)
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
    for path in stale:
        verb = "differs from its original" if check else "written"
        sys.stderr.write(f"{path.relative_to(HERE)}: {verb}\n")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
