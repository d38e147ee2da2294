//! Any bytes as settings file, environment, command line and import give settings or problems.
//!
//! The input is four parts with 0xFF between them, a byte that UTF-8 does not have: the file,
//! variables as lines `NAME=value`, arguments as lines, and a file to import.

#![no_main]

use libfuzzer_sys::fuzz_target;
use maitred_config::{
    Candidate, Colour, Invocation, SettingsFile, ShowFormat, Sources, import, load,
};

fuzz_target!(|input: &[u8]| {
    let mut parts = input.splitn(4, |byte| *byte == 0xFF);
    let mut part = || parts.next().unwrap_or_default();
    let file = part().to_vec();
    let environment = String::from_utf8_lossy(part()).into_owned();
    let arguments = String::from_utf8_lossy(part()).into_owned();
    let foreign = String::from_utf8_lossy(part()).into_owned();
    let path = if file.first() == Some(&b'p') { "pyproject.toml" } else { "maitred.toml" };
    let loaded = load(Sources {
        file: Some(SettingsFile {
            candidate: Candidate { path: path.into(), named_by: None },
            contents: Ok(file),
        }),
        environment: environment
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (format!("MAITRED_{name}"), value.to_owned()))
            .collect(),
        invocation: Some(Invocation::parse(arguments.lines())),
        ..Sources::default()
    });
    match loaded {
        Ok(loaded) => {
            assert!(!loaded.settings.network.listen.is_empty());
            assert!(!loaded.show(ShowFormat::Toml, true).is_empty());
        }
        Err(problems) => assert!(!problems.render(Colour::Never).is_empty()),
    }
    for path in ["a.ini", "a.yaml", "a.json"] {
        drop(import(path, &foreign));
    }
});
