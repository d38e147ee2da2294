//! The running server that a command asks, over its admin listener.
//!
//! `health` and its like are small clients of the pages that the server has for everybody. They find
//! it in one way ([`maitred_config::running_server`]), wait for a bounded time, take a bounded answer,
//! and tell in one line why there is none.

mod connect;
mod http;

use std::fmt;
use std::io::{self, ErrorKind};
use std::time::Duration;

use maitred_config::{Endpoint, Problems};
use maitred_server::error_text::describe;
use pyo3::prelude::*;
use serde_json::Value as Json;
use socket2::Socket;

use self::connect::{Deadline, connect};
use self::http::Exchange;
pub(crate) use self::http::Response;
use crate::process::sources::{CommandLine, SourceTexts};

/// How long an answer may take, from connecting on.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// A running server.
#[derive(Clone, Debug)]
pub(crate) struct RunningServer {
    admin: Endpoint,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Unanswered {
    /// For the user, in one line.
    Error(String),
    /// A signal handler of Python raised it, such as that of Ctrl-C.
    Raised(PyErr),
}

impl RunningServer {
    /// The server that the command line, the environment or the settings file names.
    ///
    /// # Errors
    /// None of them does, or what is named cannot be connected to.
    pub(crate) fn find(line: CommandLine) -> Result<Self, Problems> {
        let texts = SourceTexts::read(Some(line), Vec::new());
        maitred_config::running_server(texts.sources()).map(|admin| Self { admin })
    }

    /// Gets a page, without the interpreter, which others may have in an embedding program.
    ///
    /// # Errors
    /// Nobody is there, it is not permitted, or the answer is late, too long or not HTTP.
    pub(crate) fn get(&self, py: Python<'_>, path: &str) -> Result<Response, Unanswered> {
        py.detach(|| self.get_detached(path))
    }

    /// The same on a thread that does not have the interpreter.
    ///
    /// # Errors
    /// As above.
    pub(crate) fn get_detached(&self, path: &str) -> Result<Response, Unanswered> {
        self.ask("GET", path, Deadline::after(ANSWER_WITHIN))
    }

    fn ask(&self, method: &str, path: &str, deadline: Deadline) -> Result<Response, Unanswered> {
        let stream: Socket = loop {
            if let Some(stream) = self.unless_interrupted(connect(&self.admin, &deadline))? {
                break stream;
            }
        };
        let host = match &self.admin {
            Endpoint::Tcp { .. } => self.admin.to_string(),
            Endpoint::Unix { .. } | Endpoint::Descriptor(_) => "localhost".to_owned(),
        };
        let sent = Exchange::begin(stream, deadline, method, path, &host);
        let mut exchange = sent.map_err(|error| Unanswered::Error(self.explain(&error)))?;
        loop {
            if let Some(response) = self.unless_interrupted(exchange.proceed())?.flatten() {
                return Ok(response);
            }
        }
    }

    /// What came of a system call; `None` if a signal interrupted it that Python has dealt with.
    fn unless_interrupted<T>(&self, result: io::Result<T>) -> Result<Option<T>, Unanswered> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.kind() == ErrorKind::Interrupted => {
                Python::attach(|py| py.check_signals()).map_err(Unanswered::Raised)?;
                Ok(None)
            }
            Err(error) => Err(Unanswered::Error(self.explain(&error))),
        }
    }

    fn explain(&self, error: &io::Error) -> String {
        let reason = describe(error);
        match error.kind() {
            ErrorKind::ConnectionRefused | ErrorKind::NotFound => {
                format!("no server is there, at {self}: {reason}")
            }
            ErrorKind::TimedOut | ErrorKind::WouldBlock => {
                format!("no answer from {self} within {} seconds", ANSWER_WITHIN.as_secs())
            }
            ErrorKind::InvalidData | ErrorKind::UnexpectedEof => {
                format!("{self} is no admin listener: {reason}")
            }
            _ => format!("cannot ask the server at {self}: {reason}"),
        }
    }
}

/// The status page of a server.
///
/// # Errors
/// As [`RunningServer::get`], or what answers is no server of this kind.
pub(crate) fn status_of(py: Python<'_>, server: &RunningServer) -> Result<Json, Unanswered> {
    let response = server.get(py, "/statusz")?;
    let status = serde_json::from_str(&response.body).ok().filter(Json::is_object);
    status.filter(|_| response.status == 200).ok_or_else(|| {
        let answer = response.status;
        Unanswered::Error(format!(
            "{server} is no admin listener: it answers /statusz with {answer}"
        ))
    })
}

impl fmt::Display for RunningServer {
    /// Formats a URL, as in the log of the server.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.admin {
            Endpoint::Tcp { .. } => write!(f, "http://{}", self.admin),
            Endpoint::Unix { .. } | Endpoint::Descriptor(_) => write!(f, "{}", self.admin),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use maitred_config::{HostName, Port};

    use super::*;

    fn error(server: &RunningServer) -> String {
        match server.ask("GET", "/", Deadline::after(Duration::from_millis(50))) {
            Err(Unanswered::Error(error)) => error,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_server_that_does_not_answer_is_not_waited_for_for_ever() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let host = HostName::Name(address.ip().to_string());
        let admin = Endpoint::Tcp { host, port: Port::Number(address.port()) };
        let told = error(&RunningServer { admin });
        assert_eq!(told, format!("no answer from http://{address} within 5 seconds"));
    }

    #[test]
    #[cfg(unix)]
    fn a_unix_socket_whose_backlog_is_full_is_not_waited_for_for_ever() {
        use socket2::{Domain, SockAddr, Type};

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        let listener = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        listener.bind(&SockAddr::unix(&path).unwrap()).unwrap();
        listener.listen(0).unwrap();
        let server = RunningServer { admin: Endpoint::Unix { path, mode: 0 } };
        // The backlog takes a connection or two, which nobody answers either.
        for _ in 0..3 {
            let told = error(&server);
            assert!(told.starts_with("no answer from unix:"), "{told}");
        }
    }
}
