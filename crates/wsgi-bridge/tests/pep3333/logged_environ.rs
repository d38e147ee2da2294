//! Tests of the environ variables that the access log shows.

use maitred_wsgi_bridge::ServerVariables;

use crate::support::{Server, variables};

fn shown(names: &[&str], python: &str) -> Vec<Option<String>> {
    let logged_environ = names.iter().copied().map(str::to_owned).collect();
    let server = Server::with_variables(python, ServerVariables { logged_environ, ..variables() });
    let response = server.get("/caf%C3%A9");
    let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
    response.logged_environ.iter().map(|value| value.as_ref().map(text)).collect()
}

fn some(values: &[&str]) -> Vec<Option<String>> {
    values.iter().map(|value| Some((*value).to_owned())).collect()
}

#[test]
fn values_are_those_that_the_application_leaves_in_any_case_of_the_name() {
    let values = shown(
        &["remote_user", "PATH_INFO", "wsgi.multithread", "shop.count"],
        r#"
def application(environ, start_response):
    environ["REMOTE_USER"] = "\u20ac"
    start_response("200 OK", [])
    yield b"a"
    environ["SHOP.count"] = 7
    yield b"b"
"#,
    );
    assert_eq!(values, some(&["\u{20ac}", "/caf\u{e9}", "True", "7"]));
}

#[test]
fn a_response_that_fails_or_is_a_file_has_values_too() {
    for body in
        ["raise RuntimeError", "return environ['wsgi.file_wrapper'](open('/dev/null', 'rb'))"]
    {
        let application = format!(
            r#"
def application(environ, start_response):
    environ["REMOTE_USER"] = "anna"
    start_response("200 OK", [])
    {body}
"#
        );
        assert_eq!(shown(&["REMOTE_USER"], &application), some(&["anna"]), "{body}");
    }
}

#[test]
fn what_is_not_there_or_cannot_be_shown_is_none_and_what_is_long_is_cut() {
    let values = shown(
        &["X", "BAD", "LONG"],
        r#"
class Bad:
    def __str__(self):
        raise ValueError

def application(environ, start_response):
    environ[7] = "no name"
    environ["BAD"] = Bad()
    environ["LONG"] = "x" * 100_000
    start_response("200 OK", [])
    return [b""]
"#,
    );
    assert_eq!(values[..2], [None, None]);
    assert_eq!(values[2].as_ref().map(String::len), Some(1024));
}

#[test]
fn nothing_is_told_where_nothing_is_shown() {
    let values = shown(
        &[],
        r#"
def application(environ, start_response):
    start_response("200 OK", [])
    return [b""]
"#,
    );
    assert!(values.is_empty());
}
