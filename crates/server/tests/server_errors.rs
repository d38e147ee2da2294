//! Tests of the trace that a response with a status of 500 or more leaves where there is no access log.

mod support;

#[path = "support/log.rs"]
mod log;

use std::sync::Arc;

use maitred_config::{AccessLogTarget, RequestId};
use maitred_http_parser::exchange::Chunk;
use maitred_http_parser::fault::ApplicationFault;
use maitred_http_parser::message::ResponseHead;
use support::{App, Served, eventually, metric, settings};

/// Answers with the status of the path, or fails.
fn failing() -> Arc<App> {
    App::new(|mut exchange| {
        let status = exchange.head.path()[1..4].to_vec();
        match ResponseHead::new(&[&status, &b" As asked"[..]].concat()) {
            Ok(head) => {
                exchange.reply.head(head);
                let _ = exchange.reply.finish(Chunk::Borrowed(b""));
            }
            Err(_) => exchange.reply.fail(ApplicationFault::NotStarted),
        }
    })
}

#[test]
fn a_response_of_500_or_more_is_a_warning_unless_an_access_log_has_it() {
    log::listen();
    let generated = |path: &str| {
        let target = (!path.is_empty()).then(|| AccessLogTarget::File(path.into()));
        settings().with(|settings| {
            settings.observability.access_log = target;
            settings.observability.request_id = RequestId::Generate;
        })
    };
    let served = Served::start_patiently(generated(""), failing());
    for path in ["/200/fine", "/404/fine", "/503/said?token=1", "/fail/raised"] {
        served.get(path);
    }
    let lines = || log::lines_with("answered with a server error");
    eventually("both lines", || lines().len() == 2);
    // They are of two threads, and in no order.
    for (path, status) in [("/503/said", 503), ("/fail/raised", 500)] {
        let lines = log::lines_with(path);
        let [line] = &*lines else { panic!("{lines:?}") };
        assert!(
            line.starts_with("WARN maitred a request was answered with a server error"),
            "{line}"
        );
        for part in [
            " method=\"GET\"".to_owned(),
            format!(" path=\"{path}\""),
            format!(" status={status}"),
            " seconds=0.0".to_owned(),
            " request_id=\"".to_owned(),
        ] {
            assert!(line.contains(&part), "{part}: {line}");
        }
        assert!(!line.contains("token"), "{line}");
    }
    // Clients decide how many there are.
    for _ in 0..30 {
        served.get("/500/flood");
    }
    let telemetry = Arc::clone(&served.telemetry);
    drop(served); // no thread has anything left to say
    let requests = "maitred_requests_total{worker=\"0\",method=\"GET\",code=\"500\"}";
    assert_eq!(metric(&telemetry.scrape(), requests), 31.0);
    assert_eq!(log::lines_with("/500/flood").len(), 18);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("access.log");
    let logged = Served::start(generated(path.to_str().expect("a path")), failing());
    assert_eq!(logged.get("/500/logged").status, 500);
    drop(logged);
    assert!(log::lines_with("/500/logged").is_empty());
    assert!(std::fs::read_to_string(path).expect("the log").contains("/500/logged"));
}
