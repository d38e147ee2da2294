//! Tests of what settings take from the surroundings of the process: its directory, and the sockets
//! that a service manager passes.

#![cfg(unix)]

mod written;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use maitred_config::{
    AccessLogTarget, Endpoint, Origin, Sources, load, path_text, unnamed_application,
};
use written::Written;

fn shown(case: &Written<'_>, setting: &str) -> serde_json::Value {
    case.loaded().to_json(false)[setting].clone()
}

#[test]
fn relative_paths_of_every_source_begin_where_the_process_was_started() {
    let directory = Some("/srv/app");
    let in_file = Written {
        toml: "listen = [\"unix:web.sock\", \"127.0.0.1:0\"]\ntemp-dir = \"./spool\"\n",
        directory,
        ..Written::default()
    };
    assert_eq!(
        shown(&in_file, "listen"),
        serde_json::json!(["unix:/srv/app/web.sock", "127.0.0.1:0"])
    );
    assert_eq!(shown(&in_file, "temp-dir"), "/srv/app/spool");
    let elsewhere = Written {
        environment: &[
            ("MAITRED_UNIX_SOCKET", "../web.sock"),
            ("MAITRED_ADMIN_LISTEN", "unix:admin.sock"),
        ],
        arguments: &["--access-log=access.log", "--chdir=site", "--python-path=src", "app:app"],
        directory,
        ..Written::default()
    };
    assert_eq!(shown(&elsewhere, "unix-socket"), "/srv/app/../web.sock");
    assert_eq!(shown(&elsewhere, "admin-listen"), "unix:/srv/app/admin.sock");
    assert_eq!(shown(&elsewhere, "access-log"), "/srv/app/access.log");
    assert_eq!(shown(&elsewhere, "chdir"), "/srv/app/site");
    assert_eq!(shown(&elsewhere, "python-path"), serde_json::json!(["src"]), "it follows chdir");
}

#[test]
fn every_path_may_be_in_a_folder_whose_name_is_not_utf8() {
    let folder = OsStr::from_bytes(b"/srv/caf\xe9");
    let case = Written {
        toml: "chdir = \"site\"\ntemp-dir = \"spool\"\nlog-config = \"logging.toml\"\n\
               access-log = \"access.log\"\nlisten = \"unix:web.sock\"\n\
               admin-listen = \"unix:admin.sock\"\n",
        ..Written::default()
    };
    let sources = Sources { directory: Some(folder.into()), ..case.sources() };
    let settings = load(sources).expect("right settings").settings;
    let within = |name: &str| Path::new(folder).join(name);
    assert_eq!(settings.application.chdir, Some(within("site")));
    assert_eq!(settings.application.temp_dir, Some(within("spool")));
    assert_eq!(settings.observability.log_config, Some(within("logging.toml")));
    let log = AccessLogTarget::File(within("access.log"));
    assert_eq!(settings.observability.access_log, Some(log));
    for (endpoint, name) in [
        (&settings.network.listen[0], "web.sock"),
        (&settings.network.admin_listen.expect("one"), "admin.sock"),
    ] {
        assert!(matches!(endpoint, Endpoint::Unix { path, .. } if *path == within(name)));
    }
}

#[test]
fn an_application_is_looked_for_in_a_folder_whose_name_is_not_utf8_and_people_are_shown_its_bytes()
{
    let folder = OsStr::from_bytes(b"/srv/caf\xe9");
    let flag = format!("--chdir={}", path_text::from_os(folder));
    let case = Written { arguments: &["check", &flag], ..Written::default() };
    assert_eq!(unnamed_application(&case.sources()).as_deref(), Some(Path::new(folder)));

    let path = path_text::from_os(&Path::new(folder).join("maitred.toml").into_os_string());
    let wrong = Written { toml: "threds = 8\n", path: &path, ..Written::default() };
    assert!(wrong.report().contains("--> /srv/caf\\xe9/maitred.toml:1:1\n"), "{}", wrong.report());
}

#[test]
fn absolute_paths_and_standard_output_stay_as_they_are() {
    let case = Written {
        arguments: &["--access-log=-", "--unix-socket=/run/web.sock", "app:app"],
        directory: Some("/srv/app"),
        ..Written::default()
    };
    assert_eq!(shown(&case, "access-log"), "-");
    assert_eq!(shown(&case, "unix-socket"), "/run/web.sock");
}

const OURS: [(&str, &str); 2] = [("LISTEN_FDS", "2"), ("LISTEN_PID", "4711")];

#[test]
fn passed_sockets_are_served_if_nothing_else_says_where_to_listen() {
    let case = Written { environment: &OURS, arguments: &["app:app"], ..Written::default() };
    let loaded = case.loaded();
    assert_eq!(loaded.settings.network.listen, [Endpoint::Descriptor(3), Endpoint::Descriptor(4)]);
    assert_eq!(loaded.origin("listen"), Some(&Origin::Variable("LISTEN_FDS".into())));
    assert_eq!(case.warnings(), [""; 0]);
}

#[test]
fn sockets_that_were_passed_to_another_process_are_none() {
    let others = [("LISTEN_FDS", "1"), ("LISTEN_PID", "1")];
    for environment in [&others[..], &others[..1]] {
        let case = Written { environment, arguments: &["app:app"], ..Written::default() };
        assert!(matches!(case.loaded().settings.network.listen[..], [Endpoint::Tcp { .. }]));
        assert_eq!(case.warnings(), [""; 0]);
    }
}

#[test]
fn passed_sockets_that_are_not_used_are_named() {
    let port = [OURS[0], OURS[1], ("PORT", "8000")];
    for (environment, arguments, unused, said) in [
        (&OURS[..], &["--listen=fd://3", "app:app"][..], "fd://4", "`listen`"),
        (&OURS[..], &["--host=127.0.0.1", "app:app"], "fd://3, fd://4", "`host`"),
        (&port[..], &["app:app"], "fd://3, fd://4", "`port`"),
    ] {
        let case = Written { environment, arguments, ..Written::default() };
        let warnings = case.warnings();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        let warning = &warnings[0];
        assert!(warning.contains(&format!("the passed socket {unused} is not used")), "{warning}");
        assert!(warning.contains(said), "{warning}");
        assert!(!case.loaded().settings.network.listen.contains(&Endpoint::Descriptor(4)));
    }
}
