//! Tests of how a command finds the server that it asks.

mod written;

use std::path::Path;

use maitred_config::running_server;
use written::Written;

/// The address that a case leads to, or the report.
fn found(written: &Written<'_>) -> String {
    match running_server(written.sources()) {
        Ok(endpoint) => endpoint.to_string(),
        Err(problems) => problems.to_string(),
    }
}

fn asked(arguments: &[&str]) -> String {
    found(&Written { arguments, ..Written::default() })
}

#[test]
fn an_argument_names_the_server_as_a_url_or_as_an_address() {
    for (argument, address) in [
        ("http://127.0.0.1:9090", "127.0.0.1:9090"),
        ("http://shop.example:9090/", "shop.example:9090"),
        ("http://[::1]:9090", "[::1]:9090"),
        ("http://shop.example", "shop.example:80"),
        ("127.0.0.1:9090", "127.0.0.1:9090"),
        ("unix:/run/admin.sock", "unix:/run/admin.sock"),
        ("unix:///run/admin.sock", "unix:/run/admin.sock"),
    ] {
        assert_eq!(asked(&["health", argument]), address);
    }
}

#[test]
fn without_an_argument_the_sources_of_settings_are_looked_at() {
    let toml = "admin-listen = \"127.0.0.1:1\"\n";
    let environment = &[("MAITRED_ADMIN_LISTEN", "127.0.0.1:2")];
    let arguments = &["health", "--admin-listen=127.0.0.1:3"];
    let mut written = Written { toml, environment, arguments, ..Written::default() };
    assert_eq!(found(&written), "127.0.0.1:3");
    written.arguments = &["--admin-listen=127.0.0.1:4", "health"];
    assert_eq!(found(&written), "127.0.0.1:4");
    written.arguments = &["health"];
    assert_eq!(found(&written), "127.0.0.1:2");
    written.environment = &[];
    assert_eq!(found(&written), "127.0.0.1:1");
    written.arguments = &["health", "unix:/s"];
    assert_eq!(found(&written), "unix:/s");
}

#[test]
fn a_relative_path_begins_in_the_directory_of_the_command() {
    let arguments = &["health"];
    let toml = "admin-listen = \"unix:admin.sock\"\n";
    let written = Written { toml, arguments, directory: Some("/srv"), ..Written::default() };
    let found = found(&written);
    // As paths: Windows writes separators in two ways.
    let path = Path::new(found.strip_prefix("unix:").unwrap());
    assert_eq!(path, Path::new("/srv/admin.sock"));
}

#[test]
fn a_server_that_listens_everywhere_is_asked_on_this_machine() {
    for (listens, asked_at) in [
        ("*:9090", "localhost:9090"),
        (":9090", "localhost:9090"),
        ("0.0.0.0:9090", "127.0.0.1:9090"),
        ("[::]:9090", "[::1]:9090"),
        ("10.0.0.1:9090", "10.0.0.1:9090"),
    ] {
        assert_eq!(asked(&["health", &format!("--admin-listen={listens}")]), asked_at);
    }
}

#[test]
fn a_mistake_in_another_setting_does_not_keep_a_command_from_asking() {
    let toml = "threads = \"many\"\nno-such-setting = 1\nadmin-listen = \"127.0.0.1:1\"\n";
    let environment =
        &[("MAITRED_PORT", "http"), ("MAITRED_STRICT_ENV", "true"), ("MAITRED_X", "")];
    let arguments = &["health"];
    let written = Written { toml, environment, arguments, ..Written::default() };
    assert!(written.load().is_err());
    assert_eq!(found(&written), "127.0.0.1:1");
}

#[test]
fn without_any_source_the_report_says_how_to_name_one() {
    for arguments in [&["health"][..], &["health", "--admin-listen="]] {
        let report = asked(arguments);
        assert!(report.contains("there is no server to ask"), "{report}");
        assert!(report.contains("http://127.0.0.1:9090"), "{report}");
    }
}

#[test]
fn what_may_be_why_no_source_names_it_is_reported() {
    let broken = Written { toml: "threads = [\n", arguments: &["health"], ..Written::default() };
    let report = found(&broken);
    assert!(report.contains("maitred.toml:1"), "{report}");
    assert!(!report.contains("no server to ask"), "{report}");
    let report = asked(&["health", "--admin-listen=9090"]);
    assert!(report.contains("write `*:9090`"), "{report}");
}

#[test]
fn a_wrong_address_outranks_a_right_one_of_a_lower_source() {
    let toml = "admin-listen = \"127.0.0.1:1\"\n";
    let environment = &[("MAITRED_ADMIN_LISTEN", "9090")];
    let arguments = &["health"];
    let report = found(&Written { toml, environment, arguments, ..Written::default() });
    assert!(report.contains("MAITRED_ADMIN_LISTEN"), "{report}");
}

#[test]
fn what_cannot_be_connected_to_is_refused_with_the_right_spelling() {
    let wanted = "write `http://host:port`, or `unix:` and a path";
    for (argument, hint) in [
        ("https://shop.example:9090", "the admin listener speaks no TLS: write `http://`"),
        ("ftp://shop.example", wanted),
        ("http://", wanted),
        ("http://me@shop.example:9090", wanted),
        ("http://127.0.0.1:9090/livez", "leave out `/livez`: the command knows what to ask for"),
        ("http://127.0.0.1:0", "port 0 is another one each time"),
        ("127.0.0.1:0", "port 0 is another one each time"),
        ("fd://3", wanted),
        ("9090", wanted),
        ("/run/admin.sock", "write `unix:/run/admin.sock` for a Unix socket"),
    ] {
        let report = asked(&["health", argument]);
        assert!(report.contains(&format!("`{argument}` is no address of a server")), "{report}");
        assert!(report.contains(hint), "{report}");
    }
    let report = asked(&["health", "--admin-listen=*:0"]);
    assert!(report.contains("`admin-listen` is `*:0`, which cannot be connected to"), "{report}");
}

#[test]
fn a_mistake_on_the_command_line_is_reported_whatever_else_names_the_server() {
    let report = asked(&["health", "--prode=livez", "unix:/s"]);
    assert!(report.contains("unknown option `--prode`"), "{report}");
}
