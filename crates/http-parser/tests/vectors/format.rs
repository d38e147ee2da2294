//! Reads the vectors; the format is described in `tests/vectors/README.md`.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// One case: what is sent, and what comes of it.
#[derive(Debug, Default)]
pub(super) struct Vector {
    pub(super) name: String,
    pub(super) sent: Vec<u8>,
    pub(super) half_close: bool,
    pub(super) served: Vec<Served>,
    pub(super) refused: Option<u16>,
    pub(super) refuses_head: bool,
    pub(super) ends_open: bool,
}

/// A call of the application. What concerns its answer is for the tests from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Served {
    pub(super) method: Vec<u8>,
    pub(super) path: Vec<u8>,
    pub(super) query: Vec<u8>,
    pub(super) body: Vec<u8>,
    /// `None` where the name must be absent.
    pub(super) environ: BTreeMap<String, Option<Vec<u8>>>,
}

/// All cases of all files.
pub(super) fn all() -> Vec<Vector> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("the vectors are in tests/vectors")
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    files.sort();
    let mut vectors = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a file of vectors is text");
        let mut open = Open::Nothing;
        for (number, line) in text.lines().enumerate() {
            read_line(&mut vectors, &mut open, line)
                .unwrap_or_else(|what| panic!("{}:{}: {what}", file.display(), number + 1));
        }
    }
    vectors
}

/// Where a `+` line goes on.
#[derive(Default)]
enum Open {
    #[default]
    Nothing,
    Path,
    Query,
    Body,
    Environ(String),
}

fn read_line(vectors: &mut Vec<Vector>, open: &mut Open, line: &str) -> Result<(), String> {
    let line = line.trim_start_matches(' ');
    if line.is_empty() || line.starts_with('#') {
        return Ok(());
    }
    let (word, value) = line.split_once(' ').unwrap_or((line, ""));
    if word == "case" {
        vectors.push(Vector { name: value.to_owned(), ..Vector::default() });
        return Ok(());
    }
    let vector = vectors.last_mut().ok_or("a case must come first")?;
    let (word, times) = match word.split_once('*') {
        Some((word, times)) => (word, times.parse().map_err(|_| "`*` needs a number")?),
        None => (word, 1),
    };
    let before = std::mem::take(open);
    let served = vector.served.last_mut().ok_or("`serve` must come first");
    match word {
        "rule" | "about" | "why" | "pause" | "bytewise" | "await" | "answer" | "interim" => {}
        "send" => vector.sent.extend(unescape(value)?.repeat(times)),
        "half-close" => vector.half_close = true,
        "refuse" => {
            let (status, method) = value.split_once(' ').unwrap_or((value, "GET"));
            vector.refused = Some(status.parse().map_err(|_| "a status is a number")?);
            vector.refuses_head = method == "HEAD";
        }
        "end" => vector.ends_open = value == "open",
        "serve" => {
            let (method, path) = value.split_once(' ').unwrap_or((value, ""));
            let (method, path) = (unescape(method)?, unescape(path)?);
            vector.served.push(Served { method, path, ..Served::default() });
            *open = Open::Path;
        }
        "query" => {
            served?.query = unescape(value)?;
            *open = Open::Query;
        }
        "body" => {
            served?.body = unescape(value)?;
            *open = Open::Body;
        }
        "environ" => {
            let (name, value) = value.split_once(' ').unwrap_or((value, ""));
            served?.environ.insert(name.to_owned(), Some(unescape(value)?));
            *open = Open::Environ(name.to_owned());
        }
        "without" => {
            served?.environ.insert(value.to_owned(), None);
        }
        "+" => {
            let more = unescape(value)?.repeat(times);
            let served = served?;
            match &before {
                Open::Path => served.path.extend(more),
                Open::Query => served.query.extend(more),
                Open::Body => served.body.extend(more),
                Open::Environ(name) => {
                    let value = served.environ.entry(name.clone()).or_default();
                    value.get_or_insert_default().extend(more);
                }
                Open::Nothing => return Err("`+` continues nothing".into()),
            }
            *open = before;
        }
        other => return Err(format!("`{other}` is no word of the format")),
    }
    Ok(())
}

fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'\\' => match rest.next() {
                Some(b'r') => b'\r',
                Some(b'n') => b'\n',
                Some(b't') => b'\t',
                Some(b'\\') => b'\\',
                Some(b'x') => {
                    let digits: String = rest.by_ref().take(2).map(char::from).collect();
                    u8::from_str_radix(&digits, 16)
                        .map_err(|_| format!("bad escape \\x{digits}"))?
                }
                other => return Err(format!("bad escape {other:?}")),
            },
            byte if (0x20..0x7f).contains(&byte) => byte,
            byte => return Err(format!("byte {byte:#x} must be escaped")),
        });
    }
    Ok(bytes)
}
