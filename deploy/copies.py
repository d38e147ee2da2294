#!/usr/bin/env python3
"""Write the copies that Kustomize and Helm need of files outside their folders.

Neither reads a file above its root, and both ship the alerts and the dashboard. The originals are
`prometheus/rules.yml` and `grafana/maitred.json`; edit those, then run this. `--check` writes
nothing and says which copies differ.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent

HEADER = "# Written by deploy/copies.py from deploy/prometheus/rules.yml: edit that.\n"

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


def copies() -> dict[Path, str]:
    """Return what each copy must contain, by its path."""
    rules = (HERE / "prometheus/rules.yml").read_text(encoding="utf-8")
    dashboard = (HERE / "grafana/maitred.json").read_text(encoding="utf-8")
    groups = rules[rules.index("groups:") :]
    indented = "".join(f"  {line}" if line.strip() else line for line in groups.splitlines(True))
    return {
        HERE / "kubernetes/components/monitoring/prometheusrule.yaml": HEADER
        + PROMETHEUS_RULE
        + indented,
        HERE / "kubernetes/components/monitoring/dashboard.json": dashboard,
        HERE / "helm/maitred/files/rules.yml": HEADER + groups,
        HERE / "helm/maitred/files/dashboard.json": dashboard,
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
