//! A server of several worker processes: the supervisor, in the process that was started.
//!
//! It binds the addresses at once, and answers the admin listener from then on. The application is
//! only ever imported by the workers.

use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

use maitred_config::Loaded;
use maitred_server::board::{Board, Shape};
use maitred_server::supervisor::facts::{End, NewSettings, ReloadResult};
use maitred_server::supervisor::handle::SupervisorHandle;
use maitred_server::supervisor::run::Supervisor;
use maitred_server::supervisor::view::View;
use maitred_server::supervisor::workers::{
    Event, NewOptions, Reaping, StartOrder, WorkerProcesses,
};
use maitred_server::system::subreaper::Subreaper;
use maitred_server::telemetry::layout::CELLS;
use maitred_server::{ChildStatus, Clock, ListenAddress};
use pyo3::prelude::*;

use crate::engine::{BoundServer, StartError, SupervisedParts, announcement};
use crate::logging::{self, Log, LogOutput};
use crate::process::code_watch::{CodeWatch, Outcome};
use crate::process::exit_status::ExitStatus;
use crate::process::launch::{self, Launch, Role};
use crate::process::service_manager;
use crate::process::signals::{SignalTarget, Signals};
use crate::process::sources::SourceTexts;
use crate::process::supervisor_options::{enough_descriptors, of_worker, options, wanted};

/// Serves with worker processes until a signal stops the server.
///
/// # Errors
/// A thread or memory cannot be had, or a signal handler of the program raised an exception.
pub(crate) fn supervise(
    py: Python<'_>,
    bound: BoundServer,
    sources: SourceTexts,
    output: LogOutput,
    signals: Option<&Signals>,
    reaping: Reaping,
) -> Result<ExitStatus, StartError> {
    let raised = StartError::Raised;
    // Workers that are forked become children of this process.
    let subreaper = bound.settings().processes.preload.then(Subreaper::begin).transpose();
    let _subreaper = subreaper.map_err(|error| {
        StartError::Failed(format!("`preload` is not possible here: {error}: serve without it"))
    })?;
    let log = Log::start(py, output, (&bound.settings().observability).into()).map_err(raised)?;
    let supervised = run(py, bound, sources, output, signals, reaping);
    log.stop(py).map_err(raised)?;
    supervised
}

fn run(
    py: Python<'_>,
    bound: BoundServer,
    sources: SourceTexts,
    output: LogOutput,
    signals: Option<&Signals>,
    reaping: Reaping,
) -> Result<ExitStatus, StartError> {
    let system = |error: io::Error| StartError::Failed(format!("cannot start: {error}"));
    let settings = bound.settings();
    let shape = Shape::new(settings.processes.workers, settings.limits.threads, CELLS);
    let options = options(settings, reaping);
    let board = Arc::new(Board::create(shape, &options.temp_dir).map_err(system)?);
    let about = bound.about(py).map_err(StartError::Raised)?;
    let shown = bound.settings_shown();
    let view = Arc::new(View::new(Arc::clone(&board), about, shown));
    let SupervisedParts { loaded, listeners, admin } = bound.supervise(view.clone())?;
    let addresses = listeners.addresses().cloned().collect();
    let clock = Arc::new(Clock::new());
    let supervisor =
        Supervisor::new(options, Arc::clone(&view), board, listeners, clock).map_err(system)?;
    let handle = supervisor.handle();
    let wakeup = signals.map(|signals| signals.serve(py, Arc::new(handle.clone()))).transpose();
    let wakeup = wakeup.map_err(StartError::Raised)?;
    let code = loaded.settings.processes.reload.then(|| CodeWatch::start(handle.clone()));
    let code = code.transpose().map_err(system)?;
    if let (Some(code), Some(file)) = (&code, sources.settings_file()) {
        code.add(file);
    }
    let mut processes = Processes {
        code,
        output,
        view: Arc::clone(&view),
        in_use: InUse { sources, loaded: loaded.clone() },
        started_with: loaded,
        offered: None,
        before_reload: None,
        folder: launch::start_folder(),
        addresses,
        handle,
        started: Vec::new(),
        raised: None,
    };
    let end = py.detach(|| supervisor.run(&mut processes));
    drop(admin);
    let stopped = wakeup.map_or(Ok(()), |wakeup| wakeup.stop(py));
    if let Some(error) = processes.raised.take() {
        return Err(StartError::Raised(error));
    }
    stopped.map_err(StartError::Raised)?;
    Ok(match end {
        End::Drained => ExitStatus::Done,
        End::CannotStart | End::CrashLoop(_) => ExitStatus::Failed,
    })
}

