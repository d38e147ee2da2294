//! Parses list values: listening addresses, proxies, field names, paths.

use super::{ENDPOINT, InvalidValue, Syntax, one_of, text};
use crate::declaration::Kind;
use crate::raw_value::{Value, shortened};
use crate::suggestion::nearest;
use crate::values::{DEFAULT_PORT, Endpoint, ProxyHeader, TrustedProxies};

/// The words of a text, or of each text in a list. White space separates them, as in Waitress; for
/// proxies and field names, which cannot contain a comma, commas do, too.
pub(super) fn list(kind: Kind, value: &Value, syntax: Syntax) -> Result<Value, InvalidValue> {
    let items = match value {
        Value::None => &[],
        Value::List(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut words = Vec::new();
    for item in items {
        let text = text(item, syntax)
            .map_err(|invalid| InvalidValue { wanted: wanted_words(kind).into(), ..invalid })
            .map_err(|invalid| invalid.given(item.shown()))?;
        match kind {
            Kind::Paths if matches!(value, Value::List(_)) => words.push(text),
            Kind::Paths => words.extend(text.split(BETWEEN_FOLDERS).map(str::to_owned)),
            _ => {
                let commas = matches!(kind, Kind::Proxies | Kind::ProxyHeaders);
                let parts = text.split(|c: char| c.is_whitespace() || commas && c == ',');
                words.extend(parts.map(str::to_owned));
            }
        }
    }
    words.retain(|word| !word.is_empty());
    check_words(kind, &mut words)?;
    Ok(Value::List(words.into_iter().map(Value::Text).collect()))
}

/// The separator of directories in one text, as in `PATH`: on Windows, a path contains a colon.
const BETWEEN_FOLDERS: char = if cfg!(windows) { ';' } else { ':' };

fn wanted_words(kind: Kind) -> &'static str {
    match kind {
        Kind::Endpoints => ENDPOINT,
        Kind::Proxies => "an address, a network, `localhost` or `*`",
        Kind::ProxyHeaders => "names of forwarding fields",
        Kind::UrlPaths => "paths, such as `/healthz`",
        _ => "directories",
    }
}

fn check_words(kind: Kind, words: &mut [String]) -> Result<(), InvalidValue> {
    let wrong = |word: &str, hint: String| {
        let invalid = InvalidValue::wants(wanted_words(kind)).hinting(hint);
        invalid.given(format!("`{}`", shortened(word)))
    };
    match kind {
        Kind::Endpoints => words.iter().try_for_each(|word| {
            Endpoint::parse(word, DEFAULT_PORT, 0).map(drop).map_err(|hint| wrong(word, hint))
        }),
        Kind::Proxies => {
            for word in words.iter() {
                TrustedProxies::parse([word.as_str()]).map_err(|hint| wrong(word, hint))?;
            }
            TrustedProxies::parse(words.iter().map(String::as_str))
                .map(drop)
                .map_err(|hint| wrong(&words.join(" "), hint))
        }
        Kind::ProxyHeaders => {
            words.iter_mut().for_each(|word| word.make_ascii_lowercase());
            let names = ProxyHeader::ALL.map(ProxyHeader::name);
            if let Some(word) = words.iter().find(|word| !names.contains(&word.as_str())) {
                return Err(match nearest(word, names) {
                    Some(right) => wrong(word, format!("did you mean `{right}`?")),
                    None => wrong(word, format!("write {}", one_of(&names))),
                });
            }
            let forwarded = words.iter().any(|word| word == "forwarded");
            if forwarded && words.iter().any(|word| word != "forwarded") {
                let hint = "`forwarded` cannot be combined with the others";
                return Err(wrong(&words.join(" "), hint.into()));
            }
            Ok(())
        }
        Kind::UrlPaths => match words.iter().find(|word| !word.starts_with('/')) {
            Some(word) => Err(wrong(word, format!("write `/{}`", shortened(word)))),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

pub(super) fn descriptors(value: &Value) -> Result<Value, InvalidValue> {
    let wants = || InvalidValue::wants("a list of sockets");
    match value {
        Value::None => Ok(Value::List(Vec::new())),
        Value::List(items) => {
            let is_one = |item: &Value| matches!(item, Value::Int(number) if i32::try_from(*number).is_ok_and(|number| number >= 0));
            if items.iter().all(is_one) { Ok(value.clone()) } else { Err(wants()) }
        }
        _ => Err(wants()),
    }
}
