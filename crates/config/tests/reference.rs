//! Tests that help, schema, sample, man page and reference page agree with the declarations.

mod written;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use maitred_config::{
    Change, Command, Effect, Invocation, Kind, Origin, Setting, Settings, Shell, ShowFormat, Words,
    reference, settings,
};
use serde_json::Value as Json;
use written::{Written, company, texts, toml_line};

fn written_settings() -> impl Iterator<Item = &'static Setting> {
    settings().filter(|setting| !matches!(setting.kind, Kind::Descriptors))
}

#[test]
fn every_setting_has_one_name_one_help_and_a_version() {
    let mut names = BTreeSet::new();
    for setting in settings() {
        assert!(names.insert(setting.name), "{} is declared twice", setting.name);
        assert!(
            setting.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        );
        assert!(setting.help.ends_with('.') && !setting.help.contains("  "), "{}", setting.name);
        assert!(!setting.since.is_empty());
        let has_something_to_show = setting.default.is_some() || !setting.example.is_empty();
        assert!(
            has_something_to_show || matches!(setting.kind, Kind::Descriptors),
            "{}",
            setting.name
        );
    }
}

#[test]
fn the_help_fits_100_columns_and_names_every_flag_variable_and_default() {
    let help = reference::help();
    assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
    for setting in written_settings() {
        let is_listed = help.contains(&format!("--{} ", setting.name))
            || help.contains(&format!("--{}[=", setting.name));
        assert_eq!(is_listed, setting.effect != Effect::Ignored, "{}", setting.name);
        if setting.effect == Effect::Ignored {
            continue;
        }
        let mut facts = format!("[env: {}]", setting.variable());
        match (setting.effect, setting.default) {
            (Effect::Real, Some("")) => facts.push_str(" [default: empty]"),
            (Effect::Real, Some(default)) => facts.push_str(&format!(" [default: {default}]")),
            _ => {}
        }
        assert!(help.contains(&facts), "{facts}");
    }
    for section in maitred_config::Section::ALL {
        assert!(help.contains(&format!("\n{section}:\n")), "{section}");
    }
}

#[test]
fn the_page_names_every_setting_with_its_variable_and_default() {
    let page = reference::settings_page();
    for setting in settings() {
        let start = page.find(&format!("### `{}`\n", setting.name)).expect(setting.name);
        let entry = page[start..].split("\n#").next().unwrap_or_default();
        assert!(entry.contains(setting.help));
        if let Some(default) = setting.default.filter(|default| !default.is_empty()) {
            assert!(entry.contains(&format!("default `{default}`")), "{}", setting.name);
        }
        let has_variable = entry.contains(&format!("`{}`", setting.variable()));
        assert_eq!(has_variable, !matches!(setting.kind, Kind::Descriptors), "{}", setting.name);
    }
}

#[test]
fn the_man_page_and_the_completions_name_every_flag() {
    let page = reference::man_page(&[]).expect("a page in memory").expect("a page");
    let bash = reference::completions(Shell::Bash);
    for setting in written_settings().filter(|setting| setting.effect != Effect::Ignored) {
        let in_roff = setting.name.replace('-', "\\-");
        assert!(page.contains(&format!("\\-\\-{in_roff}\\fR")), "{}", setting.name);
        assert!(page.contains(&setting.variable()), "{}", setting.name);
        assert!(bash.contains(&format!("--{}", setting.name)), "{}", setting.name);
    }
    for shell in [Shell::Zsh, Shell::Fish, Shell::Elvish, Shell::PowerShell] {
        assert!(reference::completions(shell).contains("connection-limit-action"), "{shell}");
    }
}

#[test]
fn every_command_has_a_manual_page_with_the_sections_that_it_needs() {
    let mut commands = vec![""];
    commands.extend(["serve", "dev", "check", "config", "top", "health", "status", "reload"]);
    commands.extend(["completions", "man", "version"]);
    commands.extend(["config show", "config schema", "config import"]);
    commands.sort_unstable();
    let mut pages: Vec<&str> = reference::manual_pages().collect();
    pages.sort_unstable();
    assert_eq!(pages, commands);
    for words in pages {
        let command: Vec<&str> = words.split_whitespace().collect();
        let page = reference::man_page(&command).expect("a page in memory").expect(words);
        let title = ["maitred"].iter().chain(&command).copied().collect::<Vec<_>>().join("-");
        assert!(page.contains(&format!(".TH {title} 1")), "{page}");
        let has = |title: &str| page.contains(&format!("\n.SH {title}\n"));
        assert!(has("\"EXIT STATUS\""), "{page}");
        let serves = ["", "serve", "dev"].contains(&words);
        assert_eq!((has("SIGNALS"), has("FILES") || !serves), (serves, true), "{words}");
        assert_eq!(has("EXAMPLES"), words != "version", "{words}");
    }
    assert_eq!(reference::man_page(&["nothing"]).expect("no error"), None);
}

