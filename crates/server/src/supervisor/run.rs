//! The supervisor at work: it starts, hears, stops and reaps worker processes, as the fleet says.
//!
//! One thread, the one that called [`Supervisor::run`], does all of it, and waits for nothing but
//! time, the control sockets and [`SupervisorHandle`]. What it knows is published for the admin
//! thread (`view`), which never waits for it.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use socket2::SockRef;

use super::channel::Progress;
use super::control::{ToSupervisor, ToWorker};
use super::drain::Drain;
use super::facts::{Command, End, Fact, FleetLimits, MoldId, Serial};
use super::fleet::Fleet;
use super::handle::{self, Request, Requests, SupervisorHandle};
use super::health::Health;
use super::hung::Dying;
use super::inboxes::SeatInboxes;
use super::mold_process::MoldProcess;
use super::process::Worker;
use super::reload::RunningReload;
use super::view::{View, WorkerState, WorkerView};
use super::workers::{Event, NewOptions, StartOrder, SupervisorOptions, WorkerProcesses};
use crate::board::{Board, Life, SeatState};
use crate::listen::Listeners;
use crate::system::clock::Clock;
use crate::system::pass_fd::Wait;
use crate::system::poll;
use crate::system::tcp_info;

/// How often the supervisor looks at everything.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often while something is under way: a start, a replacement, the drain.
const LOOK_SOON: Duration = Duration::from_millis(20);

/// The supervisor, bound and not yet running.
#[derive(Debug)]
pub struct Supervisor {
    pub(super) options: SupervisorOptions,
    pub(super) board: Arc<Board>,
    pub(super) listeners: Option<Listeners>,
    pub(super) fleet: Fleet,
    /// What the fleet is still to be told: the first is what it is just told.
    facts: VecDeque<Fact>,
    pub(super) workers: BTreeMap<Serial, Worker>,
    pub(super) molds: BTreeMap<MoldId, MoldProcess>,
    pub(super) inboxes: SeatInboxes,
    clock: Arc<Clock>,
    began: Instant,
    looked_at: Option<Instant>,
    requests: Requests,
    handle: SupervisorHandle,
    drain: Option<Drain>,
    pub(super) health: Health,
    pub(super) dying: Option<Dying>,
    /// What a reload would bring that the fleet is just asked for.
    pub(super) offered: Option<NewOptions>,
    /// The reload that runs.
    pub(super) reload: Option<RunningReload>,
    /// When the workers were asked for their stacks, until these are told.
    pub(super) stacks_asked_at: Option<Instant>,
    pub(super) view: Arc<View>,
    was_ready: bool,
    pub(super) ended: Option<End>,
}

impl Supervisor {
    /// A supervisor for these listeners, on this board.
    ///
    /// # Errors
    /// No descriptors are left.
    pub fn new(
        options: SupervisorOptions,
        view: Arc<View>,
        board: Arc<Board>,
        listeners: Listeners,
        clock: Arc<Clock>,
    ) -> io::Result<Self> {
        let (handle, requests) = handle::channel()?;
        view.asks(handle.clone());
        let began = clock.instant();
        let limits = FleetLimits {
            workers: options.wanted.workers,
            periods: options.wanted.periods,
            imports_at_once: options.cpus.max(1),
            preload: options.preload,
            start_failure: options.start_failure,
            numbers: board.shape().numbers,
            seats: board.shape().seats(),
            settle: options.settle,
        };
        Ok(Self {
            options,
            view,
            board,
            listeners: Some(listeners),
            fleet: Fleet::new(limits, Duration::ZERO),
            facts: VecDeque::new(),
            workers: BTreeMap::new(),
            molds: BTreeMap::new(),
            inboxes: SeatInboxes::default(),
            clock,
            began,
            looked_at: None,
            requests,
            handle,
            drain: None,
            health: Health::default(),
            dying: None,
            offered: None,
            reload: None,
            stacks_asked_at: None,
            was_ready: false,
            ended: None,
        })
    }

    /// Tells it what to do, while it runs.
    pub fn handle(&self) -> SupervisorHandle {
        self.handle.clone()
    }

