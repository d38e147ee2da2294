//! Tests of `config import`.

mod written;

use maitred_config::{Endpoint, import};
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
            "`worker_class`: not needed: all workers are threads",
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
