//! Tests of precedence: default < file < environment < command line, or keywords.

mod written;

use maitred_config::{Endpoint, Origin, Setting, Settings, Value, settings};
use written::{Written, company, texts, toml_line};

fn written_settings() -> impl Iterator<Item = &'static Setting> {
    settings().filter(|setting| setting.variable() != "MAITRED_SOCKETS")
}

/// The value as `config show` has it, and its origin.
fn shown(case: &Written<'_>, setting: &Setting) -> (serde_json::Value, Origin) {
    let loaded = case.loaded();
    let origin = loaded.origin(setting.name).expect("a setting").clone();
    (loaded.to_json(false)[setting.name].clone(), origin)
}

fn alone(setting: &Setting, text: &str) -> serde_json::Value {
    let variable = setting.variable();
    let environment = [(variable.as_str(), text)];
    let case = Written { toml: company(setting), environment: &environment, ..Written::default() };
    shown(&case, setting).0
}

#[test]
fn for_every_setting_and_every_choice_of_layers_the_last_one_wins() {
    let mut cases = 0;
    for setting in written_settings() {
        let [in_file, in_variable, in_flag, _] = texts(setting);
        let line = format!("{}{}", company(setting), toml_line(setting, &in_file));
        let variable = setting.variable();
        let environment = [(variable.as_str(), in_variable.as_str())];
        let flag = format!("--{}={in_flag}", setting.name);
        let arguments = [flag.as_str(), "config", "show"];
        for layers in 1..8_u8 {
            let has = |layer: u8| layers & (1 << layer) != 0;
            let case = Written {
                toml: if has(0) { &line } else { company(setting) },
                environment: if has(1) { &environment } else { &[] },
                arguments: if has(2) { &arguments } else { &[] },
                ..Written::default()
            };
            let (value, origin) = shown(&case, setting);
            let (text, is_origin) = match layers {
                4.. => (&in_flag, origin == Origin::CommandLine(format!("--{}", setting.name))),
                2.. => (&in_variable, origin == Origin::Variable(variable.clone())),
                _ => (&in_file, matches!(origin, Origin::File { .. })),
            };
            assert_eq!(value, alone(setting, text), "{} in layers {layers:03b}", setting.name);
            assert!(is_origin, "{} in layers {layers:03b}: {origin}", setting.name);
            cases += 1;
        }
    }
    assert!(cases > 300, "{cases}");
}

#[test]
fn a_keyword_replaces_the_file_and_the_environment() {
    for setting in written_settings() {
        let [in_file, in_variable, _, in_call] = texts(setting);
        let line = format!("{}{}", company(setting), toml_line(setting, &in_file));
        let (variable, keyword) = (setting.variable(), setting.keyword());
        let case = Written {
            toml: &line,
            environment: &[(variable.as_str(), in_variable.as_str())],
            keywords: vec![(keyword.as_str(), Value::Text(in_call.clone()))],
            ..Written::default()
        };
        let (value, origin) = shown(&case, setting);
        assert_eq!(value, alone(setting, &in_call), "{}", setting.name);
        assert_eq!(origin, Origin::Keyword(keyword.clone()));
    }
}

#[test]
fn without_anything_every_setting_is_its_default() {
    let loaded = Written::default().loaded();
    assert_eq!(loaded.settings, Settings::default());
    assert_eq!(loaded.warnings, []);
    assert_eq!(loaded.changed().count(), 0);
    assert!(settings().all(|setting| loaded.origin(setting.name) == Some(&Origin::Default)));
    assert_eq!(loaded.origin("nonsense"), None);
}

fn listening(case: &Written<'_>) -> Vec<String> {
    case.loaded().settings.network.listen.iter().map(Endpoint::to_string).collect()
}