    /// Runs until the server has ended.
    pub fn run(mut self, processes: &mut dyn WorkerProcesses) -> End {
        loop {
            self.requests.notice();
            processes.attend();
            while let Some(request) = self.requests.next() {
                self.follow(request, processes);
            }
            self.hear_workers(processes);
            self.hear_molds(processes);
            self.reap(processes);
            self.reap_molds(processes);
            self.leave_behind(processes);
            self.look(processes);
            if let Some(end) = self.ended
                && self.workers.is_empty()
                && self.molds.is_empty()
            {
                return end;
            }
            self.publish(processes);
            self.wait();
        }
    }

    pub(super) fn now(&self) -> Instant {
        self.clock.instant()
    }

    pub(super) fn since_start(&self) -> Duration {
        self.now().saturating_duration_since(self.began)
    }

    /// Tells the fleet what has happened, and does what it says. What happens while that is done, as when a
    /// process cannot be started, it is told afterwards: what it follows from that is about processes that
    /// the commands before it start.
    pub(super) fn tell_fleet(&mut self, fact: Fact, processes: &mut dyn WorkerProcesses) {
        self.facts.push_back(fact);
        if self.facts.len() > 1 {
            return; // it is told below, by the call that is under way
        }
        while let Some(&fact) = self.facts.front() {
            let now = self.since_start();
            for command in self.fleet.handle(fact, now) {
                self.carry_out(command, processes);
            }
            self.facts.pop_front();
        }
    }

    fn carry_out(&mut self, command: Command, processes: &mut dyn WorkerProcesses) {
        match command {
            Command::BeginReload => self.begin_reload(processes),
            Command::StartMold(id) => {
                if let Err(error) = self.start_mold(id, processes) {
                    tracing::error!(target: "maitred", "cannot start the preload process: {error}");
                    self.tell_fleet(Fact::MoldExited(id), processes);
                }
            }
            Command::KillMold(id, reason) => self.kill_mold(id, reason),
            Command::Start { serial, number, reason, source } => {
                self.tell_recycled(number, reason);
                let order = StartOrder { number, generation: serial, reason };
                if let Err(error) = self.start(serial, &order, source, processes) {
                    tracing::error!(
                        target: "maitred",
                        worker = number,
                        "cannot start a worker process: {error}"
                    );
                    self.tell_fleet(Fact::Exited(serial), processes);
                }
            }
            Command::Admit(serial) => self.admit(serial),
            Command::Retire(serial) => {
                if let Some(worker) = self.workers.get_mut(&serial) {
                    worker.state = WorkerState::Retiring;
                    if let Some(seat) = self.board.seat(worker.seat) {
                        seat.set_state(SeatState::Retiring);
                    }
                    worker.tell(&ToWorker::Retire, &[]);
                }
            }
            Command::Kill(serial, reason) => self.kill(serial, reason),
            Command::Drain => {
                self.board.set_life(Life::Draining);
                self.drain = Some(Drain::begin(self));
                processes.happened(Event::Draining);
            }
            Command::WarnNoRoom(serial) => {
                let worker = self.workers.get(&serial).map(|worker| worker.number);
                tracing::warn!(
                    target: "maitred",
                    worker,
                    "a worker is not replaced, because the memory limit has no room for a second \
                     process of its size: raise the limit or lower `threads`"
                );
            }
            Command::ReloadEnded(result) => self.reload_ended(result, processes),
            Command::AwaitReload => processes.happened(Event::AwaitsReload),
            Command::End(end) => self.end(end),
        }
    }

    fn end(&mut self, end: End) {
        match end {
            End::Drained => tracing::info!(target: "maitred", "stopped"),
            End::CannotStart => {}
            End::CrashLoop(starts) => tracing::error!(
                target: "maitred",
                "no worker process is ready, and {starts} starts in a row have failed: exiting"
            ),
        }
        self.ended = Some(end);
        self.kill_all();
    }

    fn follow(&mut self, request: Request, processes: &mut dyn WorkerProcesses) {
        match request {
            Request::Drain => self.tell_fleet(Fact::Drain, processes),
            Request::Kill => {
                self.tell_fleet(Fact::Drain, processes);
                self.kill_all();
            }
            Request::Reload => self.ask_for_reload(processes),
            Request::ReopenLogs => self.tell_all(&ToWorker::ReopenLogs),
            Request::TellStacks => self.ask_for_stacks(),
            Request::Publish => self.tell_all(&ToWorker::Publish),
        }
    }

