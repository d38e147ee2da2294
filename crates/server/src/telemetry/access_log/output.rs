//! Where the lines of the access log go: standard output, a file, a pipe, or a descriptor that the
//! process was given.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use maitred_config::{AccessLogTarget, ColourUse};

use crate::system::fork_guard::ForkGuard;
use crate::telemetry::console::Colours;
use crate::telemetry::line_output::{LineOutput, Unwritten};

/// The sink of lines.
#[derive(Debug)]
pub(super) struct Output {
    sink: Sink,
    lines: LineOutput,
}

#[derive(Debug)]
enum Sink {
    Stdout,
    /// A descriptor that the process was given. It cannot be opened anew.
    Given(File),
    File {
        /// Keeps it from forked children: the reader of a pipe waits until nobody has its other end.
        /// Dropped before the file is closed.
        _guard: ForkGuard,
        file: File,
        path: PathBuf,
    },
}

impl Output {
    /// Opens the sink.
    ///
    /// # Errors
    /// The file cannot be opened or created.
    pub(super) fn open(target: &AccessLogTarget) -> io::Result<Self> {
        let sink = match target {
            AccessLogTarget::Stdout => Sink::Stdout,
            AccessLogTarget::File(path) => match given(path)? {
                Some(file) => Sink::Given(file),
                None => open(path)?,
            },
        };
        Ok(Self { sink, lines: LineOutput::default() })
    }

    /// Opens the file anew, after log rotation has moved it.
    ///
    /// # Errors
    /// It cannot be opened; the old one stays in use.
    pub(super) fn reopen(&mut self) -> io::Result<()> {
        if let Sink::File { path, .. } = &self.sink {
            self.sink = open(path)?;
            self.lines = LineOutput::default();
        }
        Ok(())
    }

    /// Whether lines have colours.
    pub(super) fn colours(&self, wanted: ColourUse) -> Colours {
        match &self.sink {
            Sink::Stdout => Colours::on(wanted, &io::stdout()),
            Sink::Given(file) => Colours::on(wanted, file),
            Sink::File { .. } => Colours::Off,
        }
    }

    /// Writes whole lines.
    ///
    /// # Errors
    /// The sink has failed.
    pub(super) fn write(&mut self, lines: &[u8]) -> Result<(), Unwritten> {
        match &mut self.sink {
            Sink::Stdout => self.lines.write(&mut io::stdout().lock(), lines),
            Sink::Given(file) | Sink::File { file, .. } => self.lines.write(file, lines),
        }
    }
}

fn open(path: &Path) -> io::Result<Sink> {
    let mut options = OpenOptions::new();
    // A pipe that is also open for reading can be opened before it has a reader, and stays intact
    // when its reader leaves. Until one comes, lines wait in the pipe, then here, and are dropped.
    options.create(true).append(true).read(is_pipe(path));
    let file = options.open(path)?;
    Ok(Sink::File { _guard: ForkGuard::of(&file)?, file, path: path.to_owned() })
}

#[cfg(unix)]
fn is_pipe(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_fifo())
}

#[cfg(not(unix))]
fn is_pipe(_: &Path) -> bool {
    false
}

/// The open descriptor that a path names, such as `/dev/stdout`. Opening the path instead fails where
/// it is a socket, as under systemd, or belongs to another user.
#[cfg(unix)]
fn given(path: &Path) -> io::Result<Option<File>> {
    let Some(path) = path.to_str() else { return Ok(None) };
    let descriptor = match path {
        "/dev/stdin" => Some(0),
        "/dev/stdout" => Some(1),
        "/dev/stderr" => Some(2),
        _ => ["/dev/fd/", "/proc/self/fd/"]
            .iter()
            .find_map(|folder| path.strip_prefix(folder)?.parse().ok()),
    };
    descriptor.map(crate::system::inherited_file::duplicate).transpose()
}

#[cfg(not(unix))]
fn given(_: &Path) -> io::Result<Option<File>> {
    Ok(None)
}