#[test]
fn a_later_layer_that_says_where_to_listen_replaces_every_other_way() {
    let mut case = Written { toml: "listen = [\"a:1\", \"a:2\"]\n", ..Written::default() };
    assert_eq!(listening(&case), ["a:1", "a:2"]);
    case.environment = &[("MAITRED_PORT", "9000")];
    assert_eq!(listening(&case), ["a:9000"]);
    case.environment = &[("MAITRED_PORT", "9000"), ("MAITRED_HOST", "0.0.0.0")];
    assert_eq!(listening(&case), ["0.0.0.0:9000"]);
    case.arguments = &["config", "show", "--unix-socket=/run/web.sock"];
    assert_eq!(listening(&case), ["unix:/run/web.sock"]);
}

#[test]
fn a_port_that_replaces_addresses_opens_no_others() {
    for (toml, expected) in [
        ("listen = \"127.0.0.1:8000\"\n", "127.0.0.1:9000"),
        ("listen = \"*:8000\"\n", "*:9000"),
        ("listen = [\"unix:/run/web.sock\", \"[::1]:80\"]\n", "[::1]:9000"),
        ("listen = [\"127.0.0.1:8000\", \"[::1]:8000\"]\n", "localhost:9000"),
        ("unix-socket = \"/run/web.sock\"\n", "127.0.0.1:9000"),
        ("listen = \"fd://3\"\n", "127.0.0.1:9000"),
        ("port = 80\n", "0.0.0.0:9000"),
    ] {
        let environment = &[("MAITRED_PORT", "9000")];
        let case = Written { toml, environment, ..Written::default() };
        assert_eq!(listening(&case), [expected], "{toml}");
        let case = Written { toml, arguments: &["a:b", "--port=9000"], ..Written::default() };
        assert_eq!(listening(&case), [expected], "{toml}");
    }
    let several = Written {
        toml: "listen = [\"127.0.0.1:1\", \"10.0.0.1:1\"]\n",
        environment: &[("MAITRED_PORT", "9000")],
        ..Written::default()
    };
    let report = several.report();
    assert!(
        report.starts_with("error: `port` replaces `listen`, which has several hosts\n"),
        "{report}"
    );
    assert!(report.contains("environment variable MAITRED_PORT"), "{report}");
}

#[test]
fn an_empty_variable_is_never_an_error() {
    for setting in written_settings() {
        for empty in ["", " "] {
            let variable = setting.variable();
            let environment = &[(variable.as_str(), empty)];
            let loaded = Written { environment, ..Written::default() }.loaded();
            assert_eq!(loaded.warnings, [], "{variable}");
            let flag = format!("--{}={empty}", setting.name);
            if setting.default.is_none() && !["listen", "unix-socket"].contains(&setting.name) {
                Written { arguments: &["config", "show", &flag], ..Written::default() }.loaded();
            }
        }
    }
}

#[test]
fn host_and_port_of_different_layers_make_one_address() {
    let case = Written {
        toml: "host = \"::1\"\n",
        environment: &[("MAITRED_PORT", "9000")],
        ..Written::default()
    };
    assert_eq!(listening(&case), ["[::1]:9000"]);
}

#[test]
fn the_port_of_the_platform_counts_when_nobody_says_where_to_listen() {
    let environment = &[("PORT", "5000"), ("WEB_CONCURRENCY", "1")];
    let mut case = Written { environment, ..Written::default() };
    assert_eq!(listening(&case), ["0.0.0.0:5000"]);
    assert_eq!(case.loaded().origin("port"), Some(&Origin::Variable("PORT".into())));
    case.toml = "host = \"127.0.0.1\"\n";
    assert_eq!(listening(&case), ["127.0.0.1:5000"]);
    case.toml = "port = 80\n";
    assert_eq!(listening(&case), ["0.0.0.0:80"]);
    case.toml = "listen = \"*:81\"\n";
    assert_eq!(listening(&case), ["*:81"]);
    case.toml = "unix-socket = \"/run/web.sock\"\n";
    assert_eq!(listening(&case), ["unix:/run/web.sock"]);
}

