"""The table of counts at the end."""

from __future__ import annotations

from soak.acts import Totals

COUNTED_BY = ("metrics", "access log", "clients")


def table(totals: Totals) -> str:
    """Everything that was counted, in Markdown."""
    lines = ["", "| | count |", "|---|--:|"]
    lines += [f"| {what} | {count:,} |" for what, count in sorted(totals.counts.items())]
    lines += ["", "| status | " + " | ".join(COUNTED_BY) + " |", "|---|--:|--:|--:|"]
    for status in sorted({status for _, status in totals.statuses}):
        counts = [f"{totals.statuses[who, status]:,}" for who in COUNTED_BY]
        lines.append(f"| {status} | " + " | ".join(counts) + " |")
    lines += ["", "Clients count what they have read; who left does not know the status.", ""]
    return "\n".join(lines)
