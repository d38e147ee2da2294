//! Tests of error messages, word for word.

mod written;

use maitred_config::{Candidate, Colour, Origin, SettingsFile, Sources, Value, load};
use written::Written;

fn toml_report(toml: &str) -> String {
    Written { toml, ..Written::default() }.report()
}

fn command_line_report(arguments: &[&str]) -> String {
    Written { arguments, ..Written::default() }.report()
}

#[test]
fn all_problems_are_reported_together_with_their_locations() {
    let report = Written {
        toml: "\n\nthreds = 8\n",
        environment: &[("MAITRED_CONNECTION_LIMIT", "lots")],
        ..Written::default()
    }
    .report();
    assert_eq!(
        report,
        "\
error: unknown setting `threds`
  --> maitred.toml:3:1
   |
 3 | threds = 8
   | ^^^^^^ did you mean `threads`?
error: `connection-limit` must be a whole number of at least 1, not `lots`
  --> environment variable MAITRED_CONNECTION_LIMIT
2 problems; nothing was started
"
    );
}

#[test]
fn a_number_in_quotes() {
    assert_eq!(
        toml_report("threads = \"8\"\n"),
        "\
error: `threads` must be a whole number of at least 1, or `auto`, not `\"8\"`
  --> maitred.toml:1:11
   |
 1 | threads = \"8\"
   |           ^^^ write `8` without quotes
1 problem; nothing was started
"
    );
}

#[test]
fn a_truth_value_as_text() {
    assert_eq!(
        toml_report("expose-tracebacks = \"no\"\n"),
        "\
error: `expose-tracebacks` must be true or false, not `\"no\"`
  --> maitred.toml:1:21
   |
 1 | expose-tracebacks = \"no\"
   |                     ^^^^ write `false` without quotes
1 problem; nothing was started
"
    );
}

#[test]
fn a_unit_that_is_none() {
    assert_eq!(
        toml_report("max-request-body-size = \"10 Mbit\"\n"),
        "\
error: `max-request-body-size` must be a size: bytes, or `64KiB`, `10MB`, not `\"10 Mbit\"`
  --> maitred.toml:1:25
   |
 1 | max-request-body-size = \"10 Mbit\"
   |                         ^^^^^^^^^
1 problem; nothing was started
"
    );
}

#[test]
fn no_threads() {
    assert_eq!(
        command_line_report(&["app:app", "--threads=0"]),
        "\
error: `threads` must be a whole number of at least 1, or `auto`, not `0`
  --> command line: --threads
1 problem; nothing was started
"
    );
}

#[test]
fn a_setting_in_a_table() {
    assert_eq!(
        toml_report("[limits]\nthreads = 8\n"),
        "\
error: unknown table `limits`
  --> maitred.toml:1:2
   |
 1 | [limits]
   |  ^^^^^^ settings are not in tables: move `threads` to the top of the file
1 problem; nothing was started
"
    );
}

#[test]
fn a_setting_twice() {
    assert_eq!(
        toml_report("threads = 8\nport = 80\nthreads = 4\n"),
        "\
error: `threads` is set twice
  --> maitred.toml:3:1
   |
 1 | threads = 8
   | ------- first set here
 2 | port = 80
 3 | threads = 4
   | ^^^^^^^
1 problem; nothing was started
"
    );
    assert_eq!(
        toml_report("channel-timeout = 8\nchannel_timeout = 9\n"),
        "\
error: `channel-timeout` is set twice, once with `-` and once with `_`
  --> maitred.toml:2:1
   |
 1 | channel-timeout = 8
   |                   - first set here
 2 | channel_timeout = 9
   | ^^^^^^^^^^^^^^^
1 problem; nothing was started
"
    );
}

#[test]
fn host_and_listen() {
    assert_eq!(
        toml_report("host = \"127.0.0.1\"\nlisten = \"*:80\"\n"),
        "\
error: `host` and `listen` cannot both be set
  --> maitred.toml:2:10
   |
 1 | host = \"127.0.0.1\"
   |        ----------- `host` is set here
 2 | listen = \"*:80\"
   |          ^^^^^^ both say where to listen
1 problem; nothing was started
"
    );
}

