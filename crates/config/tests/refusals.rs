//! Tests that invalid values are rejected in every layer.

mod written;

use maitred_config::{Count, Kind, Origin, Period, Setting, Size, Zero, settings};
use written::{Written, company};

/// Texts that a setting cannot be.
fn wrong(setting: &Setting) -> Vec<String> {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    match setting.kind {
        Kind::Flag => texts(&["maybe", "2", "-"]),
        Kind::Count(Count { least, most, .. }) => {
            vec![(least - 1).to_string(), (most + 1).to_string(), "1.5".into(), "many".into()]
        }
        Kind::CountOrAuto(_) => texts(&["0", "-1", "4097", "all"]),
        Kind::Duration(Period { zero: Zero::Refused }) => {
            texts(&["0", "0s", "-1", "1 week", "9000h"])
        }
        Kind::Duration(_) => texts(&["-1", "1 week", "9000h", "0.1ms"]),
        Kind::Size(Size { least }) => vec![(least - 1).to_string(), "1.5".into(), "1 bit".into()],
        Kind::SizeOrShare(_) => texts(&["-1", "0%", "101%", "2.5%", "1 bit"]),
        Kind::Mode => texts(&["8", "1777", "rw-------", "-1"]),
        Kind::Text(_) => texts(&["caf\u{e9}", "a\u{7}b"]),
        Kind::Prefix => texts(&["/a?b", "/a\u{7}"]),
        Kind::Choice(_) => texts(&["nonsense", "info warning"]),
        Kind::Host => texts(&["a b", "http://a", "[::1", "::g"]),
        Kind::Endpoint | Kind::Endpoints => texts(&["8080", "::1", "/run/x", "a:65536", "unix:"]),
        Kind::Proxies => texts(&["example.org", "10.0.0.0/33", "* 10.0.0.1"]),
        Kind::ProxyHeaders => texts(&["x-real-ip", "forwarded x-forwarded-for"]),
        Kind::UrlPaths => texts(&["healthz"]),
        Kind::AccessLogFormat => texts(&["extended", "%(h) %(r)s", "%(h"]),
        Kind::Module => texts(&["a.py", "a:b", "a/b", "a b"]),
        Kind::Application => texts(&["app.py", "a/b:c", ":app", "app:"]),
        Kind::SocketPath => vec!["unix:/a".into(), "/".repeat(108)],
        Kind::Path | Kind::Paths | Kind::Descriptors => Vec::new(),
    }
}

/// The one problem there is, and where it is said to be.
fn problem(case: &Written<'_>) -> (String, Option<Origin>) {
    let problems = case.load().expect_err(&format!("{case:?} is wrong"));
    assert_eq!(problems.iter().count(), 1, "{problems}");
    let only = problems.iter().next().expect("one problem");
    (only.message().to_owned(), only.origin().cloned())
}

#[test]
fn an_invalid_value_is_refused_once_in_every_layer() {
    let mut cases = 0;
    for setting in settings() {
        let name = format!("`{}` must be ", setting.name);
        for text in wrong(setting) {
            let toml = format!("{} = {}\n", setting.name, serde_json::json!(text));
            let variable = setting.variable();
            let environment = [(variable.as_str(), text.as_str())];
            let flag = format!("--{}={text}", setting.name);
            let company = company(setting);
            let base = Written { toml: company, ..Written::default() };

            let (message, origin) = problem(&Written { toml: &toml, ..base.clone() });
            assert!(message.starts_with(&name), "{message}");
            assert!(matches!(origin, Some(Origin::File { line: 1, .. })), "{origin:?}");

            let (message, origin) = problem(&Written { environment: &environment, ..base.clone() });
            assert!(message.starts_with(&name), "{message}");
            assert_eq!(origin, Some(Origin::Variable(variable.clone())));

            let arguments = [flag.as_str(), "config", "show"];
            let (message, origin) = problem(&Written { arguments: &arguments, ..base });
            assert!(message.starts_with(&name), "{message}");
            assert_eq!(origin, Some(Origin::CommandLine(format!("--{}", setting.name))));
            cases += 3;
        }
    }
    assert!(cases > 400, "{cases}");
}

#[test]
fn a_value_of_another_type_is_refused_in_a_file() {
    for setting in settings().filter(|setting| setting.kind != Kind::Descriptors) {
        for value in ["1979-05-27", "{ a = 1 }", "[[1]]", "[{}]"] {
            let toml = format!("{} = {value}\n", setting.name);
            let report = Written { toml: &toml, ..Written::default() }.report();
            assert!(report.contains(&format!("`{}` ", setting.name)), "{report}");
        }
    }
}

#[test]
fn an_invalid_value_is_reported_even_if_a_later_layer_replaces_it() {
    let case = Written {
        toml: "threads = \"lots\"\n",
        arguments: &["config", "show", "--threads=8"],
        ..Written::default()
    };
    let (message, _) = problem(&case);
    assert!(message.starts_with("`threads` must be "), "{message}");
}

#[test]
fn a_file_that_is_not_utf8_is_refused_where_it_stops_being_it() {
    let problems = maitred_config::load(maitred_config::Sources {
        file: Some(maitred_config::SettingsFile {
            candidate: maitred_config::Candidate { path: "a.toml".into(), named_by: None },
            contents: Ok(b"threads = 8\nident = \"\xff\"\n".to_vec()),
        }),
        ..Default::default()
    })
    .expect_err("it is not UTF-8");
    let only = problems.iter().next().expect("one problem");
    assert_eq!(only.message(), "the settings file is not valid UTF-8 here");
    assert_eq!(only.origin().map(ToString::to_string).as_deref(), Some("a.toml:2:10"));
}
