//! Tests of mistakes on the command line, and of the answer to each.

mod written;

use maitred_config::{Command, Invocation};
use written::Written;

const TO_SERVE: &str = "to serve, no command is needed: `maitred module:attribute`";

/// A command line, the beginning of the one problem, and its hint.
const MISTAKES: &[(&str, &str, &str)] = &[
    // Commands.
    ("chekc app:app", "unknown command `chekc`", "did you mean the command `check`?"),
    ("run app:app", "unknown command `run`", TO_SERVE),
    ("start app:app", "unknown command `start`", TO_SERVE),
    ("flask run", "unknown command `run`", TO_SERVE),
    ("config shwo", "unknown command `shwo`", "did you mean the command `config show`?"),
    ("config chekc", "unknown command `chekc`", "did you mean the command `check`?"),
    ("dev --print-config app:app", "`--print-config` is no option of this command", ""),
    // Ports and addresses.
    ("app:app 8000", "`8000` is not an application", "for the port, write `--port=8000`"),
    ("8000", "`app` must be an application", "for the port, write `--port=8000`"),
    (":8000", "`app` must be an application", "for the port, write `--port=8000`"),
    ("-port 8000 app:app", "unknown option `-port`", "did you mean `--port`?"),
    ("-port=8000 app:app", "unknown option `-port`", "did you mean `--port`?"),
    ("-bind :8000 app:app", "unknown option `-bind`", "did you mean `--bind`?"),
    ("-workers 4 app:app", "unknown option `-workers`", "did you mean `--workers`?"),
    (
        "-p 8000 app:app",
        "unknown option `-p`",
        "no pid file is written: run the server under a service manager; for the port, use `port`",
    ),
    (
        "--host=127.0.0.1:9000 app:app",
        "`host` must be",
        "a host has no port: write `--listen=127.0.0.1:9000`",
    ),
    (
        "--host=localhost:9000 app:app",
        "`host` must be",
        "a host has no port: write `--listen=localhost:9000`",
    ),
    ("--listen=8000 app:app", "`listen` must be", "write `*:8000` to listen on every address"),
    (
        "--listen=http://localhost app:app",
        "`listen` must be",
        "write `host:port`, without a scheme",
    ),
    // Applications.
    (
        "./app.py",
        "`app` must be an application",
        "name the module: `app` for its `application` or `app`, or `app:attribute`",
    ),
    (
        "my-app:app",
        "`app` must be an application",
        "the name of a module has no `-`: rename it to `my_app`, and write `my_app:app`",
    ),
    ("a:app b:app", "only one application can be served, and `b:app` is a second one", ""),
    // Options of other servers.
    (
        "--timeout 30 app:app",
        "unknown option `--timeout`",
        "use `request-timeout` for requests, `worker-timeout` for interpreters that hang",
    ),
    (
        "-k gevent app:app",
        "unknown option `-k`",
        "not needed: each worker process serves with threads, `threads` of them",
    ),
    (
        "--worker-tmp-dir /dev/shm app:app",
        "unknown option `--worker-tmp-dir`",
        "not needed: there is no heartbeat file",
    ),
    (
        "--listen= app:app",
        "`listen` must be `host:port`, `unix:/path` or `fd://N`, not empty text",
        "leave it out to use `host` and `port`",
    ),
    (
        "--factory app:create_app",
        "unknown option `--factory`",
        "use `call`, or write `module:factory()`",
    ),
    ("--uds /run/s app:app", "unknown option `--uds`", "use `unix-socket`"),
    (
        "--interface wsgi app:app",
        "unknown option `--interface`",
        "only WSGI applications are served",
    ),
    (
        "--timeout-keep-alive 5 app:app",
        "unknown option `--timeout-keep-alive`",
        "use `keep-alive-timeout`",
    ),
    ("--blocking-threads 4 app:app", "unknown option `--blocking-threads`", "use `threads`"),
    ("--workers-max-rss 200 app:app", "unknown option `--workers-max-rss`", "use `max-rss`"),
    ("--insecure-bind :80 app:app", "unknown option `--insecure-bind`", "use `listen`"),
    ("--root-path /x app:app", "unknown option `--root-path`", "use `url-prefix`"),
    (
        "--proxy-headers app:app",
        "unknown option `--proxy-headers`",
        "use `trusted-proxy` and `trusted-proxy-headers`",
    ),
];

#[test]
fn every_mistake_has_one_problem_that_says_what_is_right() {
    for (line, message, hint) in MISTAKES {
        let arguments: Vec<&str> = line.split_whitespace().collect();
        let problems = Written { arguments: &arguments, ..Written::default() }
            .load()
            .expect_err(&format!("`maitred {line}` is wrong"));
        let all: Vec<_> = problems.iter().collect();
        assert_eq!(all.len(), 1, "maitred {line}\n{problems}");
        assert!(all[0].message().starts_with(message), "maitred {line}\n{problems}");
        assert_eq!(all[0].hint().unwrap_or_default(), *hint, "maitred {line}");
    }
}

#[test]
fn flags_with_one_letter_take_a_value_that_follows_at_once() {
    for line in ["-b:8000 app:app", "-w4 app:app", "-bunix:/run/s app:app", "--ident -port app:app"]
    {
        let arguments: Vec<&str> = line.split_whitespace().collect();
        Written { arguments: &arguments, ..Written::default() }.loaded();
    }
}

#[test]
fn help_and_version_may_be_asked_for_as_commands() {
    for (line, expected) in [
        ("help", "Serves a WSGI application."),
        ("help check", "Report what would keep the application from being served"),
        ("version", "maitred "),
    ] {
        match Invocation::parse(line.split_whitespace()).command {
            Command::Print(text) => assert!(text.starts_with(expected), "{text}"),
            other => panic!("{line} is {other:?}"),
        }
    }
}
