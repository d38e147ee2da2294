//! Property tests: layers merge correctly, and no input makes the crate panic.

mod written;

use maitred_config::{
    Candidate, Colour, Found, Gil, Invocation, Kind, Packing, Setting, SettingsFile, Sources,
    System, Value, import, load, settings,
};
use proptest::prelude::*;
use written::{texts, toml_line};

/// Each case writes many files, one after the other, which takes Wine minutes for as many as elsewhere.
const CASES_OF_FILES: u32 = if cfg!(windows) { 4 } else { 48 };

/// Settings of which any may be set beside any other.
fn independent() -> Vec<&'static Setting> {
    let alone = [
        "host",
        "port",
        "listen",
        "unix-socket",
        "sockets",
        "ipv4",
        "ipv6",
        "strict-env",
        "supervisor",
        "reload",
        "max-requests-jitter",
        // Others follow it, unless they are set.
        "channel-timeout",
    ];
    settings().filter(|setting| !alone.contains(&setting.name)).collect()
}

/// The timeout that others follow where they are not set.
const CHANNEL: &str = "channel-timeout";
const FOLLOWERS: [&str; 4] =
    ["keep-alive-timeout", "header-timeout", "body-timeout", "write-timeout"];

/// For each of four layers, which settings it sets, and to which of their texts.
fn layers() -> impl Strategy<Value = [Vec<(usize, usize)>; 4]> {
    let layer = || prop::collection::vec((0..independent().len(), 0..4_usize), 0..12);
    [layer(), layer(), layer(), layer()]
}

/// One text for each setting of a layer; a setting that was drawn twice has the last.
fn drawn(layer: &[(usize, usize)]) -> Vec<(&'static Setting, String)> {
    let independent = independent();
    let mut drawn: Vec<(&'static Setting, String)> = Vec::new();
    for (setting, text) in layer {
        let setting = independent[*setting];
        drawn.retain(|(other, _)| other.name != setting.name);
        drawn.push((setting, texts(setting)[*text].clone()));
    }
    drawn
}

/// What the `config` crate makes of the same layers: the text that is left of each setting.
fn merged_by_config(layers: &[Vec<(&'static Setting, String)>]) -> config::Config {
    let mut merged = config::Config::builder();
    for layer in layers {
        let texts: serde_json::Map<String, serde_json::Value> = layer
            .iter()
            .map(|(setting, text)| (setting.name.into(), text.as_str().into()))
            .collect();
        let json = serde_json::Value::Object(texts).to_string();
        merged = merged.add_source(config::File::from_str(&json, config::FileFormat::Json));
    }
    merged.build().expect("layers of plain texts")
}

/// The canonical value of a text, from a file of its own.
fn canonical(setting: &Setting, text: &str) -> serde_json::Value {
    let toml = format!("trusted-proxy = \"*\"\n{}", toml_line(setting, text));
    let toml = if setting.name == "trusted-proxy" { toml_line(setting, text) } else { toml };
    let loaded = written::Written { toml: &toml, ..Default::default() }.loaded();
    loaded.to_json(false)[setting.name].clone()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES_OF_FILES, failure_persistence: None, ..Default::default() })]

    #[test]
    fn random_layers_merge_as_the_config_crate_merges_them(layers in layers()) {
        let mut layers = layers.map(|layer| drawn(&layer));
        // A proxy is trusted from the start, for the settings that need one.
        let is_trusting = |(setting, _): &(&Setting, String)| setting.name == "trusted-proxy";
        if !layers[0].iter().any(is_trusting) {
            let trusted = maitred_config::find("trusted-proxy").expect("a setting");
            layers[0].push((trusted, "*".into()));
        }
        let [file, environment, flags, call] = &layers;
        let toml: String = file.iter().map(|(setting, text)| toml_line(setting, text)).collect();
        let mut arguments: Vec<String> =
            flags.iter().map(|(setting, text)| format!("--{}={text}", setting.name)).collect();
        arguments.extend(["config".into(), "show".into()]);
        let loaded = load(Sources {
            file: Some(SettingsFile {
                candidate: Candidate { path: "maitred.toml".into(), named_by: None },
                contents: Ok(toml.into_bytes()),
            }),
            environment: environment.iter().map(|(s, text)| (s.variable(), text.clone())).collect(),
            invocation: Some(Invocation::parse(arguments)),
            keywords: call.iter().map(|(s, text)| (s.keyword(), Value::Text(text.clone()))).collect(),
            found: Found::default(),
            cpus: 1,
            gil: Gil::Enabled,
            packing: Packing::Interpreter,
            directory: None,
            process: None,
            system: System::Linux,
        });
        let ours = loaded.expect("right layers").to_json(false);
        let theirs = merged_by_config(&layers);
        for setting in independent() {
            if let Ok(text) = theirs.get_string(setting.name) {
                let expected = canonical(setting, &text);
                prop_assert_eq!(&ours[setting.name], &expected, "{}", setting.name);
            } else if FOLLOWERS.contains(&setting.name) && theirs.get_string(CHANNEL).is_ok() {
                // It follows a timeout that was set; `precedence.rs` says how.
            } else if let Some(shown) = ours.get(setting.name) {
                let default = written::Written::default().loaded().to_json(false);
                prop_assert_eq!(shown, &default[setting.name], "{}", setting.name);
            }
        }
    }
}

