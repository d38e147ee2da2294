//! Tests of the access log.

mod support;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use maitred_config::{AccessLogFormat, AccessLogTarget, RequestId, Settings, TrustedProxies};
use maitred_http_parser::exchange::{Chunk, FileBody};
use maitred_http_parser::fault::ApplicationFault;
use maitred_server::{Gil, Listeners, Server, Telemetry};
use serde_json::Value;
use support::{App, Gate, Opens, Served, answer, eventually, ok, settings};

/// A log in a folder of its own.
struct Log {
    folder: tempfile::TempDir,
}

impl Log {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder can be made") }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("access.log")
    }

    fn settings(&self, format: AccessLogFormat) -> Settings {
        settings().with(|settings| {
            settings.observability.access_log = Some(AccessLogTarget::File(self.path()));
            settings.observability.access_log_format = format;
        })
    }

    fn pattern(&self, pattern: &str) -> Settings {
        self.settings(AccessLogFormat::parse(pattern).expect("a pattern"))
    }

    /// The lines, once the server has ended: all of them.
    fn lines(&self, served: Served) -> Vec<String> {
        drop(served);
        let text = std::fs::read(self.path()).expect("the log is there");
        assert!(text.is_empty() || text.ends_with(b"\n"), "the last line is not whole");
        let text = String::from_utf8(text).expect("a log is text");
        text.lines().map(str::to_owned).collect()
    }

    fn objects(&self, served: Served) -> Vec<Value> {
        let lines = self.lines(served);
        lines.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

fn hello() -> Arc<App> {
    App::new(|exchange| answer(exchange, b"hello"))
}

#[test]
fn combined_is_what_every_tool_reads() {
    let log = Log::new();
    let served = Served::start(log.settings(AccessLogFormat::combined()), hello());
    let mut client = served.connect();
    client.send(
        b"GET /a?b=c HTTP/1.1\r\nHost: t\r\nUser-Agent: curl/8 \"x\"\r\nReferer: http://r/\r\n\r\n",
    );
    assert_eq!(client.answer().status, 200);
    client.send(b"HEAD / HTTP/1.0\r\n\r\n");
    assert_eq!(client.head().status, 200);
    let mut client = served.connect();
    client.send(b"PUT /c HTTP/1.1\r\nHost: t\r\nContent-Length: x\r\n\r\n");
    assert_eq!(client.answer().status, 400);
    let mut client = served.connect();
    client.send(b"GET /d HTTP/1.1\r\nHost: ");
    client.half_close();
    assert_eq!(client.answer().status, 400);
    let lines = log.lines(served);
    // Those of several connections have no order.
    let with = |part: &str| {
        lines
            .iter()
            .find(|line| line.contains(part))
            .unwrap_or_else(|| panic!("no {part}: {lines:?}"))
    };
    let (first, second) = (with("/a?b=c"), with("HEAD"));
    let (begin, rest) = first.split_once(" [").expect("a date");
    let (date, rest) = rest.split_once("] ").expect("the end of the date");
    assert_eq!(begin, "127.0.0.1 - -");
    assert_eq!(date.len(), "10/Oct/2000:13:55:36 +0000".len());
    assert_eq!(rest, r#""GET /a?b=c HTTP/1.1" 200 5 "http://r/" "curl/8 \"x\"""#);
    assert!(second.ends_with(r#""HEAD / HTTP/1.0" 200 - "-" "-""#), "{second}");
    with(r#""PUT /c HTTP/1.1" 400 "#);
    with(r#""GET /d HTTP/1.1" 400 "#);
    assert_eq!(lines.len(), 4);
}

#[test]
fn a_request_stands_in_one_line_whatever_becomes_of_it() {
    let log = Log::new();
    let application = App::new(|mut exchange| match exchange.head.path() {
        b"/raises" => exchange.reply.fail(ApplicationFault::NotStarted),
        b"/breaks" => {
            exchange.reply.head(ok());
            let _ = exchange.reply.chunk(Chunk::Borrowed(b"half of it"));
            exchange.reply.fail(ApplicationFault::NotStarted);
        }
        b"/dropped" => drop(exchange),
        _ => answer(exchange, b"hello"),
    });
    let pattern = "%(m)s %(U)s %(s)s %(result)s";
    let served = Served::start(log.pattern(pattern), application);
    let ask = |request: &[u8]| {
        let mut client = served.connect();
        client.send(request);
        client.rest();
    };
    ask(b"GET /fine HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
    ask(b"GET /raises HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
    ask(b"GET /breaks HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
    ask(b"GET /dropped HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
    ask(b"not a request\r\n\r\n");
    ask(b"POST /both HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n");
    ask(b"POST /chunks HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nno size\r\n");
    let mut leaves = served.connect();
    leaves.send(b"POST /leaves HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nhalf");
    leaves.half_close();
    leaves.rest();
    let mut leaves = served.connect();
    leaves.send(b"GET /head HTTP/1.1\r\nHos");
    leaves.half_close();
    leaves.rest();
    eventually("nine requests", || served.telemetry.requests() == 9);
    let mut lines = log.lines(served);
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "- - 400 complete",
            "GET /breaks 200 cut",
            "GET /dropped 500 complete",
            "GET /fine 200 complete",
            "GET /head 400 read",
            "GET /raises 500 complete",
            "POST /both 400 complete",
            "POST /chunks 400 complete",
            "POST /leaves 400 read",
        ]
    );
}

#[test]
fn a_response_that_the_server_breaks_off_is_cut_and_one_that_was_whole_before_is_complete() {
    let gate = Gate::new();
    let inside = gate.clone();
    let application = App::new(move |mut exchange| {
        let mut head = ok();
        head.push(b"Content-Length", b"2000").expect("a valid field");
        exchange.reply.head(head);
        if exchange.head.path() == b"/shrinks" {
            let file = tempfile::tempfile().expect("a file");
            file.set_len(1000).expect("room on the disk");
            let _ = exchange.reply.file(FileBody { file, offset: 0, length: 2000, owner: None });
        } else {
            let length = if exchange.head.path() == b"/whole" { 2000 } else { 1000 };
            let _ = exchange.reply.chunk(Chunk::Borrowed(&vec![b'x'; length]));
            inside.pass();
        }
        let _ = exchange.reply.finish(Chunk::Borrowed(b""));
    });
    let log = Log::new();
    let settings = log
        .pattern("%(U)s %(s)s %(result)s")
        .with(|settings| settings.timeouts.request = Some(Duration::from_secs(10)));
    let telemetry = support::standing(&settings);
    let served = Served::start_whole(settings, application, Gil::Disabled, telemetry);
    let _opens = Opens(gate.clone());
    let mut shrinks = served.connect();
    shrinks.ask("/shrinks");
    shrinks.rest();
    served.until("maitred_connections_closed_total{worker=\"0\",reason=\"error\"}", 1.0);
    let mut slow = ["/whole", "/half"].map(|path| {
        let mut client = served.connect();
        client.ask(path);
        client
    });
    gate.wait_for(2);
    served.clock.advance(Duration::from_secs(10));
    served.running.tick();
    // Only Linux can reset a connection that a thread still holds.
    gate.open();
    for client in &mut slow {
        client.rest();
    }
    eventually("three requests", || served.telemetry.requests() == 3);
    let mut lines = log.lines(served);
    lines.sort_unstable();
    assert_eq!(lines, ["/half 200 cut", "/shrinks 200 cut", "/whole 200 complete"]);
}

#[test]
fn json_tells_all_that_is_known_and_nothing_that_is_not() {
    let log = Log::new();
    let settings = log.settings(AccessLogFormat::Json).with(|settings| {
        settings.proxies.trusted = TrustedProxies::Any;
        settings.observability.request_id = RequestId::Pass;
    });
    let served = Served::start(settings, hello());
    let mut client = served.connect();
    client.send(
        b"PUT /x?y HTTP/1.1\r\nHost: shop.example\r\nX-Request-ID: abc-1\r\nContent-Length: 3\r\n\
          traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\
          User-Agent: caf\xc3\xa9 \xff\r\n\r\nabc",
    );
    assert_eq!(client.answer().status, 200);
    client.send(b"broken\r\n\r\n");
    assert_eq!(client.answer().status, 400);
    let objects = log.objects(served);
    let whole = &objects[0];
    for (field, value) in [
        ("remote_addr", "127.0.0.1"),
        ("client_addr", "127.0.0.1"),
        ("method", "PUT"),
        ("target", "/x?y"),
        ("protocol", "HTTP/1.1"),
        ("result", "complete"),
        ("request_id", "abc-1"),
        ("trace_id", "0af7651916cd43dd8448eb211c80319c"),
        ("host", "shop.example"),
        ("user_agent", "café \u{fffd}"),
    ] {
        assert_eq!(whole[field], value, "{field} of {whole}");
    }
    assert_eq!(
        (&whole["status"], &whole["bytes"], &whole["request_bytes"]),
        (&200.into(), &5.into(), &3.into())
    );
    for field in ["duration", "app_time", "queue_time"] {
        assert!(whole[field].is_f64(), "{field} of {whole}");
    }
    let thread = whole["thread"].as_str().expect("a name");
    assert!(thread.starts_with("maitred-"), "{thread}");
    assert!(whole.get("referer").is_none());
    let refused = &objects[1];
    assert_eq!(refused["status"], 400);
    for field in ["method", "target", "thread", "app_time", "queue_time", "host"] {
        assert!(refused.get(field).is_none(), "{field} of {refused}");
    }
}

#[test]
fn the_servers_own_answers_count_with_their_length() {
    let log = Log::new();
    let settings =
        log.pattern("%(s)s %(b)s").with(|settings| settings.limits.max_request_body_size = 1);
    let failing = App::new(|mut exchange| exchange.reply.fail(ApplicationFault::NotStarted));
    let served = Served::start(settings, failing);
    let mut expected = Vec::new();
    let mut told = |answer: support::Answer, status: u16| {
        assert_eq!(answer.status, status);
        assert!(!answer.body.is_empty(), "{answer:?}");
        expected.push((status, answer.body.len()));
    };
    let large_field = format!("GET / HTTP/1.1\r\nHost: t\r\nX: {}\r\n\r\n", "x".repeat(300_000));
    for (request, status) in [
        ("mistake\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\nab", 413),
        (&*large_field, 431),
        ("GET / HTTP/1.1\r\nHost: t\r\n\r\n", 500),
    ] {
        let mut client = served.connect();
        client.send(request.as_bytes());
        told(client.answer(), status);
    }
    let mut late = served.connect();
    late.send(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\n\r\n");
    served.until("maitred_connections{worker=\"0\",state=\"reading\"}", 1.0);
    served.advance_until_heard(&mut late, Duration::from_secs(60));
    told(late.answer(), 408);
    let mut client = served.connect();
    client.send(b"HEAD / HTTP/1.1\r\nHost: t\r\n\r\n");
    assert_eq!(client.head().status, 500);
    eventually("six requests", || served.telemetry.requests() == 6);
    let sum: usize = expected.iter().map(|(_, length)| length).sum();
    served.until("maitred_response_body_bytes_total{worker=\"0\"}", sum as f64);
    let mut expected: Vec<_> = expected.iter().map(|(s, b)| format!("{s} {b}")).collect();
    expected.push("500 -".into());
    expected.sort();
    let mut lines = log.lines(served);
    lines.sort();
    assert_eq!(lines, expected);
}

#[test]
fn what_went_well_on_an_excluded_path_is_left_out() {
    let log = Log::new();
    let settings = log.pattern("%(U)s %(s)s").with(|settings| {
        settings.observability.access_log_exclude = vec!["/healthz".into()];
        settings.limits.max_request_body_size = 1;
    });
    let served = Served::start(settings, hello());
    assert_eq!(served.get("/healthz").status, 200);
    assert_eq!(served.get("/healthz?deep").status, 200);
    assert_eq!(served.get("/healthz/deep").status, 200);
    let mut client = served.connect();
    client.send(b"POST /healthz HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\nab");
    assert_eq!(client.answer().status, 413);
    eventually("four requests", || served.telemetry.requests() == 4);
    // An answer may be read before its line is written: two connections have no order.
    let mut lines = log.lines(served);
    lines.sort();
    assert_eq!(lines, ["/healthz 413", "/healthz/deep 200"]);
}

#[test]
fn a_log_that_was_moved_away_is_opened_anew() {
    let log = Log::new();
    let served = Served::start(log.pattern("%(U)s"), hello());
    assert_eq!(served.get("/before").status, 200);
    eventually("the first line", || {
        std::fs::read_to_string(log.path()).is_ok_and(|text| text == "/before\n")
    });
    let moved = log.folder.path().join("access.log.1");
    std::fs::rename(log.path(), &moved).expect("it can be moved");
    served.running.reopen_logs();
    eventually("the new file", || log.path().exists());
    assert_eq!(served.get("/after").status, 200);
    assert_eq!(log.lines(served), ["/after"]);
    assert_eq!(std::fs::read_to_string(moved).expect("it is still there"), "/before\n");
}

#[cfg(target_os = "linux")]
#[test]
fn lines_that_cannot_be_written_are_counted_and_nobody_waits() {
    let full = AccessLogTarget::File("/dev/full".into());
    let settings = settings().with(|settings| settings.observability.access_log = Some(full));
    let served = Served::start(settings, hello());
    for _ in 0..10 {
        assert_eq!(served.get("/").status, 200);
    }
    served.until("maitred_log_dropped_total{worker=\"0\",stream=\"access\"}", 10.0);
}

#[test]
fn a_log_that_cannot_be_opened_keeps_the_server_from_starting() {
    let refused = |settings: Settings| {
        let listeners = Listeners::bind(&settings).expect("a free port");
        let telemetry = Arc::new(Telemetry::new(&settings));
        let server = Server::new(Arc::new(settings), listeners, hello(), telemetry);
        server.start().expect_err("it must not start").to_string()
    };
    let nowhere = AccessLogTarget::File("/nowhere/access.log".into());
    let error =
        refused(settings().with(|settings| settings.observability.access_log = Some(nowhere)));
    assert!(error.starts_with("cannot open the access log /nowhere/access.log: "), "{error}");
}

#[test]
fn names_of_requests_are_taken_from_trusted_proxies_only() {
    for (trusted, rule, expected) in [
        (TrustedProxies::Any, RequestId::Pass, Some("mine")),
        (TrustedProxies::None, RequestId::Pass, None),
        (TrustedProxies::Any, RequestId::Off, None),
        (TrustedProxies::Any, RequestId::Generate, Some("mine")),
    ] {
        let log = Log::new();
        let settings = log.pattern("%(request_id)s").with(|settings| {
            settings.proxies.trusted = trusted;
            settings.observability.request_id = rule;
        });
        let application = App::new(|exchange| {
            let name = exchange.request_id.clone();
            answer(exchange, name.as_deref().unwrap_or("-").as_bytes());
        });
        let served = Served::start(settings, application);
        let mut client = served.connect();
        client.send(b"GET / HTTP/1.1\r\nHost: t\r\nX-Request-ID: mine\r\n\r\n");
        assert_eq!(client.answer().body, expected.unwrap_or("-").as_bytes());
        assert_eq!(log.lines(served), [expected.unwrap_or("-")]);
    }
}

#[test]
fn a_name_is_made_up_where_none_can_be_taken() {
    let log = Log::new();
    let settings = log
        .pattern("%(request_id)s")
        .with(|settings| settings.observability.request_id = RequestId::Generate);
    let served = Served::start(settings, hello());
    let mut client = served.connect();
    for _ in 0..2 {
        client.send(b"GET / HTTP/1.1\r\nHost: t\r\nX-Request-ID: forged\r\n\r\n");
        assert_eq!(client.answer().status, 200);
    }
    let names = log.lines(served);
    assert_ne!(names[0], names[1]);
    assert!(names.iter().all(|name| name.len() == 32), "{names:?}");
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(16))]

    /// Whatever a client sends, each request is one line, and each line of JSON one object.
    #[test]
    fn nobody_can_forge_a_line(
        agents in proptest::collection::vec(
            proptest::collection::vec(proptest::num::u8::ANY, 0..60), 1..20
        ),
        is_json in proptest::bool::ANY,
    ) {
        let log = Log::new();
        let format = if is_json { AccessLogFormat::Json } else { AccessLogFormat::combined() };
        let served = Served::start(log.settings(format), hello());
        for agent in &agents {
            let mut client = served.connect();
            client.send(b"GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\nUser-Agent: ");
            client.send(agent);
            client.send(b"\r\n\r\n");
            client.rest();
        }
        let count = agents.len() as u64;
        eventually("as many ends", || served.telemetry.requests() == count);
        let lines = log.lines(served);
        assert_eq!(lines.len(), agents.len());
        for line in lines {
            assert!(line.bytes().all(|byte| byte >= b' ' && byte != 0x7f), "{line:?}");
            if is_json {
                let object: Value = serde_json::from_str(&line).expect("JSON");
                assert!(object.is_object());
            } else {
                assert_eq!(line.replace("\\\\", "").replace("\\\"", "").matches('"').count() % 2, 0, "{line}");
            }
        }
    }
}