#[test]
fn a_variable_of_the_platform_that_is_not_used_cannot_be_wrong() {
    let environment = &[("PORT", "http"), ("WEB_CONCURRENCY", "many")];
    let toml = "port = 80\nworkers = 1\n";
    assert_eq!(listening(&Written { toml, environment, ..Written::default() }), ["0.0.0.0:80"]);
    let report = Written { environment, ..Written::default() }.report();
    assert!(report.contains("environment variable PORT"), "{report}");
    assert!(report.contains("environment variable WEB_CONCURRENCY"), "{report}");
}

#[test]
fn a_variable_is_read_as_its_declaration_says_and_not_as_it_looks() {
    let case = Written {
        environment: &[
            ("MAITRED_IDENT", "123"),
            ("MAITRED_UNIX_SOCKET", "/run/web.sock"),
            ("MAITRED_UNIX_SOCKET_PERMS", "660"),
            ("MAITRED_SERVER_NAME", "true"),
            ("MAITRED_THREADS", ""),
            ("MAITRED_PYTHON_PATH", if cfg!(windows) { r"C:\a;/b" } else { "/a:/b" }),
        ],
        ..Written::default()
    };
    let settings = case.loaded().settings;
    assert_eq!(settings.application.ident.as_deref(), Some("123"));
    assert_eq!(settings.application.server_name, "true");
    assert_eq!(settings.limits.threads, 4);
    let first = if cfg!(windows) { r"C:\a" } else { "/a" };
    assert_eq!(settings.application.python_path, [first, "/b"].map(std::path::PathBuf::from));
    let socket = Endpoint::Unix { path: "/run/web.sock".into(), mode: 0o660 };
    assert_eq!(settings.network.listen, [socket]);
}

#[test]
fn service_links_of_kubernetes_set_nothing() {
    let environment = &[
        ("MAITRED_PORT", "tcp://10.0.0.1:80"),
        ("MAITRED_SERVICE_HOST", "10.0.0.1"),
        ("MAITRED_PORT_80_TCP_ADDR", "10.0.0.1"),
    ];
    let arguments = &["config", "show", "--strict-env"];
    let loaded = Written { environment, arguments, ..Written::default() }.loaded();
    assert_eq!(loaded.settings.network.listen, Settings::default().network.listen);
    assert_eq!(loaded.warnings, []);
}

#[test]
fn an_empty_text_unsets_a_value() {
    let case = Written {
        toml: "ident = \"x\"\naccess-log = \"/a\"\n",
        environment: &[("MAITRED_ACCESS_LOG", "")],
        arguments: &["config", "show", "--ident="],
        ..Written::default()
    };
    let settings = case.loaded().settings;
    assert_eq!((settings.application.ident, settings.observability.access_log), (None, None));
}

#[test]
fn an_empty_text_never_unsets_a_listening_address() {
    for (name, place) in [("unix-socket", "/run/web.sock"), ("listen", "127.0.0.1:81")] {
        let toml = format!("{name} = \"{place}\"\n");
        let variable = format!("MAITRED_{}", name.replace('-', "_").to_ascii_uppercase());
        for empty in ["", " "] {
            let environment = &[(variable.as_str(), empty)];
            let case = Written { toml: &toml, environment, ..Written::default() };
            let listening = listening(&case).concat();
            assert!(listening.ends_with(place), "{listening}");

            let begins = format!("error: `{}` must be ", name);
            let file = format!("{name} = \"{empty}\"\n");
            let flag = format!("--{name}={empty}");
            let keyword = (name, Value::Text(empty.into()));
            for case in [
                Written { toml: &file, ..Written::default() },
                Written { arguments: &["config", "show", &flag], ..Written::default() },
                Written { keywords: vec![keyword], ..Written::default() },
            ] {
                let report = case.report().replace("unix_socket", "unix-socket");
                assert!(report.starts_with(&begins), "{report}");
                assert!(report.contains("leave it out to use `host` and `port`"), "{report}");
            }
        }
        // A keyword of None is no text, and Waitress's own default.
        let keywords = vec![(name, Value::None)];
        let unset = Written { keywords, ..Written::default() };
        assert_eq!(listening(&unset), ["0.0.0.0:8080"]);
    }
}

