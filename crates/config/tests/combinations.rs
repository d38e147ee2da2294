//! Tests of settings that are right one by one, and not together.

mod written;

use written::Written;

fn report(toml: &str) -> String {
    Written { toml, ..Written::default() }.report()
}

fn warnings(toml: &str) -> Vec<String> {
    Written { toml, ..Written::default() }.warnings()
}

#[test]
fn an_admin_listener_at_an_address_of_the_application_is_refused() {
    assert_eq!(
        report("listen = [\"*:80\", \"unix:/run/a\"]\nadmin-listen = \"unix:/run/a\"\n"),
        "\
error: `admin-listen` is `unix:/run/a`, and the application is served on `unix:/run/a`
  --> maitred.toml:2:16
   |
 1 | listen = [\"*:80\", \"unix:/run/a\"]
   |          ----------------------- `listen` is set here
 2 | admin-listen = \"unix:/run/a\"
   |                ^^^^^^^^^^^^^
1 problem; nothing was started
"
    );
    for toml in [
        "admin-listen = \"0.0.0.0:8080\"\n",
        "admin-listen = \"127.0.0.1:8080\"\n",
        "listen = \"127.0.0.1:1\"\nadmin-listen = \"*:1\"\n",
        "listen = \"[::]:1\"\nadmin-listen = \"[::1]:1\"\n",
        "listen = \"*:1\"\nadmin-listen = \"localhost:1\"\n",
        "unix-socket = \"/run/a\"\nadmin-listen = \"unix:/run/a\"\n",
        "listen = \"fd://3\"\nadmin-listen = \"fd://3\"\n",
    ] {
        assert!(report(toml).contains("and the application is served on"), "{toml}");
    }
    for toml in [
        "port = 0\nadmin-listen = \"127.0.0.1:0\"\n",
        "listen = \"[::]:1\"\nadmin-listen = \"127.0.0.1:1\"\n",
        "listen = \"127.0.0.2:1\"\nadmin-listen = \"127.0.0.1:1\"\n",
        "listen = \"*:1\"\nadmin-listen = \"*:2\"\n",
        "listen = \"fd://3\"\nadmin-listen = \"fd://4\"\n",
    ] {
        Written { toml, ..Written::default() }.loaded();
    }
}

#[test]
fn a_max_rss_without_its_unit_is_refused() {
    for (value, right) in [("250", "250MiB"), ("256000", "256000KiB"), ("\"200KB\"", "200000KiB")] {
        let report = report(&format!("max-rss = {value}\n"));
        let hint = format!("a size without a unit is in bytes: write `{right}`");
        assert!(report.contains("bytes, which every process exceeds"), "{report}");
        assert!(report.contains(&hint), "{report}");
    }
    let flag = Written { arguments: &["app:app", "--max-rss=250"], ..Written::default() };
    assert!(flag.report().starts_with("error: `max-rss` is 250 bytes"), "{}", flag.report());
}

#[test]
fn settings_that_others_leave_without_effect_are_named() {
    assert_eq!(
        warnings("request-timeout = 30\nslow-request = 60\n"),
        ["`slow-request` (60s) has no effect: `request-timeout` (30s) logs the stack before \
          (maitred.toml:2:16)"]
    );
    assert_eq!(
        warnings("max-requests = 0\nmax-requests-jitter = 5\n"),
        ["`max-requests-jitter` has no effect: `max-requests` is 0 (maitred.toml:2:23)"]
    );
    for toml in ["slow-request = 60\n", "request-timeout = 30\nslow-request = 10\n"] {
        assert_eq!(warnings(toml), [""; 0], "{toml}");
    }
}

#[test]
fn a_scheme_that_no_application_knows_is_named() {
    assert_eq!(
        warnings("url-scheme = \"htps\"\n"),
        ["`url-scheme` is `htps`, and neither `http` nor `https` (maitred.toml:1:14): \
          did you mean `https`?"]
    );
    assert_eq!(warnings("url-scheme = \"HTTPS\"\n").len(), 1);
    assert_eq!(warnings("url-scheme = \"https\"\n"), [""; 0]);
}

#[test]
fn a_timeout_that_is_set_to_its_default_and_left_behind_by_a_longer_one_is_named() {
    assert_eq!(
        warnings("channel-timeout = \"650s\"\nkeep-alive-timeout = \"120s\"\n"),
        ["`keep-alive-timeout` is set to its default (120s), and so does not follow \
          `channel-timeout` (650s) (maitred.toml:2:22): leave it out"]
    );
    for toml in [
        "channel-timeout = 650\nkeep-alive-timeout = 75\nbody-timeout = 30\n",
        "channel-timeout = 650\nheader-timeout = 30\n",
        "channel-timeout = 120\nkeep-alive-timeout = 120\nbody-timeout = 60\n",
        "channel-timeout = 90\nbody-timeout = 60\n",
    ] {
        assert_eq!(warnings(toml), [""; 0], "{toml}");
    }
}
