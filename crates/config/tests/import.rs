//! Tests of `config import`.

mod written;

use maitred_config::{Endpoint, Imported, Value, import, import_command_line, import_gunicorn};
use written::Written;

const PYRAMID: &str = r"
[DEFAULT]
run = /run/%(name)s
name = shop

[app:main]
use = egg:shop
sqlalchemy.url = sqlite:///%(here)s/shop.sqlite

[server:main]
use = egg:waitress#main
# two addresses
listen = localhost:6543
         unix:%(run)s/web.sock
threads = 8
url_scheme = https
expose_tracebacks = no
ident = 100%% ours\here
recv_bytes = 4096
max_request_body_size = 10485760
no_such_thing = 1
trusted_proxy = %(nowhere)s

[loggers]
keys = root
";

#[test]
fn a_pyramid_project_is_imported() {
    let imported = import("/srv/shop/production.ini", PYRAMID).expect("an INI file");
    assert_eq!(
        imported.toml,
        "\
# Converted from /srv/shop/production.ini by `maitred config import`.
# Left out: [app:main] is read by PasteDeploy: `app` names a module that calls `loadapp`.
# Left out: [loggers] is not about the server.
# Left out: `trusted_proxy` refers to `%(nowhere)s`, which is not in the file.
# Left out: `no_such_thing` is not a setting of Maitred.

# Application
url-scheme = \"https\"
ident = '100% ours\\here'

# Network
listen = [\"localhost:6543\", \"unix:/run/shop/web.sock\"]
recv-bytes = \"4KiB\"

# Limits
threads = 8
max-request-body-size = \"10MiB\"

# Observability
expose-tracebacks = false
"
    );
    let settings = Written { toml: &imported.toml, ..Written::default() }.loaded().settings;
    assert_eq!(
        settings.network.listen.iter().map(Endpoint::to_string).collect::<Vec<_>>().len(),
        2
    );
    assert_eq!(settings.limits.max_request_body_size, 10 << 20);
}

#[test]
fn here_is_the_folder_of_the_file_and_quotes_are_kept() {
    let ini = "[server:main]\nuse = egg:waitress\nunix_socket = %(here)s/web.sock\nident = \"x\"\n";
    let imported = import("/srv/app.ini", ini).expect("an INI file");
    assert!(imported.toml.contains("unix-socket = \"/srv/web.sock\""), "{}", imported.toml);
    assert!(imported.toml.contains("ident = '\"x\"'"), "{}", imported.toml);
    assert_eq!(imported.left_out, [""; 0]);
}

#[test]
fn yaml_and_json_are_imported() {
    let expected = "threads = 8\nconnection-limit = 200\n";
    let yaml = "server:\n  threads: 8\n  connection_limit: 200\nother:\n  a: 1\nbind: x\n";
    let imported = import("a.yaml", yaml).expect("a YAML file");
    assert!(imported.toml.contains(expected), "{}", imported.toml);
    let left_out = ["`other` is a table without settings", "`bind`: use `listen`"];
    assert_eq!(imported.left_out, left_out);
    let json = r#"{"threads": 8, "connection-limit": 200, "listen": ["*:1"], "app": {"x": 1}}"#;
    let imported = import("a.json", json).expect("a JSON file");
    assert!(imported.toml.contains(expected), "{}", imported.toml);
    assert!(imported.toml.contains("listen = [\"*:1\"]"), "{}", imported.toml);
}

#[test]
fn entries_without_a_setting_are_named() {
    let ini = "[server:main]\nuse = egg:gunicorn#main\nthreads = lots\nhost = a\nlisten = *:1\n\
               worker_class = gevent\n[server:two]\n";
    let imported = import("app.ini", ini).expect("an INI file");
    assert_eq!(
        imported.left_out,
        [
            "[server:two] is another server",
            "`use = egg:gunicorn#main` is another server, whose settings may mean something else",
            "`worker_class`: not needed: each worker process serves with threads, `threads` of them",
            "`threads` must be a whole number of at least 1, or `auto`, not `lots`",
            "nothing, but `host` and `listen` cannot both be set",
        ]
    );
}

#[test]
fn a_file_of_another_format_is_refused() {
    let message = |path, text| {
        let problems = import(path, text).expect_err("to be refused").to_string();
        problems.lines().next().unwrap_or_default().to_owned()
    };
    assert_eq!(message("a.toml", ""), "error: cannot import `a.toml`: unknown format");
    assert_eq!(message("a.ini", "[x]\n"), "error: `a.ini` has no [server:main] section");
    assert!(message("a.json", "{").starts_with("error: cannot read `a.json`: "));
    assert!(message("a.yaml", "a: [").starts_with("error: cannot read `a.yaml`: "));
    assert!(message("a.json", "[1]").starts_with("error: cannot read `a.json`: "));
}

#[test]
fn a_name_that_refers_to_itself_ends() {
    let ini = "[DEFAULT]\na = %(b)s%(b)s\nb = %(a)s%(a)s\n[server:main]\nident = %(a)s\n";
    let imported = import("app.ini", ini).expect("an INI file");
    assert!(imported.left_out.iter().any(|left| left.contains("`ident`")), "{imported:?}");
}

fn gunicorn(line: &str) -> Imported {
    let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    import_command_line(&words).expect("a command line").expect("of gunicorn")
}

fn uwsgi(options: &str) -> Imported {
    import("uwsgi.ini", &format!("[uwsgi]\n{options}")).expect("an INI file")
}

fn has(imported: &Imported, lines: &[&str]) {
    for line in lines {
        assert!(imported.toml.lines().any(|found| found == *line), "{line}:\n{}", imported.toml);
    }
}

#[test]
fn an_application_that_was_served_by_one_thread_is_served_by_one() {
    let sentence = "nothing, but `threads` is 1, as it was: raise it if the application is \
                    thread-safe";
    for imported in [
        gunicorn("gunicorn -w 4 shop.wsgi"),
        gunicorn("gunicorn -k sync -w 4 shop.wsgi"),
        gunicorn("gunicorn --worker-class=gthread shop.wsgi"),
        uwsgi("module = shop.wsgi\nprocesses = 4\nenable-threads = true\n"),
    ] {
        has(&imported, &["threads = 1"]);
        assert!(imported.left_out.iter().any(|left| left == sentence), "{imported:?}");
    }
    has(&gunicorn("gunicorn --threads 8 shop.wsgi"), &["threads = 8"]);
    has(&uwsgi("threads = 8\n"), &["threads = 8"]);
    for imported in [gunicorn("gunicorn -k gevent shop.wsgi"), uwsgi("gevent = 100\n")] {
        assert!(!imported.toml.contains("threads ="), "{}", imported.toml);
    }
}

#[test]
fn gunicorns_addresses_keep_its_port_and_its_commas() {
    let listen = |line: &str| {
        let imported = gunicorn(&format!("gunicorn --threads 2 {line} shop.wsgi"));
        let lines = imported.toml.lines().find(|line| line.starts_with("listen"));
        lines.map(str::to_owned).unwrap_or_default()
    };
    assert_eq!(listen("-b 10.0.0.1"), "listen = [\"10.0.0.1:8000\"]");
    assert_eq!(listen("-b [::1] -b :80"), "listen = [\"[::1]:8000\", \":80\"]");
    assert_eq!(listen("-b unix:/run/s"), "listen = [\"unix:/run/s\"]");
    let both = import_gunicorn(
        "gunicorn.conf.py",
        vec![("bind".into(), Value::Text("127.0.0.1, tcp://10.0.0.1:81".into()))],
        Vec::new(),
    );
    has(&both, &["listen = [\"127.0.0.1:8000\", \"10.0.0.1:81\"]"]);
}

#[test]
fn what_has_the_same_meaning_is_converted() {
    let imported = gunicorn("gunicorn --limit-request-fields 200 --worker-tmp-dir /dev/shm shop");
    has(&imported, &["max-request-header-fields = 200"]);
    assert!(!imported.toml.contains("temp-dir ="), "{}", imported.toml);
    let heartbeat = "`worker-tmp-dir`: not needed: there is no heartbeat file";
    assert!(imported.left_out.iter().any(|left| left == heartbeat), "{imported:?}");

    let imported = uwsgi(
        "http-socket = /run/shop.sock\nhttp11-socket = :80\nchmod-socket\npythonpath = a\npp = b\n\
         limit-post = 1048576\nhttp-timeout = 300\npy-autoreload = 2\nprocesses = %k\nthreads = 2\n\
         module = shop.wsgi\n",
    );
    has(
        &imported,
        &[
            "listen = [\"unix:/run/shop.sock\", \":80\"]",
            "unix-socket-perms = \"666\"",
            "python-path = [\"a\", \"b\"]",
            "max-request-body-size = \"1MiB\"",
            "channel-timeout = \"300s\"",
            "reload = true",
            "workers = \"auto\"",
        ],
    );
}

#[test]
fn every_placeholder_of_uwsgi_is_named_and_a_percent_sign_is_none() {
    for placeholder in ["%d", "%(here)", "/srv/%n/app", "$(HOME)", "@(file)", "%p%%"] {
        let imported = uwsgi(&format!("chdir = {placeholder}\nthreads = 2\n"));
        let sentence = format!("`chdir` has a placeholder: `{placeholder}`");
        assert_eq!(imported.left_out, [sentence]);
        assert!(!imported.toml.contains("chdir ="), "{}", imported.toml);
    }
    has(&uwsgi("chdir = /srv/50%%\nthreads = 2\n"), &["chdir = \"/srv/50%\""]);
}

#[test]
fn an_option_of_uwsgi_without_counterpart_says_what_to_do_also_if_it_has_a_placeholder() {
    for (option, advice) in [
        ("pidfile = /run/%n.pid", "no pid file is written"),
        ("cheaper-initial = 2", "the number of worker processes is fixed"),
        ("static-map2 = /a=/b", "let the proxy or WhiteNoise serve static files"),
        ("stats-http = :9", "use `admin-listen`"),
        ("harakiri-verbose = true", "not needed"),
        ("disable-logging = true", "there is no access log"),
        ("mount = /shop=shop.wsgi", "use `url-prefix`"),
        ("ini = other.ini", "that file was not read"),
    ] {
        let imported = uwsgi(&format!("{option}\nthreads = 2\n"));
        let name = option.split(' ').next().unwrap_or_default();
        assert_eq!(imported.left_out.len(), 1, "{imported:?}");
        assert!(imported.left_out[0].starts_with(&format!("`{name}`: {advice}")), "{imported:?}");
    }
}
