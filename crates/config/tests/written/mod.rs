//! The layers that a test writes, and the result of loading them.

#![allow(dead_code, reason = "each test binary uses its own part")]

use maitred_config::{
    Candidate, Found, Gil, Invocation, Kind, Loaded, Packing, Problems, Setting, SettingsFile,
    Sources, System, Value, Words, load,
};

/// The layers of one case; what is empty is not there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written<'a> {
    pub(crate) toml: &'a str,
    pub(crate) path: &'a str,
    pub(crate) environment: &'a [(&'a str, &'a str)],
    pub(crate) arguments: &'a [&'a str],
    pub(crate) keywords: Vec<(&'a str, Value)>,
    /// What the files of the project suggest.
    pub(crate) found: Found,
    /// What the interpreter has.
    pub(crate) gil: Gil,
    /// What runs the program.
    pub(crate) packing: Packing,
    /// The directory in which the process was started, if paths are made absolute.
    pub(crate) directory: Option<&'static str>,
    /// What they are for, wherever the test runs.
    pub(crate) is_for_windows: bool,
}

/// The process that the settings are for.
pub(crate) const PROCESS: u32 = 4711;

impl Written<'_> {
    /// Loads them, as a server that is told its application on the command line.
    pub(crate) fn load(&self) -> Result<Loaded, Problems> {
        load(self.sources())
    }

    /// The sources, as they are read.
    pub(crate) fn sources(&self) -> Sources {
        let path = if self.path.is_empty() { "maitred.toml" } else { self.path };
        let file = (!self.toml.is_empty()).then(|| SettingsFile {
            candidate: Candidate { path: path.into(), named_by: None },
            contents: Ok(self.toml.as_bytes().to_vec()),
        });
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let keyword = |(name, value): &(&str, Value)| ((*name).to_owned(), value.clone());
        Sources {
            file,
            environment: self.environment.iter().map(pair).collect(),
            invocation: (!self.arguments.is_empty())
                .then(|| Invocation::parse(self.arguments.iter().copied())),
            keywords: self.keywords.iter().map(keyword).collect(),
            found: self.found.clone(),
            cpus: 3,
            gil: self.gil,
            packing: self.packing,
            directory: self.directory.map(Into::into),
            process: Some(PROCESS),
            system: if self.is_for_windows { System::Windows } else { System::Linux },
        }
    }

    /// The settings, which the case is expected to have.
    pub(crate) fn loaded(&self) -> Loaded {
        match self.load() {
            Ok(loaded) => loaded,
            Err(problems) => panic!("{self:?} is refused:\n{problems}"),
        }
    }

    /// The report, which the case is expected to have.
    pub(crate) fn report(&self) -> String {
        match self.load() {
            Ok(loaded) => panic!("{self:?} is accepted: {:?}", loaded.settings),
            Err(problems) => problems.to_string(),
        }
    }

    /// The warnings, one a line.
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.loaded().warnings.iter().map(ToString::to_string).collect()
    }
}

/// The ways to write a value of a setting, four that differ as far as its kind has so many.
pub(crate) fn texts(setting: &Setting) -> [String; 4] {
    let of = |texts: [&str; 4]| texts.map(str::to_owned);
    match setting.kind {
        Kind::Flag => of(["true", "false", "yes", "off"]),
        Kind::Count(_) => of(["11", "12", "13", "14"]),
        Kind::CountOrAuto(_) => of(["11", "auto", "13", "14"]),
        Kind::Duration(_) => of(["11", "12s", "1300ms", "14m"]),
        Kind::Size(_) => of(["11", "12KiB", "13MB", "14GiB"]),
        Kind::SizeOrShare(_) => of(["11MiB", "12%", "100%", "14GiB"]),
        Kind::Mode => of(["600", "660", "0o666", "777"]),
        Kind::Text(_) => of(["a", "b 1", "3", "true"]),
        Kind::Prefix => of(["/a", "b/", "//c//d/", "/"]),
        Kind::Path | Kind::SocketPath => of(["/a", "b", "../c", "/d e"]),
        Kind::Paths => of(["/a", "b", "../c", "d e"]),
        Kind::Choice(Words(words)) => {
            [0, 1, 2, 3].map(|index| words[index % words.len()].to_owned())
        }
        Kind::Host => of(["*", "::1", "[::2]", "localhost"]),
        Kind::Endpoint => of(["*:1", "[::1]:2", "unix:/c", "fd://4"]),
        Kind::Endpoints => of(["*:1 *:2", "[::1]:2", "unix:/c", "fd://4"]),
        Kind::Proxies => of(["*", "10.0.0.0/8 ::1", "127.0.0.1", "10.1.1.1,localhost"]),
        Kind::ProxyHeaders => {
            of(["forwarded", "x-forwarded-for", "X-Forwarded-For x-forwarded-host", ""])
        }
        Kind::UrlPaths => of(["/a", "/b /c", "/d", "/e"]),
        Kind::AccessLogFormat => of(["common", "json", "%(h)s", "combined"]),
        Kind::Module => of(["a", "b.c", "d", "e"]),
        Kind::Application => of(["a:b", "c.d:e()", "f:g", "h.i"]),
        Kind::Descriptors => unreachable!("sockets are not written"),
    }
}

/// A line of TOML that gives a setting a value.
pub(crate) fn toml_line(setting: &Setting, text: &str) -> String {
    let is_bare = text == "true" || text == "false" || text.bytes().all(|b| b.is_ascii_digit());
    let value = match setting.kind {
        Kind::Flag if text == "yes" => "true".to_owned(),
        Kind::Flag if text == "off" => "false".to_owned(),
        Kind::Flag | Kind::Count(_) | Kind::CountOrAuto(_) if is_bare => text.to_owned(),
        _ => format!("{text:?}"),
    };
    format!("{} = {value}\n", setting.name)
}

/// What must be there too, before a setting may be set.
pub(crate) fn company(setting: &Setting) -> &'static str {
    match setting.name {
        "trusted-proxy-count" | "trusted-proxy-headers" => "trusted-proxy = \"10.9.9.9\"\n",
        "max-requests-jitter" => "max-requests = 9\n",
        "ipv4" | "ipv6" => "host = \"*\"\n",
        _ => "",
    }
}
