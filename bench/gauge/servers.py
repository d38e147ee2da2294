"""The table of servers: how each is started, in its usual production form with one process.

Limits on connections and queues are raised for all of them, so that no scenario measures a refusal.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from gauge.scenarios import SCENARIOS, Scenario

REPOSITORY = Path(__file__).resolve().parents[2]
BENCH = REPOSITORY / "bench"
PEERS = REPOSITORY / ".cache" / "bench-venv"
FLOOR = REPOSITORY / ".cache" / "bench-floor" / "release" / "bench-floor"
MANY = 500  # connections from which on a server is given its arguments for many


@dataclass(frozen=True)
class Server:
    """How one server is started.

    `command` may say {python} and {bin} of its environment, {app} as module:attribute, {port},
    {threads}, {many}, {serve}, {floor} and {scratch}. `package` is its distribution.
    """

    command: str
    package: str | None = None
    many: str = ""
    only: frozenset[str] = frozenset()  # the scenarios it can answer; empty means all
    lacks: str = ""  # what it leaves out, for whoever compares


@dataclass(frozen=True)
class Places:
    """Where this run finds the environments and the floor program."""

    maitred: Path = REPOSITORY / ".venv"
    peers: Path = PEERS
    floor: Path = FLOOR

    def environment(self, server: Server) -> Path:
        """The virtual environment that the server is installed in."""
        return self.maitred if server.package == "maitred" else self.peers

    def command(self, server: Server, scenario: Scenario, port: int, scratch: str) -> list[str]:
        """The command line that starts the server."""
        folder = self.environment(server) / "bin"
        text = server.command.format(
            bin=folder,
            python=folder / "python",
            serve=BENCH / "serve.py",
            floor=self.floor,
            app=scenario.app,
            port=port,
            threads=scenario.threads,
            many=server.many if max(scenario.connections, scenario.idle) >= MANY else "",
            scratch=scratch,
        )
        return shlex.split(text)


MAITRED = (
    "{bin}/maitred --listen=127.0.0.1:{port} --threads={threads} --connection-limit=20000 "
    "--queue-limit=20000 --channel-timeout=300 --keep-alive-timeout=300 "
)
METRICS = "--admin-listen=unix:{scratch}/admin-{port} "
ACCESS_LOG = "--access-log={scratch}/access-log-{port} "

SERVERS = {
    "maitred": Server(MAITRED + "{app}", "maitred"),
    "maitred-metrics": Server(MAITRED + METRICS + "{app}", "maitred"),
    "maitred-log": Server(MAITRED + METRICS + ACCESS_LOG + "{app}", "maitred"),
    "floor": Server(
        "{floor} {port}",
        only=frozenset(
            name
            for name, scenario in SCENARIOS.items()
            if not name.startswith(("flask", "django", "sleep")) and "cpu_mix" not in scenario.app
        ),
        lacks="Python: it is what the kernel and a minimal parser cost",
    ),
    "bjoern": Server(
        "{python} {serve} bjoern {app} {port} {threads}",
        "bjoern",
        lacks="threads, timeouts, limits, Date and Server fields",
    ),
    "fastwsgi": Server(
        "{python} {serve} fastwsgi {app} {port} {threads}",
        "fastwsgi",
        lacks="threads, timeouts, a Server field, file_wrapper",
    ),
    "granian": Server(
        "{bin}/granian --interface wsgi --http 1 --no-ws --log-level warning --host 127.0.0.1 "
        "--port {port} --workers 1 --blocking-threads {threads} --backlog 16384 "
        "--backpressure 16384 {app}",
        "granian",
        lacks="file_wrapper",
    ),
    "waitress": Server(
        "{bin}/waitress-serve --listen=127.0.0.1:{port} --threads={threads} "
        "--connection-limit=20000 --channel-timeout=300 {many} {app}",
        "waitress",
        many="--asyncore-use-poll",
    ),
    "gunicorn": Server(
        "{bin}/gunicorn -b 127.0.0.1:{port} -w 1 -k gthread --threads {threads} "
        "--keep-alive 300 --worker-connections 20000 --log-level warning {app}",
        "gunicorn",
        lacks="its optional C parser",
    ),
    "uwsgi": Server(
        "{bin}/uwsgi --master --die-on-term --need-app --disable-logging --log-5xx -l 1024 "
        "--processes 1 --threads {threads} --module {app} --http 127.0.0.1:{port} "
        "--http-keepalive --http-auto-chunked --http-timeout 300",
        "uwsgi",
        lacks="Date and Server fields",
    ),
    "cheroot": Server(
        "{python} {serve} cheroot {app} {port} {threads}",
        "cheroot",
        lacks="file_wrapper",
    ),
}
