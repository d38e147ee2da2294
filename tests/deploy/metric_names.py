"""The names of all metrics, from the document that is generated from the code.

`docs/metrics.md` is the source of truth. Each name stands in it between backticks.
"""

import re

from manifests import ROOT

#: What a histogram is made of in Prometheus.
PARTS = ("_bucket", "_sum", "_count")

#: What it says, for as long as it has not been generated.
DESIGNED = """
maitred_build_info maitred_ready maitred_draining maitred_threads maitred_threads_limit
maitred_threads_busy maitred_threads_stuck maitred_threads_busy_seconds_total
maitred_threads_saturated_seconds_total maitred_python_attach_seconds_total maitred_queue_requests
maitred_queue_limit_requests maitred_queue_wait_seconds:histogram maitred_queue_oldest_seconds
maitred_requests_in_progress maitred_requests_total maitred_request_duration_seconds:histogram
maitred_app_duration_seconds:histogram maitred_app_exceptions_total maitred_protocol_errors_total
maitred_client_disconnects_total maitred_request_body_bytes_total maitred_response_body_bytes_total
maitred_spool_bytes maitred_connections maitred_connections_limit
maitred_connections_accepted_total maitred_connections_closed_total
maitred_connections_rejected_total maitred_connections_evicted_total
maitred_connection_limit_reached_total maitred_accept_paused_seconds_total maitred_accept_paused
maitred_listen_backlog_connections maitred_listen_backlog_limit_connections
maitred_upstream_queue_seconds:histogram maitred_log_dropped_total process_cpu_seconds_total
process_resident_memory_bytes process_open_fds process_max_fds process_threads
process_start_time_seconds
"""

NAME = re.compile(r"\b(?:maitred|process)_[a-z0-9_]+\b")


def known() -> set[str]:
    """Return every series name that a scrape may have."""
    document = ROOT / "docs" / "metrics.md"
    if document.exists():
        text = document.read_text(encoding="utf-8")
    else:
        text = "\n".join(f"`{n}` {k}" for n, _, k in (w.partition(":") for w in DESIGNED.split()))
    names: set[str] = set()
    for line in text.splitlines():
        for name in re.findall(r"`((?:maitred|process)_[a-z0-9_]+)`", line):
            names.add(name)
            if "histogram" in line:
                names.update(name + part for part in PARTS)
    return names


def used(expression: str) -> set[str]:
    """Return the names of metrics in a PromQL expression, recorded ones (with colons) left out."""
    without_recorded = re.sub(r"\b\w+:\w+:\w+\b", "", expression)
    # A regular expression over label values, as pod=~"maitred-.*", names no metric.
    without_strings = re.sub(r'"[^"]*"', '""', without_recorded)
    return set(NAME.findall(without_strings))
