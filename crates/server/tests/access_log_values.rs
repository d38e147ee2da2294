//! Tests of what an access log shows of the response and of the environ, and of what it leaves out of
//! URLs.

mod support;

use std::sync::Arc;

use maitred_config::{AccessLogFormat, AccessLogTarget, Settings};
use maitred_http_parser::exchange::Chunk;
use maitred_http_parser::fault::ApplicationFault;
use support::{App, Served, eventually, ok, settings};

/// What the log has of one request for each of these.
fn lines(
    settings: impl FnOnce(&mut Settings),
    application: Arc<App>,
    requests: &[&str],
) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("access.log");
    let mut all = self::settings().with(settings);
    all.observability.access_log = Some(AccessLogTarget::File(path.clone()));
    let served = Served::start(all, application);
    for request in requests {
        let mut client = served.connect();
        client.send(request.as_bytes());
        client.rest();
    }
    eventually("every request", || served.telemetry.requests() == requests.len() as u64);
    drop(served);
    let text = std::fs::read_to_string(&path).expect("the log is there");
    text.lines().map(str::to_owned).collect()
}

fn pattern(pattern: &str) -> AccessLogFormat {
    AccessLogFormat::parse(pattern).expect("a pattern")
}

/// Redirects to a URL with a query, and knows the user.
fn redirecting() -> Arc<App> {
    App::new(|mut exchange| {
        exchange.reply.log_environ(vec![
            Some(b"/a?token=1".to_vec()),
            None,
            Some(b"a\"b".to_vec()),
        ]);
        if exchange.head.path() == b"/raises" {
            return exchange.reply.fail(ApplicationFault::NotStarted);
        }
        let mut head = ok();
        head.push(b"location", b"/b?token=2").expect("a valid field");
        head.push(b"X-Cache", b"miss").expect("a valid field");
        head.push(b"x-cache", b"hit").expect("a valid field");
        exchange.reply.head(head);
        let _ = exchange.reply.finish(Chunk::Borrowed(b""));
    })
}

const CLOSING: &str = "Host: t\r\nConnection: close\r\nReferer: http://r/?token=3\r\n\r\n";

#[test]
fn fields_of_the_response_and_variables_of_the_environ_stand_where_the_pattern_has_them() {
    let format = pattern(
        "%({REQUEST_URI}e)s %({X-Cache}o)s %({no}e)s %({x-no}o)s \"%({user}e)s\" %({Location}o)s",
    );
    let requests = ["/", "/raises"].map(|path| format!("GET {path} HTTP/1.1\r\n{CLOSING}"));
    let requests = [&*requests[0], &requests[1], "no request\r\n\r\n"];
    let set = |settings: &mut Settings| settings.observability.access_log_format = format;
    let mut lines = lines(set, redirecting(), &requests);
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            r#"- - - - "-" -"#,
            r#"/a?token=1 - - - "a\"b" -"#,
            r#"/a?token=1 hit - - "a\"b" /b?token=2"#,
        ]
    );
}

#[test]
fn queries_are_left_out_of_everything_that_is_a_url() {
    let patterns = "%(r)s %(q)s %(f)s %({referer}i)s %({location}o)s %({REQUEST_URI}e)s";
    for format in [AccessLogFormat::Json, AccessLogFormat::combined(), pattern(patterns)] {
        let has_query = |queries: bool| {
            let set = |settings: &mut Settings| {
                settings.observability.access_log_format = format.clone();
                settings.observability.access_log_query = queries;
            };
            let request = format!("GET /path?token=0 HTTP/1.1\r\n{CLOSING}");
            let lines = lines(set, redirecting(), &[&request]);
            assert!(lines[0].contains("/path"), "{}", lines[0]);
            lines[0].contains("token")
        };
        assert!(has_query(true));
        assert!(!has_query(false), "{format:?}");
    }
}