    fn tell_all(&self, message: &ToWorker) {
        for worker in self.workers.values() {
            worker.tell(message, &[]);
        }
    }

    /// Reads what workers have sent.
    fn hear_workers(&mut self, processes: &mut dyn WorkerProcesses) {
        let mut facts = Vec::new();
        let now = self.now();
        for (&serial, worker) in &mut self.workers {
            if worker.ended_at.is_some() {
                continue;
            }
            let mut progress = worker.incoming.read(&worker.socket, Wait::Never);
            loop {
                match worker.incoming.next::<ToSupervisor>() {
                    Ok(Some(message)) => facts.extend(worker.hears(serial, message)),
                    Ok(None) => break,
                    Err(error) => {
                        tracing::error!(
                            target: "maitred",
                            worker = worker.number, pid = worker.pid,
                            "a worker process sent {error}"
                        );
                        progress = Progress::Ended;
                        break;
                    }
                }
            }
            if progress == Progress::Ended {
                worker.ended_at = Some(now);
            }
        }
        for fact in facts {
            self.tell_fleet(fact, processes);
        }
    }

    /// What is done once in a while.
    fn look(&mut self, processes: &mut dyn WorkerProcesses) {
        let now = self.now();
        let is_due = |at: Instant| now.saturating_duration_since(at) >= LOOK_EVERY;
        if self.looked_at.is_none_or(is_due) {
            self.looked_at = Some(now);
            self.show_workers();
            self.recycle(processes);
            self.forward_unread();
            self.look_for_hung();
        }
        self.kill_hung(processes);
        self.tell_stacks(now);
        self.tell_fleet(Fact::Tick, processes);
        if let Some(mut drain) = self.drain.take() {
            drain.step(self);
            self.drain = Some(drain);
        }
    }

    /// Publishes what the admin thread shows.
    fn publish(&mut self, processes: &mut dyn WorkerProcesses) {
        let now = self.now();
        let workers = self.workers.iter().filter_map(|(&serial, worker)| {
            Some(WorkerView {
                serial,
                number: worker.number,
                pid: worker.pid?,
                seat: worker.seat,
                state: worker.state,
                reason: worker.reason,
                age: now.saturating_duration_since(worker.started_at),
            })
        });
        let uptime = now.saturating_duration_since(self.began);
        let listeners = self.listeners.iter().flat_map(|it| &it.entries);
        let backlogs = listeners.filter_map(|listener| {
            Some((listener.address.name(), tcp_info::backlog(&SockRef::from(&listener.socket))?))
        });
        let processes_shown = (workers.collect(), self.mold_views());
        self.view.publish(&self.fleet, processes_shown, backlogs.collect(), uptime);
        if self.fleet.is_ready() && !self.was_ready {
            self.was_ready = true;
            self.board.set_life(Life::Serving);
            processes.happened(Event::Ready);
        }
    }

    /// Waits until there is something to do.
    fn wait(&mut self) {
        let is_busy = self.fleet.is_changing()
            || self.drain.is_some()
            || self.dying.is_some()
            || self.stacks_asked_at.is_some()
            || self.ended.is_some();
        let within = if is_busy { LOOK_SOON } else { LOOK_EVERY };
        let open = self.workers.values().filter(|worker| worker.ended_at.is_none());
        let sockets = open.map(|worker| worker.socket.as_fd());
        let molds = self.molds.values().filter(|mold| !mold.has_closed);
        let sockets = sockets.chain(molds.map(|mold| mold.socket.as_fd()));
        let all: Vec<_> = std::iter::once(self.requests.descriptor()).chain(sockets).collect();
        if let Err(error) = poll::readable(&all, within) {
            tracing::error!(target: "maitred", "cannot wait for worker processes: {error}");
            #[expect(
                clippy::disallowed_methods,
                reason = "so that a fault that lasts does not use the CPU"
            )]
            std::thread::sleep(LOOK_SOON);
        }
    }
}

#[cfg(test)]
#[path = "tests/run.rs"]
mod tests;