/// The settings that workers are started with.
struct InUse {
    sources: SourceTexts,
    loaded: Loaded,
}

/// The worker processes, which Python starts.
struct Processes {
    /// What watches the code, in development.
    code: Option<CodeWatch>,
    output: LogOutput,
    view: Arc<View>,
    /// The settings that need a restart are still those of the start.
    started_with: Loaded,
    in_use: InUse,
    /// What the supervisor is just asked to use.
    offered: Option<InUse>,
    /// What was in use before the reload that runs.
    before_reload: Option<InUse>,
    /// Where workers start.
    folder: Option<PathBuf>,
    addresses: Vec<ListenAddress>,
    handle: SupervisorHandle,
    /// The `subprocess.Popen` of each process. Python would reap the process of one that is
    /// dropped.
    started: Vec<(u32, Py<PyAny>)>,
    /// The exception of a signal handler of the program.
    raised: Option<PyErr>,
}

impl WorkerProcesses for Processes {
    fn start(&mut self, order: &StartOrder, control: OwnedFd) -> io::Result<u32> {
        let report = self.code.as_ref().map(CodeWatch::reports).transpose()?;
        self.launch(Role::Worker(order.number), &control, report.as_ref())
    }

    fn start_mold(&mut self, control: OwnedFd) -> io::Result<u32> {
        self.launch(Role::Mold, &control, None)
    }

    fn reaped(&mut self, pid: u32, status: ChildStatus) {
        let Some(index) = self.started.iter().position(|(started, _)| *started == pid) else {
            return;
        };
        let (_, process) = self.started.swap_remove(index);
        let status = match status {
            ChildStatus::Exited(status) => status,
            ChildStatus::Signalled(signal) => -signal,
        };
        // Otherwise it would be waited for again. A Popen takes any attribute.
        let _ = Python::attach(|py| process.setattr(py, "returncode", status));
    }

    fn happened(&mut self, event: Event) {
        match event {
            Event::Ready => {
                self.code.iter().for_each(|code| code.settled(Outcome::New));
                self.announce();
            }
            Event::Draining => service_manager::stopping(),
            Event::AwaitsReload => {
                tracing::info!(
                    target: "maitred",
                    "nothing is served until the code changes; press Ctrl-C to stop"
                );
                self.code.iter().for_each(|code| code.settled(Outcome::Old));
            }
            Event::ReloadBegun => self.reload_has_begun(),
            Event::ReloadEnded(result) => self.reload_ended(result),
        }
    }

    fn reload(&mut self) -> Option<NewOptions> {
        // A service manager that has sent the signal waits for this, whatever comes of it.
        service_manager::reloading();
        let sources = self.in_use.sources.read_again();
        let loaded = match maitred_config::load(sources.sources()) {
            Ok(loaded) => loaded,
            Err(problems) => {
                for problem in problems.iter() {
                    tracing::error!(target: "maitred", "reload refused: {problem}");
                }
                return None;
            }
        };
        let workers = |loaded: &Loaded| loaded.settings.processes.workers;
        let running = workers(&self.in_use.loaded);
        if workers(&loaded) > running
            && let Err(few) = enough_descriptors(&loaded, running)
        {
            tracing::error!(target: "maitred", "reload refused: {few}");
            return None;
        }
        let new = NewOptions {
            wanted: wanted(&loaded.settings),
            of_worker: of_worker(&loaded.settings),
            settings: self.started_with.reloaded_with(&loaded).to_json(true),
        };
        self.offered = Some(InUse { sources, loaded });
        Some(new)
    }

