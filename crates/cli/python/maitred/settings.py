"""The keywords of `maitred.serve` and `maitred.create_server`, for type checkers.

Generated from the declarations in crates/config by `make docs`; changes here are lost.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from typing import Literal, TypedDict


class Settings(TypedDict, total=False):
    """The settings, as keywords.

    `None` unsets a setting. Times are in seconds, or text such as ``"500ms"``, ``"30s"`` or
    ``"5m"``; sizes are in bytes, or text such as ``"64KiB"``. At run time, text is also taken for
    numbers and truth values, as in Waitress: PasteDeploy passes nothing else.
    """

    # Application
    call: bool
    """Call the object that `app` names, without arguments; the application is what it returns."""
    chdir: str | os.PathLike[str] | None
    """Directory to change to before the application is imported."""
    python_path: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | None
    """Directories to put at the front of `sys.path`. The current directory is always importable."""
    url_scheme: str | None
    """`wsgi.url_scheme`, unless a trusted proxy reports another one."""
    url_prefix: str | None
    """`SCRIPT_NAME`: the URL path under which the application is mounted. It is removed from
    `PATH_INFO`.
    """
    collapse_leading_slashes: bool
    """Make one slash of several at the beginning of `PATH_INFO`. An application that redirects to
    its own path would send clients of `//host/` to another server. `REQUEST_URI` keeps them.
    """
    server_name: str | None
    """`SERVER_NAME`. The `Host` field of a request does not change it."""
    ident: str | None
    """Value of the `Server` response field and of `SERVER_SOFTWARE`. If empty, neither is set."""
    temp_dir: str | os.PathLike[str] | None
    """Directory for bodies that do not fit in memory; the system's temporary directory if unset. It
    is checked at startup.
    """
    strict_env: bool
    """Treat an unknown `MAITRED_*` variable as an error instead of a warning."""

    # Network
    host: str | None
    """Host name or address to listen on; `*` is every IPv4 and IPv6 address, `::` only IPv6. Cannot
    be combined with `listen` or `unix-socket`.
    """
    port: int | None
    """TCP port to listen on; 0 picks a free one. Cannot be combined with `listen` or `unix-socket`.
    """
    listen: str | Iterable[str] | None
    """Address to listen on: `host:port`, `*:port`, `[::1]:port`, `unix:/path` or `fd://3`. `*` is
    IPv4 and IPv6, `[::]` only IPv6. May be given several times. Cannot be combined with `host`,
    `port` or `unix-socket`.
    """
    ipv4: bool
    """Listen on the IPv4 addresses of a host name or of `*`."""
    ipv6: bool
    """Listen on the IPv6 addresses of a host name or of `*`."""
    unix_socket: str | os.PathLike[str] | None
    """Path of a Unix socket to listen on. A stale socket is replaced, and the file is removed at
    exit. Cannot be combined with `host`, `port` or `listen`.
    """
    unix_socket_perms: str | None
    """Permissions of Unix sockets, in octal digits, set before clients can connect."""
    sockets: Iterable[socket.socket | int] | None
    """Bound sockets to use: a list of `socket.socket`. Only a keyword of `serve()`; elsewhere, use
    `fd://3` in `listen`.
    """
    backlog: int | None
    """Maximum length of the kernel's queue of connections that are not yet accepted."""
    admin_listen: str | None
    """Address for probes, metrics and status: a live page at `/`, and `/livez`, `/readyz`,
    `/startupz`, `/metrics`, `/statusz`. If unset, they are not served. A loopback address answers
    only to a Host that is an address, `localhost`, or the name in this setting.
    """
    recv_bytes: int | str | None
    """Accepted for compatibility with Waitress; the read size is not configurable."""
    send_bytes: int | str | None
    """Accepted for compatibility with Waitress; the write size is not configurable."""
    asyncore_loop_timeout: int | None
    """Accepted for compatibility with Waitress; asyncore is not used."""
    asyncore_use_poll: bool
    """Accepted for compatibility with Waitress; asyncore is not used."""

    # Worker processes
    workers: int | Literal["auto"] | None
    """Worker processes; `auto` is one for each CPU that may be used, and one if Python has no GIL.
    """
    supervisor: Literal["auto", "always", "never"] | None
    """Whether a process that runs no application code owns the worker processes. `auto` is if there
    are several workers or a setting needs it; `never` refuses such settings.
    """
    preload: bool
    """Import the application once, and fork the worker processes from the process that has it: they
    share its memory and start at once. Linux only.
    """
    max_requests: int | None
    """Replace a worker process after this many requests; 0 is never. No connection is closed for
    it.
    """
    max_requests_jitter: int | None
    """Add a random number of requests up to this one to `max-requests`, so that workers are not
    replaced together; a tenth of `max-requests` if unset. Needs `max-requests`.
    """
    max_rss: int | str | None
    """Replace a worker process when its resident memory exceeds this size, or this percentage of
    the cgroup's memory limit; 0 is never.
    """
    worker_timeout: float | str | None
    """Replace a worker process whose interpreter has not answered for this long, or whose threads
    have all exceeded `request-timeout`, after its stacks have been logged. Without a supervisor,
    `/livez` fails then. 0 disables this.
    """
    start_timeout: float | str | None
    """Maximum time of a worker process from its start until it can serve."""
    hooks: str | None
    """Module that is imported before the application, for the functions that it registers with
    `maitred.hook`, which run when a worker begins and stops serving.
    """
    reload: bool
    """Replace the worker process when the file of an imported module or the settings file changes.
    For development only: there is one worker, no timeout kills it, and it has the terminal.
    """
    metrics_by_worker: Literal["auto", "true", "false"] | bool | None
    """Whether `/metrics` has the series of each worker process, or their sums; `auto` is up to 8
    workers. Threads and connections always have theirs.
    """

    # Limits
    threads: int | Literal["auto"] | None
    """Threads that call the application; `auto` is four per available CPU, at least 4 and at most
    32.
    """
    connection_limit: int | None
    """Maximum number of open client connections."""
    connection_limit_action: Literal["reject", "wait"] | None
    """At `connection-limit`, `reject` closes the longest-idle keep-alive connection, or answers 503
    if none is idle; `wait` stops accepting, like Waitress.
    """
    queue_limit: int | None
    """Maximum number of requests that wait for a thread; further requests are answered 503."""
    inbuf_overflow: int | str | None
    """Request body bytes kept in memory; a larger body goes to a temporary file."""
    outbuf_overflow: int | str | None
    """Response bytes kept in memory for each connection; if more wait for the client, they go to a
    temporary file.
    """
    outbuf_high_watermark: int | str | None
    """Response bytes that may wait for the client; above this, the application waits, too, unless
    requests wait for its thread.
    """
    client_memory_limit: int | str | None
    """Memory for heads, bodies and responses of all clients of a process together; above this,
    bodies and responses go to temporary files, and large heads are answered 503.
    """
    spool_limit: int | str | None
    """Maximum size of all temporary files of a process. Above this, a request body is answered 503,
    and the thread of a response waits for its client, for `write-timeout` at most.
    """
    max_request_header_size: int | str | None
    """Maximum size of a request head; a larger one is answered 431."""
    max_request_header_fields: int | None
    """Maximum number of header lines of a request; more are answered 431."""
    max_request_body_size: int | str | None
    """Maximum size of a request body; a larger one is answered 413."""
    channel_request_lookahead: int | None
    """Accepted for compatibility with Waitress; up to 64 KiB of pipelined requests are buffered,
    and disconnects are always detected.
    """

    # Timeouts
    channel_timeout: float | str | None
    """Maximum idle time of a connection. `keep-alive-timeout`, `header-timeout`, `body-timeout` and
    `write-timeout` follow it where they are not set: none of them is longer, and above its default
    all but `header-timeout` are as long.
    """
    keep_alive_timeout: float | str | None
    """Maximum idle time of a connection between two requests. Not set, it is `channel-timeout`."""
    header_timeout: float | str | None
    """Maximum time from the first byte of a request head to its end."""
    body_timeout: float | str | None
    """Maximum wait for request body bytes. A body may take longer in total if it arrives at 500
    bytes per second or more.
    """
    write_timeout: float | str | None
    """Maximum wait for the client to read response bytes. A response may take longer in total if it
    is read at 500 bytes per second or more.
    """
    queue_timeout: float | str | None
    """Maximum time that a request waits for a thread; then it is answered 503."""
    request_timeout: float | str | None
    """Maximum time of a request in the application; then it is answered 504, and its thread counts
    as stuck. Time in which the whole process stands still does not count. 0 disables this.
    """
    slow_request: float | str | None
    """Log the Python stack of a request, once, when it has been in the application for this long. 0
    disables this.
    """
    drain_delay: float | str | None
    """Time after SIGTERM during which connections are still accepted, while `/readyz` already
    returns 503.
    """
    graceful_timeout: float | str | None
    """Maximum time after `drain-delay` for running requests to finish."""
    cleanup_interval: float | str | None
    """Accepted for compatibility with Waitress; timeouts are checked every second."""

    # Proxies
    trusted_proxy: str | Iterable[str] | None
    """Peers whose forwarding fields are trusted: addresses, networks such as `10.0.0.0/8`,
    `localhost` for the peers of Unix sockets, or `*` for every peer.
    """
    trusted_proxy_count: int | None
    """Number of proxies in a row in front of the server. Needs `trusted-proxy`."""
    trusted_proxy_headers: str | Iterable[str] | None
    """Forwarding fields to trust: `x-forwarded-for`, `x-forwarded-host`, `x-forwarded-proto`,
    `x-forwarded-port`, `x-forwarded-by`, or `forwarded` alone. Needs `trusted-proxy`.
    """
    log_untrusted_proxy_headers: bool
    """Log forwarding fields that are not trusted."""
    clear_untrusted_proxy_headers: bool
    """Remove forwarding fields that are not trusted before the application is called."""

    # Observability
    access_log: str | os.PathLike[str] | None
    """File for the access log; `-` is standard output. If unset, there is no access log."""
    access_log_format: str | None
    """`common`, `combined`, `console` (short lines with the local time, for a terminal), `json`, or
    a pattern of fields such as `%(h)s %(r)s %(s)s`.
    """
    access_log_query: bool
    """Whether the access log has the queries of URLs, which may hold secrets."""
    access_log_exclude: str | Iterable[str] | None
    """Request paths, compared exactly, to leave out of the access log if the status is below 400.
    """
    log_level: Literal["error", "warning", "info", "debug", "trace"] | None
    """Minimum severity of log records: `error`, `warning`, `info`, `debug` or `trace`."""
    log_format: Literal["text", "console", "json"] | None
    """`text` for people, `console` for a terminal: short lines with the local time and colours, or
    `json`: one object per line, for all that reaches standard error.
    """
    log_fields: Literal["plain", "google", "ecs"] | None
    """Names of the fields in logs that are JSON: `plain`, `google` for Cloud Logging or `ecs` for
    the Elastic Common Schema.
    """
    log_config: str | os.PathLike[str] | None
    """File with a dictionary for Python's `logging.config`, as TOML or JSON. It is applied before
    the application is imported.
    """
    log_socket_errors: bool
    """Log socket errors of connections, at level `debug`."""
    expose_tracebacks: bool
    """Send the application's traceback to the client in a 500 response. For development only."""
    request_id: Literal["off", "pass", "generate"] | None
    """Source of `environ["maitred.request_id"]` and of the request ID in logs: `pass` takes
    `X-Request-ID` from a trusted proxy, `generate` also creates one if there is none.
    """
