//! Tests of the command line's grammar: that of `waitress-serve` (getopt), and gunicorn's flags.

mod written;

use maitred_config::{Checks, Command, Invocation, Settings, Shell, ShowFormat, TrustedProxies};
use written::Written;

fn settings(arguments: &[&str]) -> Settings {
    Written { arguments, ..Written::default() }.loaded().settings
}

fn command(arguments: &[&str]) -> Command {
    let invocation = Invocation::parse(arguments.iter().copied());
    invocation.check().expect("a right command line");
    invocation.command
}

fn listening(arguments: &[&str]) -> Vec<String> {
    settings(arguments).network.listen.iter().map(ToString::to_string).collect()
}

#[test]
fn a_value_follows_its_flag_or_an_equals_sign() {
    assert_eq!(settings(&["--threads", "7", "a:b"]).limits.threads, 7);
    assert_eq!(settings(&["--threads=7", "a:b"]).limits.threads, 7);
    assert_eq!(settings(&["a:b", "--threads=7"]).limits.threads, 7);
}

#[test]
fn a_flag_may_be_shortened_and_written_with_underscores() {
    assert_eq!(settings(&["--thr=7", "a:b"]).limits.threads, 7);
    assert_eq!(settings(&["--channel_timeout=7", "a:b"]).timeouts.write.as_secs(), 7);
    assert_eq!(settings(&["--channel-t=7", "a:b"]).timeouts.write.as_secs(), 7);
    assert!(settings(&["--expose", "a:b"]).observability.expose_tracebacks);
    assert!(!settings(&["--no-log_socket_errors", "a:b"]).observability.log_socket_errors);
    assert!(!settings(&["--no-log-s", "a:b"]).observability.log_socket_errors);
    assert_eq!(settings(&["--keep-alive=5", "a:b"]).timeouts.keep_alive.as_secs(), 5);
}

#[test]
fn the_last_value_wins_but_listen_adds() {
    assert_eq!(settings(&["--threads=7", "--threads=8", "a:b"]).limits.threads, 8);
    let trusted = settings(&[
        "--trusted-proxy=10.0.0.1",
        "--trusted-proxy=10.0.0.2",
        "--trusted-proxy-headers=forwarded",
        "a:b",
    ]);
    let only_the_last =
        TrustedProxies::Listed { networks: vec!["10.0.0.2/32".parse().unwrap()], unix: false };
    assert_eq!(trusted.proxies.trusted, only_the_last);
    assert_eq!(listening(&["--listen=*:1", "--listen", "*:2 *:3", "a:b"]), ["*:1", "*:2", "*:3"]);
    assert_eq!(listening(&["--listen=*:1", "--listen=*:1", "a:b"]), ["*:1"]);
    assert_eq!(listening(&["--listen=*:0", "--listen=*:0", "a:b"]), ["*:0", "*:0"]);
}

#[test]
fn a_truth_value_may_be_a_flag_its_opposite_or_written_out() {
    for (argument, expected) in [
        ("--expose-tracebacks", true),
        ("--no-expose-tracebacks", false),
        ("--expose-tracebacks=true", true),
        ("--expose-tracebacks=True", true),
        ("--expose-tracebacks=yes", true),
        ("--expose-tracebacks=on", true),
        ("--expose-tracebacks=1", true),
        ("--expose-tracebacks=false", false),
        ("--expose-tracebacks=False", false),
        ("--expose-tracebacks=no", false),
        ("--expose-tracebacks=off", false),
        ("--expose-tracebacks=0", false),
        ("--expose_tracebacks=1", true),
    ] {
        assert_eq!(
            settings(&[argument, "a:b"]).observability.expose_tracebacks,
            expected,
            "{argument}"
        );
    }
    assert!(settings(&["--no-call", "--call", "a:b"]).application.call);
    assert!(!settings(&["--call", "--no-call", "a:b"]).application.call);
    assert!(!settings(&["--call", "--call=no", "a:b"]).application.call);
}