#[test]
fn threads_auto_follows_the_cpus() {
    let arguments = &["config", "show", "--threads=auto"];
    assert_eq!(Written { arguments, ..Written::default() }.loaded().settings.limits.threads, 12);
}

/// keep-alive, header, body and write timeout in seconds.
fn timeouts(toml: &str) -> [u64; 4] {
    let timeouts = Written { toml, ..Written::default() }.loaded().settings.timeouts;
    [timeouts.keep_alive, timeouts.header, timeouts.body, timeouts.write].map(|it| it.as_secs())
}

#[test]
fn timeouts_that_are_not_set_follow_the_one_of_the_connection() {
    assert_eq!(timeouts(""), [120, 30, 60, 60]);
    assert_eq!(timeouts("channel-timeout = 120"), [120, 30, 60, 60]);
    assert_eq!(timeouts("channel-timeout = 121"), [121, 30, 121, 121]);
    assert_eq!(timeouts("channel-timeout = 650"), [650, 30, 650, 650]);
    assert_eq!(timeouts("channel-timeout = 90"), [90, 30, 60, 60]);
    assert_eq!(timeouts("channel-timeout = 20"), [20, 20, 20, 20]);
    assert_eq!(timeouts("channel-timeout = 650\nwrite-timeout = 60"), [650, 30, 650, 60]);
}

#[test]
fn a_timeout_that_was_set_is_used_and_noted_if_it_is_longer_than_the_one_of_the_connection() {
    let case = Written { toml: "channel-timeout = 20\nbody-timeout = 90\n", ..Written::default() };
    assert_eq!(timeouts(case.toml), [20, 20, 90, 20]);
    let warning = "`body-timeout` (90s) is longer than `channel-timeout` (20s), and is used \
                   (maitred.toml:2:16)";
    assert_eq!(case.warnings(), [warning]);
}

#[test]
fn a_timeout_that_follows_another_says_so_where_it_is_shown() {
    let case = Written { toml: "channel-timeout = 650", ..Written::default() };
    let origin = |name| case.loaded().origin(name).expect("a setting").to_string();
    assert_eq!(origin("keep-alive-timeout"), "from channel-timeout");
    assert_eq!(origin("write-timeout"), "from channel-timeout");
    assert_eq!(origin("header-timeout"), "default");
    assert_eq!(case.loaded().to_json(false)["keep-alive-timeout"], "650s");
}

#[test]
fn defaults_that_were_set_are_not_among_the_changed_settings() {
    let toml = "threads = 5\nconnection-limit = 100\nbacklog = 1024\nport = 8080\n";
    let loaded = Written { toml, ..Written::default() }.loaded();
    let changed: Vec<&str> = loaded.changed().map(|(setting, _)| setting.name).collect();
    assert_eq!(changed, ["threads"]);
}

#[test]
fn the_table_of_pyproject_is_a_settings_file_and_the_rest_of_it_is_not_ours() {
    let case = Written {
        path: "pyproject.toml",
        toml: "[project]\nname = \"x\"\n[tool.maitred]\nthreads = 9\n[tool.ruff]\nx = 1\n",
        ..Written::default()
    };
    let loaded = case.loaded();
    assert_eq!(loaded.settings.limits.threads, 9);
    let origin = loaded.origin("threads").map(ToString::to_string);
    assert_eq!(origin.as_deref(), Some("pyproject.toml:4:11"));
    let without = Written { path: "pyproject.toml", toml: "[project]\n", ..Written::default() };
    assert_eq!(without.loaded().settings, Settings::default());
}
