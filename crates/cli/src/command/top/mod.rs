//! `maitred top`: what a running server does, in a terminal, once a second.
//!
//! It asks the admin listener for what the live page shows, on a thread of its own, so that keys are
//! answered while the server is not. Whatever happens, the terminal is left as it was found.

mod screen;
mod shown;

use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::time::Duration;

use maitred_server::error_text::describe;
use pyo3::prelude::*;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};

use self::screen::Screen;
use self::shown::Shown;
use super::running_server::{RunningServer, Unanswered};
use crate::process::exit_status::ExitStatus;
use crate::process::output::{colour, print_error};
use crate::process::sources::CommandLine;

/// The time between two questions.
const INTERVAL: Duration = Duration::from_secs(1);

/// How long a key is waited for before the answers are looked at.
const KEY_WITHIN: Duration = Duration::from_millis(100);

/// The rows that Page Up and Page Down scroll.
const PAGE_ROWS: usize = 10;

/// Shows a running server until it is told to stop.
///
/// # Errors
/// The exception of a signal handler, such as `KeyboardInterrupt`.
pub(crate) fn top(py: Python<'_>, line: CommandLine) -> PyResult<ExitStatus> {
    let server = match RunningServer::find(line) {
        Ok(server) => server,
        Err(problems) => {
            print_error(&problems.render_each(colour()));
            return Ok(ExitStatus::Usage);
        }
    };
    let failed = |error: &str| {
        print_error(&format!("error: {error}\n"));
        Ok(ExitStatus::Failed)
    };
    // Before the terminal is touched, so that the message stays on it.
    let first = match server.get(py, "/overview") {
        Ok(answer) => match read(&server, &answer.body, answer.status) {
            Ok(shown) => shown,
            Err(error) => return failed(&error),
        },
        Err(Unanswered::Error(error)) => return failed(&error),
        Err(Unanswered::Raised(error)) => return Err(error),
    };
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        return failed("`maitred top` needs a terminal; `/statusz` tells the same once");
    }
    match py.detach(|| show(&server, first)) {
        Ok(()) => Ok(ExitStatus::Done),
        Err(Stopped::Terminal(error)) => {
            failed(&format!("cannot use the terminal: {}", describe(&error)))
        }
        Err(Stopped::Raised(error)) => Err(error),
    }
}

fn read(server: &RunningServer, body: &str, status: u16) -> Result<Shown, String> {
    match status {
        200 => Shown::read(body).map_err(|error| format!("{server} is no admin listener: {error}")),
        _ => Err(format!("{server} is no admin listener: it answers /overview with {status}")),
    }
}

/// Why it ended before it was told to.
enum Stopped {
    Terminal(io::Error),
    Raised(PyErr),
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Self::Terminal(error)
    }
}

/// A terminal that is restored when this is dropped.
struct OwnTerminal(Terminal<CrosstermBackend<io::Stdout>>);

impl OwnTerminal {
    fn open() -> io::Result<Self> {
        enable_raw_mode()?;
        let opened = execute!(io::stdout(), EnterAlternateScreen)
            .and_then(|()| Terminal::new(CrosstermBackend::new(io::stdout())));
        if opened.is_err() {
            restore();
        }
        opened.map(Self)
    }
}

impl Drop for OwnTerminal {
    fn drop(&mut self) {
        restore();
    }
}

/// Leaves the terminal as it was.
fn restore() {
    // If it is gone, there is nothing to restore.
    let _ = execute!(io::stdout(), LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
}

/// What the asking thread hears: the answer, or why there is none.
type Answer = Result<Shown, String>;

fn show(server: &RunningServer, first: Shown) -> Result<(), Stopped> {
    let (answers, stop) = ask_repeatedly(server)?;
    let mut terminal = OwnTerminal::open()?;
    let mut screen = Screen { server: server.to_string(), error: None, scrolled: 0 };
    let mut shown = first;
    loop {
        terminal.0.draw(|frame| screen.draw(frame, &shown))?;
        match next(&answers, &mut screen)? {
            Next::Draw => {}
            Next::Answer(answer) => {
                screen.error = None;
                shown = *answer;
            }
            Next::Quit => break,
        }
    }
    drop(stop);
    Ok(())
}

/// What to do next.
enum Next {
    Draw,
    Answer(Box<Shown>),
    Quit,
}

/// Waits for a key or an answer.
fn next(answers: &Receiver<Answer>, screen: &mut Screen) -> Result<Next, Stopped> {
    loop {
        Python::attach(|py| py.check_signals()).map_err(Stopped::Raised)?;
        match answers.try_recv() {
            Ok(Ok(shown)) => return Ok(Next::Answer(Box::new(shown))),
            Ok(Err(error)) => {
                screen.error = Some(error);
                return Ok(Next::Draw);
            }
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => return Ok(Next::Quit),
        }
        if !event::poll(KEY_WITHIN)? {
            continue;
        }
        match event::read()? {
            Event::Key(key) if key.kind != KeyEventKind::Release => match pressed(key, screen) {
                Pressed::Quit => return Ok(Next::Quit),
                Pressed::Scroll => return Ok(Next::Draw),
                Pressed::Nothing => {}
            },
            Event::Resize(..) => return Ok(Next::Draw),
            _ => {}
        }
    }
}

enum Pressed {
    Quit,
    Scroll,
    Nothing,
}

fn pressed(key: KeyEvent, screen: &mut Screen) -> Pressed {
    let by = |screen: &mut Screen, scrolled| {
        screen.scrolled = scrolled;
        Pressed::Scroll
    };
    match key.code {
        KeyCode::Char('q') | KeyCode::Esc => Pressed::Quit,
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => Pressed::Quit,
        KeyCode::Up | KeyCode::Char('k') => by(screen, screen.scrolled.saturating_sub(1)),
        KeyCode::Down | KeyCode::Char('j') => by(screen, screen.scrolled.saturating_add(1)),
        KeyCode::PageUp => by(screen, screen.scrolled.saturating_sub(PAGE_ROWS)),
        KeyCode::PageDown => by(screen, screen.scrolled.saturating_add(PAGE_ROWS)),
        KeyCode::Home => by(screen, 0),
        _ => Pressed::Nothing,
    }
}

/// Asks once a second, on a thread that ends when what is returned is dropped.
fn ask_repeatedly(server: &RunningServer) -> io::Result<(Receiver<Answer>, SyncSender<()>)> {
    let (answers, received) = sync_channel(1);
    let (stop, stopped) = sync_channel::<()>(0);
    let server = Arc::new(server.clone());
    std::thread::Builder::new().name("maitred-top".into()).spawn(move || {
        while stopped.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
            let answer = match server.get_detached("/overview") {
                Ok(answer) => read(&server, &answer.body, answer.status),
                Err(Unanswered::Error(error)) => Err(error),
                // Only the main thread runs signal handlers, and it looks for them itself.
                Err(Unanswered::Raised(error)) => Err(error.to_string()),
            };
            if answers.send(answer).is_err() {
                break;
            }
        }
    })?;
    Ok((received, stop))
}
