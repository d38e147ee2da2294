"""The table of servers: how each is started, in its usual production form with one process; some
also with two.

Limits on connections and queues are raised for all of them, so that no scenario measures a refusal.
"""

from __future__ import annotations

import shlex
import signal
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
    {threads}, {twice} as many, {many}, {serve}, {floor} and {scratch}. `package` is its
    distribution.
    """

    command: str
    package: str | None = None
    many: str = ""
    only: frozenset[str] = frozenset()  # the scenarios it can answer; empty means all
    reload: int | None = None  # the signal for new code, to its first process
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
            twice=2 * scenario.threads,
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

GRANIAN = (
    "{bin}/granian --interface wsgi --http 1 --no-ws --log-level warning --host 127.0.0.1 "
    "--port {port} --blocking-threads {threads} --backlog 16384 --backpressure 16384 "
)
GUNICORN = (
    "{bin}/gunicorn -b 127.0.0.1:{port} -k gthread --threads {threads} "
    "--keep-alive 300 --worker-connections 20000 --log-level warning "
)
UWSGI = (
    "{bin}/uwsgi --master --die-on-term --need-app --disable-logging --log-5xx -l 1024 "
    "--threads {threads} --module {app} --http 127.0.0.1:{port} "
    "--http-keepalive --http-auto-chunked --http-timeout 300 "
)

#: Where a second process can show what it is worth.
WITH_TWO = frozenset(
    {
        "hello",
        "close",
        "cpu-mix",
        "flask",
        "django",
        "compute",
        "arrivals",
        "arrivals-close",
        "reload",
    }
)

#: Where one process is compared with two.
ONE_BESIDE_TWO = frozenset({"maitred", "maitred-twice"})

SERVERS = {
    "maitred": Server(MAITRED + "{app}", "maitred"),
    "maitred-supervised": Server(
        MAITRED + "--supervisor=always {app}",
        "maitred",
        only=frozenset({"hello", "reload"}),
        reload=signal.SIGHUP,
    ),
    "maitred-2": Server(
        MAITRED + "--workers=2 {app}", "maitred", only=WITH_TWO, reload=signal.SIGHUP
    ),
    "maitred-twice": Server(
        MAITRED.replace("{threads}", "{twice}") + "{app}",
        "maitred",
        only=frozenset({"arrivals", "arrivals-close"}),
        lacks="a second process: it has as many threads as two have together",
    ),
    "maitred-metrics": Server(MAITRED + METRICS + "{app}", "maitred"),
    "maitred-log": Server(MAITRED + METRICS + ACCESS_LOG + "{app}", "maitred"),
    "floor": Server(
        "{floor} {port}",
        only=frozenset(
            name
            for name, scenario in SCENARIOS.items()
            if not name.startswith(("flask", "django", "sleep"))
            and "cpu_mix" not in scenario.app
            and not (scenario.for_two or scenario.reloads or scenario.holds)
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
        GRANIAN + "--workers 1 {app}",
        "granian",
        lacks="file_wrapper",
        reload=signal.SIGHUP,
    ),
    "granian-2": Server(
        GRANIAN + "--workers 2 {app}", "granian", only=WITH_TWO, reload=signal.SIGHUP
    ),
    "waitress": Server(
        "{bin}/waitress-serve --listen=127.0.0.1:{port} --threads={threads} "
        "--connection-limit=20000 --channel-timeout=300 {many} {app}",
        "waitress",
        many="--asyncore-use-poll",
    ),
    "gunicorn": Server(
        GUNICORN + "-w 1 {app}",
        "gunicorn",
        lacks="its optional C parser",
        reload=signal.SIGHUP,
    ),
    "gunicorn-2": Server(GUNICORN + "-w 2 {app}", "gunicorn", only=WITH_TWO, reload=signal.SIGHUP),
    "uwsgi": Server(
        UWSGI + "--processes 1",
        "uwsgi",
        lacks="Date and Server fields",
        reload=signal.SIGHUP,
    ),
    "uwsgi-2": Server(UWSGI + "--processes 2", "uwsgi", only=WITH_TWO, reload=signal.SIGHUP),
    "cheroot": Server(
        "{python} {serve} cheroot {app} {port} {threads}",
        "cheroot",
        lacks="file_wrapper",
    ),
}


def answers(server: str, scenario: str) -> bool:
    """Whether a server is to be measured in a scenario."""
    only = SERVERS[server].only
    if SCENARIOS[scenario].reloads and SERVERS[server].reload is None:
        return False
    if SCENARIOS[scenario].for_two and not only:
        # One process with the threads of one cannot keep up with arrivals for two.
        return server in ONE_BESIDE_TWO and not SCENARIOS[scenario].rate
    return not only or scenario in only