#[test]
fn a_flag_takes_what_follows_even_when_it_looks_like_a_flag() {
    assert_eq!(settings(&["--ident", "--x", "a:b"]).application.ident.as_deref(), Some("--x"));
    let report = Written { arguments: &["--port", "-1", "a:b"], ..Written::default() }.report();
    assert!(report.contains("from 0 to 65535, not `-1`"), "{report}");
}

#[test]
fn the_application_stands_alone_or_behind_a_flag() {
    assert_eq!(settings(&["a.b:c"]).application.app.as_deref(), Some("a.b:c"));
    assert_eq!(settings(&["--app=a.b:c"]).application.app.as_deref(), Some("a.b:c"));
    assert_eq!(settings(&["--call", "a:make"]).application.app.as_deref(), Some("a:make"));
    assert_eq!(settings(&["--", "a:b"]).application.app.as_deref(), Some("a:b"));
    let toml = "app = \"x:y\"\n";
    let from_file = Written { toml, arguments: &["--threads=4"], ..Written::default() };
    assert_eq!(from_file.loaded().settings.application.app.as_deref(), Some("x:y"));
}

#[test]
fn the_habits_of_gunicorn_work() {
    assert_eq!(listening(&["-b", "0.0.0.0:8000", "app:create_app()"]), ["0.0.0.0:8000"]);
    assert_eq!(listening(&["-b:8000", "--bind=unix:/a", "a:b"]), ["*:8000", "unix:/a"]);
    assert_eq!(settings(&["-w", "4", "a:b"]).processes.workers, 4);
    assert_eq!(settings(&["-w4", "a:b"]).processes.workers, 4);
    let named = Invocation::parse(["-c", "x.toml", "a:b"]);
    assert_eq!(named.config.as_deref(), Some("x.toml"));
    assert_eq!(command(&["--check-config", "a:b"]), Command::Check(Checks::Start));
    let show = Command::ShowConfig { origins: false, format: ShowFormat::Toml };
    assert_eq!(command(&["--print-config", "a:b"]), show);
}

#[test]
fn every_command_is_understood() {
    assert_eq!(command(&["a:b"]), Command::Serve);
    assert_eq!(command(&["serve", "a:b"]), Command::Serve);
    assert_eq!(command(&["check", "--threads=3", "a:b"]), Command::Check(Checks::Start));
    assert_eq!(command(&["check", "--deploy", "a:b"]), Command::Check(Checks::Deploy));
    assert_eq!(command(&["config", "schema"]), Command::Schema);
    let import =
        |what: &[&str]| Command::Import { what: what.iter().map(|word| (*word).into()).collect() };
    assert_eq!(command(&["config", "import", "x.ini"]), import(&["x.ini"]));
    let words = ["config", "import", "--", "gunicorn", "-w", "4", "a:b"];
    assert_eq!(command(&words), import(&words[3..]));
    assert_eq!(command(&["completions", "fish"]), Command::Completions(Shell::Fish));
    assert_eq!(command(&["man"]), Command::Man { command: Vec::new() });
    let page = Command::Man { command: vec!["config".into(), "show".into()] };
    assert_eq!(command(&["man", "config", "show"]), page);
    assert_eq!(
        command(&["config", "show", "--origin", "--format", "json", "--threads=3"]),
        Command::ShowConfig { origins: true, format: ShowFormat::Json }
    );
}

#[test]
fn a_flag_before_a_command_counts_and_one_behind_it_wins() {
    assert_eq!(settings(&["--threads=3", "check", "a:b"]).limits.threads, 3);
    assert_eq!(settings(&["--threads=3", "check", "a:b", "--threads=5"]).limits.threads, 5);
    let named = Invocation::parse(["-c", "a.toml", "config", "show"]);
    assert_eq!(named.config.as_deref(), Some("a.toml"));
}

#[test]
fn help_and_version_are_texts_to_print() {
    for argument in ["--help", "-h"] {
        let Command::Print(help) = command(&[argument]) else { panic!("{argument} prints help") };
        assert!(help.starts_with("Serves a WSGI application."), "{help}");
    }
    let Command::Print(version) = command(&["--version"]) else { panic!("it prints a version") };
    assert!(version.starts_with("maitred "), "{version}");
}