#[test]
fn a_unix_socket_on_windows() {
    let toml = "\nlisten = [\"127.0.0.1:80\", \"unix:/run/web.sock\"]\n";
    let arguments = &["check", "a:b", "--admin-listen=unix:/run/admin.sock"];
    let case = Written { toml, arguments, is_for_windows: true, ..Written::default() };
    assert_eq!(
        case.report(),
        "\
error: `listen` asks for a Unix socket: Unix sockets are not available on Windows
  --> maitred.toml:2:10
   |
 2 | listen = [\"127.0.0.1:80\", \"unix:/run/web.sock\"]
   |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ listen on a loopback address, such as `127.0.0.1:8080`
error: `admin-listen` asks for a Unix socket: Unix sockets are not available on Windows
  --> command line: --admin-listen
   = help: listen on a loopback address, such as `127.0.0.1:8080`
2 problems; nothing was started
"
    );
    assert_eq!(Written { is_for_windows: false, ..case }.warnings(), [""; 0]);

    // What another layer replaces is never opened.
    let case = Written {
        toml: "unix-socket = \"/run/web.sock\"\n",
        is_for_windows: true,
        ..Written::default()
    };
    let report = case.report();
    assert!(report.starts_with("error: `unix-socket` asks for a Unix socket: Unix "), "{report}");
    let arguments = &["check", "a:b", "--listen=127.0.0.1:80"];
    assert_eq!(
        Written { arguments, ..case }.loaded().settings.network.listen[0].to_string(),
        "127.0.0.1:80"
    );
}

#[test]
fn an_ini_in_place_of_toml() {
    assert_eq!(
        toml_report("# Pyramid\n[server:main]\nuse = egg:waitress#main\nlisten = *:6543\n"),
        "\
error: this is a PasteDeploy file, not TOML
  --> maitred.toml:2:1
   |
 2 | [server:main]
   | ^^^^^^^^^^^^^ `maitred config import maitred.toml` converts it to TOML
1 problem; nothing was started
"
    );
}

#[test]
fn a_program_in_place_of_toml() {
    let toml = "bind = '0.0.0.0:8000'\nworkers = 2 * 4 + 1\n";
    assert_eq!(
        Written { toml, path: "gunicorn.conf.py", arguments: &["serve"], ..Written::default() }
            .report(),
        "\
error: `gunicorn.conf.py` is Python, but settings files are TOML
   = help: `maitred config import gunicorn.conf.py` converts one of gunicorn
1 problem; nothing was started
"
    );
}

#[test]
fn a_file_in_another_format_is_one_problem() {
    for (path, text, format) in [
        ("a.json", "{\n \"threads\": 8,\n \"port\": 1\n}\n", "JSON"),
        ("a.yaml", "server:\n  threads: 8\n", "YAML"),
        ("a.ini", "[x]\nthreads: 8\nport: 1\n", "an INI file"),
    ] {
        let case = Written { toml: text, path, arguments: &["serve"], ..Written::default() };
        assert_eq!(
            case.report(),
            format!(
                "error: `{path}` is {format}, but settings files are TOML\n   = help: `maitred config \
                 import {path}` converts it to TOML\n1 problem; nothing was started\n"
            )
        );
    }
    Written { toml: "threads = 8\n", path: "a.ini", ..Written::default() }.loaded();
}

#[test]
fn a_file_of_uwsgi_in_place_of_toml() {
    let toml = "; the shop\n[uwsgi]\nhttp-socket = :8000\nmodule = shop.wsgi\n";
    assert_eq!(
        Written { toml, path: "uwsgi.ini", arguments: &["serve"], ..Written::default() }.report(),
        "\
error: this is a uWSGI file, not TOML
  --> uwsgi.ini:2:1
   |
 2 | [uwsgi]
   | ^^^^^^^ `maitred config import uwsgi.ini` converts it to TOML
1 problem; nothing was started
"
    );
}

#[test]
fn a_file_that_cannot_be_read() {
    let problems = load(Sources {
        file: Some(SettingsFile {
            candidate: Candidate {
                path: "/etc/maitred.toml".into(),
                named_by: Some(Origin::CommandLine("--config".into())),
            },
            contents: Err("permission denied".into()),
        }),
        ..Sources::default()
    })
    .expect_err("the file cannot be read");
    assert_eq!(
        problems.to_string(),
        "\
error: cannot read the settings file `/etc/maitred.toml`: permission denied
  --> command line: --config
1 problem; nothing was started
"
    );
}

#[test]
fn every_syntax_error_once_a_line() {
    assert_eq!(
        toml_report("threads = \nport = = 2\nident = \"x\n"),
        "\
error: not TOML: string values must be quoted, expected literal string
  --> maitred.toml:1:11
   |
 1 | threads = 
   |           ^
error: not TOML: extra `=`, expected nothing
  --> maitred.toml:2:8
   |
 2 | port = = 2
   |        ^
error: not TOML: invalid basic string, expected `\"`
  --> maitred.toml:3:11
   |
 3 | ident = \"x
   |           ^
3 problems; nothing was started
"
    );
}

#[test]
fn an_address_that_is_none() {
    assert_eq!(
        command_line_report(&["app:app", "-b", "8000"]),
        "\
error: `listen` must be `host:port`, `unix:/path` or `fd://N`, not `8000`
  --> command line: --listen
   = help: write `*:8000` to listen on every address
1 problem; nothing was started
"
    );
}

#[test]
fn flags_that_are_none() {
    assert_eq!(
        command_line_report(&["--threds", "8", "--conn=3", "-k", "gevent", "--certfile=x", "a:a"]),
        "\
error: unknown option `--threds`
  --> command line: --threds
   = help: did you mean `--threads`?
error: unknown option `--conn`
  --> command line: --conn
   = help: it could be `--connection-limit`, `--connection-limit-action`
error: unknown option `-k`
  --> command line: -k
   = help: not needed: each worker process serves with threads, `threads` of them
error: unknown option `--certfile`
  --> command line: --certfile
   = help: TLS is not supported: terminate it in a proxy
4 problems; nothing was started
"
    );
}

#[test]
fn a_flag_without_its_value_and_one_with_too_many() {
    assert_eq!(
        command_line_report(&["app:app", "--port"]),
        "\
error: `--port` needs a value
  --> command line: --port
1 problem; nothing was started
"
    );
    assert_eq!(
        command_line_report(&["app:app", "--no-ipv6=1"]),
        "\
error: `--no-ipv6` takes no value
  --> command line: --no-ipv6
1 problem; nothing was started
"
    );
}

#[test]
fn help_is_an_option_that_may_be_meant() {
    assert_eq!(
        command_line_report(&["--hlp"]),
        "\
error: unknown option `--hlp`
  --> command line: --hlp
   = help: did you mean `--help`?
1 problem; nothing was started
"
    );
}

#[test]
fn no_application_and_two() {
    assert_eq!(
        command_line_report(&["--threads=4"]),
        "\
error: there is no application to serve
   = help: name it, as in `maitred package.module:attribute`
1 problem; nothing was started
"
    );
    assert_eq!(
        command_line_report(&["a:a", "b:b"]),
        "\
error: only one application can be served, and `b:b` is a second one
  --> command line: b:b
1 problem; nothing was started
"
    );
    assert_eq!(
        command_line_report(&["--app=a:a", "b:b"]),
        "\
error: only one application can be served
  --> command line: b:b
   = help: the other one: command line: --app
1 problem; nothing was started
"
    );
    assert_eq!(
        command_line_report(&["./project/wsgi.py"]),
        "\
error: `app` must be an application, such as `module:attribute`, not `./project/wsgi.py`
  --> command line: ./project/wsgi.py
   = help: name the module: `project.wsgi` for its `application` or `app`, or `project.wsgi:attribute`
1 problem; nothing was started
"
    );
    let report = command_line_report(&[r".\project\wsgi.py"]);
    assert!(report.contains("`project.wsgi:attribute`"), "{report}");
}

#[test]
fn an_unknown_field_of_the_access_log_is_one_of_the_problems() {
    assert_eq!(
        toml_report("threads = 0\naccess-log-format = '%(h)s %(request-id)s'\n"),
        "\
error: `threads` must be a whole number of at least 1, or `auto`, not `0`
  --> maitred.toml:1:11
   |
 1 | threads = 0
   |           ^
error: `access-log-format` must be `common`, `combined`, `console`, `json` or a pattern such as `%(h)s %(r)s`, not `\"%(h)s %(request-id)s\"`
  --> maitred.toml:2:21
   |
 2 | access-log-format = '%(h)s %(request-id)s'
   |                     ^^^^^^^^^^^^^^^^^^^^^^ unknown field `%(request-id)s`: did you mean `%(request_id)s`?
2 problems; nothing was started
"
    );
}

#[test]
fn proxy_headers_without_a_proxy_and_forwarded_with_others() {
    assert_eq!(
        toml_report(
            "trusted-proxy-count = 2\ntrusted-proxy-headers = [\"forwarded\", \"x-forwarded-for\"]\n"
        ),
        "\
error: `trusted-proxy-headers` must be names of forwarding fields, not `forwarded x-forwarded-for`
  --> maitred.toml:2:25
   |
 2 | trusted-proxy-headers = [\"forwarded\", \"x-forwarded-for\"]
   |                         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ `forwarded` cannot be combined with the others
error: `trusted-proxy-count` needs `trusted-proxy`
  --> maitred.toml:1:23
   |
 1 | trusted-proxy-count = 2
   |                       ^ without it, no proxy is trusted
2 problems; nothing was started
"
    );
}

#[test]
fn the_default_address_of_a_family_that_is_off() {
    assert_eq!(
        toml_report("ipv4 = false\n"),
        "\
error: `0.0.0.0` is an IPv4 address, and `ipv4` is off
  --> maitred.toml:1:8
   |
 1 | ipv4 = false
   |        ^^^^^ also set `host`, for example to `*`
1 problem; nothing was started
"
    );
}

#[test]
fn keywords_are_named_as_python_names_them() {
    let text = |text: &str| Value::Text(text.into());
    let keywords = vec![
        ("channel_timout", Value::Int(3)),
        ("connection_limit", text("x")),
        ("server_name", text("caf\u{e9}")),
    ];
    assert_eq!(
        Written { keywords, ..Written::default() }.report(),
        "\
error: unknown setting `channel_timout`
  --> keyword channel_timout
   = help: did you mean `channel_timeout`?
error: `connection_limit` must be a whole number of at least 1, not `x`
  --> keyword connection_limit
error: `server_name` must be text in ASCII, on one line, not `caf\u{e9}`
  --> keyword server_name
3 problems; nothing was started
"
    );
}

#[test]
fn an_unknown_variable_is_a_warning_or_with_strict_env_a_problem() {
    let environment = &[("MAITRED_THRADS", "8"), ("MAITRED_SERVICE_HOST", "10.0.0.1")];
    let mut case = Written { environment, arguments: &["app:app"], ..Written::default() };
    let warning = "unknown setting `MAITRED_THRADS` (environment variable MAITRED_THRADS): \
                did you mean `MAITRED_THREADS`?";
    assert_eq!(case.warnings(), [warning]);
    case.arguments = &["app:app", "--strict-env"];
    assert_eq!(
        case.report(),
        "\
error: unknown setting `MAITRED_THRADS`
  --> environment variable MAITRED_THRADS
   = help: did you mean `MAITRED_THREADS`?
1 problem; nothing was started
"
    );
}

#[test]
fn a_setting_without_effect_is_a_warning() {
    let case = Written {
        toml: "listen = \"*:80\"\nrecv-bytes = 8192\naccess-log-format = \"json\"\n",
        arguments: &["app:app", "--port=9000", "--trusted-proxy=localhost"],
        ..Written::default()
    };
    assert_eq!(
        case.warnings(),
        [
            "`listen` is not used: `port` replaces it (maitred.toml:1:10): \
             `port` was set at: command line: --port; `host` is `*`",
            "`trusted-proxy` without `trusted-proxy-headers` trusts only `x-forwarded-proto` \
             (command line: --trusted-proxy): \
             list the fields that your proxy sets in `trusted-proxy-headers`",
            "`localhost` in `trusted-proxy` means Unix sockets, but there is none \
             (command line: --trusted-proxy): \
             for a proxy on this machine, write `127.0.0.1` and `::1`",
            "`access-log-format` has no effect: `access-log` is not set (maitred.toml:3:21)",
        ]
    );
}

#[test]
fn one_note_names_every_setting_that_is_only_accepted_for_compatibility() {
    let note = |toml| Written { toml, ..Written::default() }.loaded().compatibility_note();
    assert_eq!(note("threads = 8\n"), None);
    assert_eq!(
        note("send-bytes = 1\nthreads = 8\nasyncore-use-poll = true\n").as_deref(),
        Some(
            "accepted for compatibility with Waitress, without effect: `send-bytes`, \
             `asyncore-use-poll`"
        )
    );
}

#[test]
fn a_report_has_colour_only_when_told() {
    let problems =
        Written { toml: "threds = 8", ..Written::default() }.load().expect_err("refused");
    assert!(!problems.render(Colour::Never).contains('\x1b'));
    assert!(problems.render(Colour::Always).contains('\x1b'));
}

#[test]
fn control_characters_of_a_value_are_escaped() {
    let report = Written {
        toml: "\"a\\u001b[31m\" = 1\n",
        environment: &[("MAITRED_PORT", "\x1b[31m\r\n80")],
        arguments: &["app:app", "--\x1b[31m"],
        ..Written::default()
    }
    .report();
    let is_allowed = |c: char| c == '\n' || !c.is_control();
    assert!(report.chars().all(is_allowed), "{report:?}");
}

#[test]
fn a_line_with_a_c1_control_character_is_shown_with_a_dot_and_marked_in_the_right_place() {
    let report = Written { toml: "\u{9b}31m = 1\n", ..Written::default() }.report();
    assert!(report.contains(" 1 | \u{b7}31m = 1\n"), "{report}");
    assert!(report.contains("maitred.toml:1:1"), "{report}");
}