    fn attend(&mut self) {
        if let Err(error) = Python::attach(|py| py.check_signals()) {
            self.handle.drain();
            self.raised.get_or_insert(error);
        }
    }
}

impl Processes {
    fn launch(
        &mut self,
        role: Role,
        control: &OwnedFd,
        report: Option<&OwnedFd>,
    ) -> io::Result<u32> {
        let (sources, folder) = (&self.in_use.sources, self.folder.as_deref());
        let launch = Launch { role, sources, folder, control, report };
        let started = Python::attach(|py| launch::launch(py, &launch));
        let (process, pid) = started.map_err(io::Error::other)?;
        self.started.push((pid, process));
        Ok(pid)
    }

    /// What was offered is used for workers that are started from now on.
    fn reload_has_begun(&mut self) {
        let Some(new) = self.offered.take() else { return };
        tracing::info!(target: "maitred", "reloading: new workers replace the old ones");
        logging::log_warnings(&new.loaded);
        for name in self.started_with.needing_restart(&new.loaded) {
            tracing::warn!(
                target: "maitred",
                "`{name}` has changed: a restart is needed, because a reload does not change it"
            );
        }
        self.before_reload = Some(std::mem::replace(&mut self.in_use, new));
    }

    /// Tells how a reload has ended. If new workers have failed, later ones start as before.
    fn reload_ended(&mut self, result: ReloadResult) {
        match result.new_settings() {
            NewSettings::Stay => self.before_reload = None,
            NewSettings::GoBack => {
                if let Some(before) = self.before_reload.take() {
                    self.in_use = before;
                }
            }
            NewSettings::NeverCame => self.offered = None,
        }
        let others = match self.code {
            Some(_) => "the old code is served until the next change",
            None => "the others go on",
        };
        let outcome = match result {
            ReloadResult::Complete { .. } => {
                tracing::info!(target: "maitred", "reload {result}");
                Outcome::New
            }
            ReloadResult::CannotStart => {
                tracing::error!(
                    target: "maitred",
                    "reload {result}; nothing is served until the code changes"
                );
                Outcome::Old
            }
            ReloadResult::Busy | ReloadResult::Stopping => {
                tracing::warn!(target: "maitred", "reload {result}");
                Outcome::Old
            }
            ReloadResult::InvalidSettings => Outcome::Old, // the problems have been logged
            ReloadResult::Stopped { .. } | ReloadResult::NoRoom | ReloadResult::TooMany => {
                tracing::error!(target: "maitred", "reload {result}; {others}");
                Outcome::Old
            }
        };
        if result.new_settings() == NewSettings::Stay {
            self.log_as_told();
        }
        // The start that goes on, or the reload that runs, decides.
        if result == ReloadResult::Busy || self.before_reload.is_some() {
            return;
        }
        self.code.iter().for_each(|code| code.settled(outcome));
        service_manager::reloaded(&format!("reload {result}"));
    }

    /// Logs from now on as the settings in use say.
    fn log_as_told(&self) {
        let settings = &self.in_use.loaded.settings.observability;
        if let Err(error) = Python::attach(|py| logging::change(py, self.output, settings)) {
            tracing::warn!(target: "maitred", "the log of the supervisor stays as it was: {error}");
        }
    }

    fn announce(&self) {
        let interpreter = self.view.interpreter();
        announcement::announce(&interpreter, &self.in_use.loaded, &self.addresses);
        let addresses: Vec<String> = self.addresses.iter().map(ToString::to_string).collect();
        service_manager::ready(&format!("serving on {}", addresses.join(", ")));
    }
}

impl SignalTarget for SupervisorHandle {
    fn drain(&self) {
        Self::drain(self);
    }

    fn kill(&self) {
        Self::kill(self);
    }

    fn interrupt_wait(&self) {
        Self::interrupt_wait(self);
    }

    fn reopen_logs(&self) {
        Self::reopen_logs(self);
    }

    fn reload(&self) {
        Self::reload(self);
    }
}