#[test]
fn completions_know_the_words_of_each_choice() {
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        let script = reference::completions(shell);
        for setting in written_settings() {
            let Kind::Choice(Words(words)) = setting.kind else { continue };
            for word in words {
                assert!(script.contains(word), "{shell}: {} {word}", setting.name);
            }
        }
    }
    let bash = reference::completions(Shell::Bash);
    assert!(bash.contains(r#"compgen -W "reject wait""#), "{bash}");
}

#[test]
fn the_help_of_every_command_fits_100_columns_and_the_short_one_has_three_examples() {
    let help = |words: &[&str]| match Invocation::parse(words.iter().copied()).command {
        Command::Print(text) => text,
        other => panic!("{words:?} is {other:?}"),
    };
    for words in reference::manual_pages() {
        for flag in ["-h", "--help"] {
            let words: Vec<&str> = words.split_whitespace().chain([flag]).collect();
            let text = help(&words);
            assert!(text.lines().all(|line| line.chars().count() <= 100), "{words:?}:\n{text}");
            assert!(text.contains("Usage: maitred"), "{words:?}:\n{text}");
        }
    }
    let short = help(&["-h"]);
    assert!(short.lines().count() <= 80, "{short}");
    assert_eq!(short.lines().filter(|line| line.starts_with("  maitred ")).count(), 3, "{short}");
    assert!(!short.contains("channel-timeout"), "{short}");
}

#[test]
fn the_sample_has_every_setting_with_its_default_and_sets_none() {
    let sample = reference::sample();
    assert!(sample.lines().all(|line| line.chars().count() <= 100));
    assert!(sample.lines().all(|line| line.is_empty() || line.starts_with('#')));
    let mut defaults = String::new();
    for setting in written_settings() {
        let commented = format!("# {} = ", setting.name);
        let line = sample.lines().find(|line| line.starts_with(&commented)).expect(setting.name);
        let is_example = line.ends_with("  # an example: unset by default");
        assert_eq!(is_example, setting.default.is_none(), "{}", setting.name);
        if !is_example {
            defaults.push_str(line.trim_start_matches("# "));
            defaults.push('\n');
        }
    }
    let loaded = Written { toml: &defaults, ..Written::default() }.loaded();
    assert_eq!(loaded.settings, Settings::default());
    assert_eq!(loaded.warnings, []);
}

#[test]
fn a_file_that_starts_from_what_is_printed_follows_what_changes() {
    let shown = Written::default().loaded().show(ShowFormat::Toml, false);
    for beginning in [shown, reference::sample()] {
        let toml = format!("{beginning}channel-timeout = \"650s\"\nreload = true\n");
        let toml = toml.replacen("\nchannel-timeout = \"120s\"\n", "\n", 1);
        let toml = toml.replacen("\nreload = false\n", "\n", 1);
        let environment = &[("PORT", "5000"), ("WEB_CONCURRENCY", "1")];
        let loaded = Written { toml: &toml, environment, ..Written::default() }.loaded();
        let settings = &loaded.settings;
        assert_eq!(settings.timeouts.keep_alive.as_secs(), 650, "{toml}");
        assert_eq!(settings.timeouts.body.as_secs(), 650);
        assert_eq!(settings.timeouts.write.as_secs(), 650);
        assert_eq!(settings.timeouts.graceful.as_secs(), 1);
        assert_eq!(settings.network.listen[0].to_string(), "0.0.0.0:5000");
        assert_eq!(loaded.origin("workers"), Some(&Origin::Variable("WEB_CONCURRENCY".into())));
        assert_eq!(loaded.warnings, []);
    }
}

#[test]
fn the_examples_of_the_sample_are_right() {
    for setting in written_settings().filter(|setting| !setting.example.is_empty()) {
        let toml = format!("{}{} = {}\n", company(setting), setting.name, setting.example);
        let loaded = Written { toml: &toml, ..Written::default() }.loaded();
        assert_ne!(loaded.settings, Settings::default(), "{}", setting.name);
    }
}

#[test]
fn the_schema_has_every_setting_with_its_default_and_nothing_else() {
    let schema: Json = serde_json::from_str(&reference::schema()).expect("JSON");
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    assert_eq!(schema["$id"], "https://json.schemastore.org/maitred.json");
    assert_eq!(schema["additionalProperties"], false);
    let properties = schema["properties"].as_object().expect("an object");
    let named: BTreeSet<String> = properties.keys().cloned().collect();
    let spellings = |setting: &Setting| [setting.name.to_owned(), setting.keyword()];
    assert_eq!(named, written_settings().flat_map(spellings).collect());
    let shown = Written::default().loaded().to_json(false);
    for setting in written_settings().filter(|setting| setting.effect == Effect::Real) {
        let property = &properties[setting.name];
        assert_eq!(property["description"], setting.help);
        assert_eq!(property.get("default").unwrap_or(&Json::Null), &shown[setting.name]);
    }
}

#[test]
fn the_types_and_the_list_of_keywords_have_every_setting_but_the_application() {
    let (types, list) = (reference::python_types(), reference::keywords());
    assert!(types.lines().all(|line| line.chars().count() <= 100));
    for setting in settings() {
        let is_keyword = !matches!(setting.kind, Kind::Application);
        let keyword = setting.keyword();
        assert_eq!(types.contains(&format!("\n    {keyword}: ")), is_keyword, "{keyword}");
        assert_eq!(list.contains(&format!("\n- `{keyword}`")), is_keyword, "{keyword}");
    }
    assert!(types.contains("\n    log_format: Literal[\"text\", \"console\", \"json\"] | None\n"));
    assert!(types.contains("\n    port: int | None\n"));
    assert!(types.contains("\n    keep_alive_timeout: float | str | None\n"));
}

#[test]
fn the_output_of_config_show_is_a_file_with_the_same_settings() {
    for setting in written_settings() {
        for text in texts(setting) {
            let toml = format!("{}{}", company(setting), toml_line(setting, &text));
            let loaded = Written { toml: &toml, ..Written::default() }.loaded();
            for origins in [false, true] {
                let shown = loaded.show(ShowFormat::Toml, origins);
                let again = Written { toml: &shown, ..Written::default() }.loaded();
                assert_eq!(again.settings, loaded.settings, "{toml}{shown}");
            }
        }
    }
}

#[test]
fn config_show_prints_the_origin_of_each_value() {
    let loaded = Written {
        toml: "threads = 8\n",
        environment: &[("MAITRED_LOG_LEVEL", "debug")],
        arguments: &["config", "show", "--origin", "-b", "*:80"],
        ..Written::default()
    }
    .loaded();
    let toml = loaded.show(ShowFormat::Toml, true);
    for line in [
        "threads = 8  # maitred.toml:1:11",
        "log-level = \"debug\"  # environment variable MAITRED_LOG_LEVEL",
        "listen = [\"*:80\"]  # command line: --listen",
        "queue-limit = 1024  # default",
        "# keep-alive-timeout = \"120s\"  # default",
        "# access-log is not set",
    ] {
        assert!(toml.lines().any(|shown| shown == line), "{line:?} is not in\n{toml}");
    }
    assert!(!toml.contains("\nport ="), "the port is not used:\n{toml}");
    let json: Json = serde_json::from_str(&loaded.show(ShowFormat::Json, true)).expect("JSON");
    assert_eq!(json["threads"]["value"], 8);
    assert_eq!(json["threads"]["origin"], "maitred.toml:1:11");
    assert_eq!(json["access-log"]["value"], Json::Null);
    let plain: Json = serde_json::from_str(&loaded.show(ShowFormat::Json, false)).expect("JSON");
    assert_eq!(plain["max-request-body-size"], "1GiB");
}

/// `make docs` writes the files; this says when it has to.
#[test]
fn the_generated_files_are_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (path, made) in [
        ("docs/settings.md", reference::settings_page()),
        ("crates/cli/python/maitred/settings.py", reference::python_types()),
        ("crates/cli/src/python/keywords.md", reference::keywords()),
        ("docs/maitred.toml", reference::sample()),
        ("crates/cli/python/maitred/maitred.schema.json", reference::schema()),
    ] {
        let found = fs::read_to_string(root.join(path)).unwrap_or_default();
        assert!(found == made, "{path} is not current: `make docs` writes it");
    }
}

#[test]
fn a_restart_is_needed_for_what_belongs_to_the_sockets_or_to_the_supervisor() {
    let restart: Vec<&str> = settings()
        .filter(|setting| setting.change == Change::Restart && setting.effect != Effect::Ignored)
        .map(|setting| setting.name)
        .collect();
    assert_eq!(
        restart,
        [
            "host",
            "port",
            "listen",
            "ipv4",
            "ipv6",
            "unix-socket",
            "unix-socket-perms",
            "sockets",
            "backlog",
            "admin-listen",
            "supervisor",
            "preload",
            "reload",
            "metrics-by-worker",
        ]
    );
}