/// Texts near enough to settings to get past the first check.
fn fragment() -> impl Strategy<Value = String> {
    let names: Vec<String> = settings().map(|setting| setting.name.to_owned()).collect();
    let values = settings()
        .filter(|setting| setting.kind != Kind::Descriptors)
        .flat_map(texts)
        .collect::<Vec<_>>();
    let marks = [
        "=", " = ", "\n", "\"", "[", "]", "{", "}", "--", "-", "no-", "-b", "-w", "_", ",",
        "MAITRED_", "PORT", "config", "show", "check", "0x", "1e9", "\u{feff}", "é", "\0", "%(",
        ":",
    ];
    prop_oneof![
        prop::sample::select(names),
        prop::sample::select(values),
        prop::sample::select(marks.map(str::to_owned).to_vec()),
        "\\PC{0,8}",
        any::<String>(),
    ]
}

fn fragments(most: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(fragment(), 0..most).prop_map(|fragments| fragments.concat())
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::None),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        any::<f64>().prop_map(Value::Float),
        fragments(3).prop_map(Value::Text),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| prop::collection::vec(inner, 0..4).prop_map(Value::List))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..Default::default() })]

    #[test]
    fn anything_at_all_gives_settings_or_problems(
        toml in prop_oneof![
            fragments(12).prop_map(String::into_bytes),
            any::<Vec<u8>>(),
        ],
        path in prop::sample::select(vec!["maitred.toml", "pyproject.toml", ""]),
        environment in prop::collection::vec((fragments(3), fragments(3)), 0..4),
        arguments in prop::collection::vec(fragments(4), 0..5),
        keywords in prop::collection::vec((fragments(2), value()), 0..4),
        cpus in any::<usize>(),
        gil in prop::sample::select(vec![Gil::Enabled, Gil::Disabled]),
        system in prop::sample::select(vec![System::Linux, System::Unix, System::Windows]),
        packing in prop::sample::select(vec![Packing::Interpreter, Packing::Packed]),
    ) {
        let loaded = load(Sources {
            file: Some(SettingsFile {
                candidate: Candidate { path: path.into(), named_by: None },
                contents: Ok(toml),
            }),
            environment,
            invocation: Some(Invocation::parse(arguments)),
            keywords,
            found: Found::default(),
            cpus,
            gil,
            directory: None,
            process: None,
            system,
            packing,
        });
        match loaded {
            Ok(loaded) => prop_assert!(!loaded.settings.network.listen.is_empty()),
            Err(problems) => {
                let report = problems.render(Colour::Never);
                prop_assert!(report.ends_with("; nothing was started\n"));
                prop_assert!(report.chars().all(|c| c == '\n' || !c.is_control()), "{:?}", report);
            }
        }
    }

    #[test]
    fn any_file_is_imported_or_refused(
        text in fragments(12),
        ending in prop::sample::select(vec!["ini", "yaml", "json", ""]),
    ) {
        let text = if ending == "ini" { format!("[server:main]\n{text}") } else { text };
        if let Ok(imported) = import(&format!("a.{ending}"), &text) {
            prop_assert!(imported.toml.starts_with("# Converted from"));
        }
    }
}
