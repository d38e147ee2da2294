//! One order of steps: what each thread of each process does, in parts between which others may come.

use std::collections::VecDeque;
use std::sync::Arc;

use maitred_http_parser::exchange::{Exchanges as _, Wake};

use super::super::elsewhere::WORTH;
use super::super::no_reply;
use super::super::parallelism::Parallelism;
use super::super::queue::Queue;
use super::super::requester::{Mobility, Origin, QueuedRequest};
use super::super::siblings::{Destination, Reservation, Siblings as _};
use super::super::worker_slot::WorkerSlot;
use super::Stage;
use super::world::{Connection, Content, Life, Message, Process, Seat, World, is_adopted};
use crate::system::mutex::Mutex;
use crate::telemetry::HandoffReason;

/// A step, and the process that takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The I/O thread queues the next request of a client.
    Arrive(usize),
    /// It hands over what has just arrived, now that it has kept all input behind it.
    HandOverArrived(usize),
    /// What it has taken out of the queue is in the other inbox.
    Send(usize),
    /// It could not be sent, and is taken back.
    Fail(usize),
    /// It reads the next message of its inbox.
    Read(usize),
    /// Its tick: a request that waits moves if it may, or a worker is woken for it.
    Tick(usize),
    /// The worker goes on.
    Work(usize),
    /// The supervisor shows the others that it retires.
    Announce(usize),
    /// It has been told so itself.
    Retire(usize),
    /// It has no connection left, and ends.
    Leave(usize),
    /// The supervisor finds something in its inbox although it has ended.
    Forward(usize),
}

impl Step {
    /// Whether it comes from outside, and need not come.
    pub(super) fn is_new(self) -> bool {
        matches!(self, Self::Arrive(_) | Self::Announce(_) | Self::Fail(_))
    }
}

/// Where a worker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum At {
    /// About to ask for the next request.
    Asks,
    Serves,
    /// It has found nothing, and will ask the other processes before it sleeps.
    Parks,
    Sleeps,
}

/// A process.
struct Actor {
    queue: Arc<Queue>,
    slot: WorkerSlot,
    worker: At,
    process: Arc<Process>,
    /// Its I/O thread has queued this, which is to move there.
    arrived: Option<(Arc<Connection>, Destination)>,
}

/// One order of steps.
pub(super) struct Run<'a> {
    stage: &'a Stage,
    world: Arc<Mutex<World>>,
    actors: Vec<Actor>,
    arrived: usize,
    budget: Budget,
}

/// How often what may happen again and again happens at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Budget {
    /// A message cannot be sent.
    pub(super) failures: usize,
    /// A request that waits moves at a tick.
    pub(super) pushes: usize,
    /// A worker without work asks the other processes.
    pub(super) pulls: usize,
}

/// Everything of a process that tells two states apart.
#[derive(Debug, PartialEq, Eq, Hash)]
struct ActorSnapshot {
    worker: At,
    wake: Option<u8>,
    waiting: Vec<bool>,
    parked: usize,
    standby: Option<usize>,
    attaching: bool,
    about_to_park: usize,
    busy: usize,
    arrived: Option<(usize, bool)>,
    retires: bool,
    asked: String,
    leaving: Option<(usize, bool, bool, &'static str)>,
}

/// Everything that tells two states apart. Requests are alike.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Snapshot {
    actors: Vec<ActorSnapshot>,
    seats: Vec<Seat>,
    inboxes: Vec<Vec<(usize, u8)>>,
    arrived: usize,
    budget: Budget,
}

impl Actor {
    fn new(stage: &Stage, own: usize, world: &Arc<Mutex<World>>) -> Self {
        let process = Arc::new(Process::new(own, world));
        let clock = Arc::clone(&stage.clock);
        let queue = Queue::new(100, Parallelism::WITH_GIL, clock, Arc::default());
        let queue = Arc::new(queue.with_siblings(Some(Arc::clone(&process) as _)));
        let slot = WorkerSlot::take(&queue, &stage.clock, 0);
        Self { queue, slot, worker: At::Asks, process, arrived: None }
    }

    fn snapshot(&self, leaving: Option<&(Box<QueuedRequest>, Destination)>) -> ActorSnapshot {
        let is_made = |to: &Destination| to.reservation == Reservation::Made;
        let state = self.queue.state();
        ActorSnapshot {
            worker: self.worker,
            wake: self.slot.parker.pending().map(|wake| wake as u8),
            waiting: state.waiting.iter().map(is_adopted).collect(),
            parked: state.parked.len(),
            standby: state.standby,
            attaching: state.attaching.is_some_and(|attaching| attaching.beside_calls),
            about_to_park: state.about_to_park,
            busy: state.usage.threads.busy,
            arrived: self.arrived.as_ref().map(|(_, to)| (to.seat, is_made(to))),
            retires: self.process.retires(),
            asked: self.process.asked(),
            leaving: leaving.map(|(request, to)| {
                let why = if to.why == HandoffReason::Pull { "pull" } else { "push" };
                (to.seat, is_made(to), is_adopted(request), why)
            }),
        }
    }

    /// Whether no connection is left.
    fn is_empty(&self) -> bool {
        self.queue.len() == 0 && self.worker != At::Serves && self.arrived.is_none()
    }

    /// One part of what a worker does, as the application's threads do it.
    fn work(&mut self, pulls: &mut usize) {
        self.worker = match self.worker {
            At::Asks | At::Serves => match self.slot.try_next() {
                Some(_) => At::Serves,
                None => At::Parks,
            },
            At::Parks => match self.slot.prepare_to_park() {
                Some(_) => At::Asks,
                None => {
                    if let Some(fewer) = pulls.checked_sub(1) {
                        *pulls = fewer;
                        self.queue.ask_siblings();
                    }
                    At::Sleeps
                }
            },
            At::Sleeps => {
                assert!(self.slot.parker.pending().is_some(), "the same way led elsewhere before");
                let _: Wake = self.slot.parker.park();
                self.slot.unparked();
                At::Asks
            }
        };
    }
}

impl<'a> Run<'a> {
    pub(super) fn new(stage: &'a Stage) -> Self {
        let world = World::new(stage.processes, stage.requests);
        let actors = (0..stage.processes).map(|own| Actor::new(stage, own, &world)).collect();
        let mut run = Self { stage, world, actors, arrived: 0, budget: stage.budget };
        run.remember();
        run
    }

    /// Calls have been like this on average.
    fn remember(&mut self) {
        let average = u64::try_from(self.stage.average_call.as_nanos()).unwrap();
        for actor in &self.actors {
            actor.queue.state().usage.average_call_ns = average;
        }
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let world = self.world.lock();
        let kind = |message: &Message| match message.content {
            Content::Request(_) => 0,
            Content::Want => 1,
            Content::Nothing => 2,
        };
        let messages = |inbox: &VecDeque<Message>| {
            inbox.iter().map(|message| (message.from, kind(message))).collect()
        };
        let actors = self.actors.iter().zip(&world.leaving);
        Snapshot {
            actors: actors.map(|(actor, leaving)| actor.snapshot(leaving.as_ref())).collect(),
            seats: world.seats.clone(),
            inboxes: world.inboxes.iter().map(messages).collect(),
            arrived: self.arrived,
            budget: self.budget,
        }
    }

    /// The steps that may come next.
    pub(super) fn possible(&self) -> Vec<Step> {
        let world = self.world.lock();
        let lives: Vec<_> = world.seats.iter().map(|seat| seat.life).collect();
        let retired = lives.iter().filter(|life| **life != Life::Ready).count();
        let mut steps = Vec::new();
        for (at, actor) in self.actors.iter().enumerate() {
            let has_mail = !world.inboxes[at].is_empty();
            if lives[at] == Life::Gone {
                steps.extend(has_mail.then_some(Step::Forward(at)));
                continue;
            }
            if actor.worker != At::Sleeps || actor.slot.parker.pending().is_some() {
                steps.push(Step::Work(at));
            }
            // One after the other: they are alike.
            if at == retired && retired < self.stage.retire {
                steps.push(Step::Announce(at));
            }
            // The I/O thread does one thing after the other.
            if world.leaving[at].is_some() {
                steps.push(Step::Send(at));
                steps.extend((self.budget.failures > 0).then_some(Step::Fail(at)));
                continue;
            }
            if actor.arrived.is_some() {
                steps.push(Step::HandOverArrived(at));
                continue;
            }
            let retires = actor.process.retires();
            let others = [
                (self.arrived < self.stage.requests, Step::Arrive(at)),
                (has_mail, Step::Read(at)),
                (actor.queue.len() > 0, Step::Tick(at)),
                (lives[at] == Life::Retiring && !retires, Step::Retire(at)),
                (retires && actor.is_empty(), Step::Leave(at)),
            ];
            steps.extend(others.into_iter().filter_map(|(may, step)| may.then_some(step)));
        }
        steps
    }

    pub(super) fn take(&mut self, step: Step) {
        match step {
            Step::Arrive(at) => self.arrive(at),
            Step::HandOverArrived(at) => {
                let (connection, to) = self.actors[at].arrived.take().expect("it has arrived");
                self.actors[at].queue.hand_over_arrived(&connection, to);
                self.actors[at].queue.wake();
            }
            Step::Send(at) => {
                let mut world = self.world.lock();
                let (request, to) = world.leaving[at].take().expect("it is leaving");
                let content = Content::Request(identity(&request));
                world.send(to.seat, Message { from: at, content });
            }
            Step::Fail(at) => self.fail(at),
            Step::Read(at) => self.read(at),
            Step::Tick(at) => self.tick(at),
            Step::Work(at) => self.actors[at].work(&mut self.budget.pulls),
            Step::Announce(at) => self.world.lock().seats[at].life = Life::Retiring,
            Step::Retire(at) => {
                self.actors[at].process.retire();
                self.actors[at].queue.show_again();
            }
            Step::Leave(at) => self.world.lock().seats[at].life = Life::Gone,
            Step::Forward(at) => self.world.lock().forward(at),
        }
        self.remember();
    }

    fn request(&self, id: usize, at: usize, origin: Origin) -> (QueuedRequest, Arc<Connection>) {
        let world = Arc::clone(&self.world);
        let connection = Arc::new(Connection { request: id, at, world });
        let (now, id) = (self.stage.clock.instant(), id.to_string());
        let exchange = no_reply::exchange(&self.stage.head, now, Some(id.into()));
        let requester = Arc::clone(&connection) as _;
        let mobility = Mobility::Movable { hops: 0 };
        (QueuedRequest { exchange, requester, mobility, origin }, connection)
    }

    fn arrive(&mut self, at: usize) {
        let (request, connection) = self.request(self.arrived, at, Origin::Here);
        self.arrived += 1;
        let actor = &mut self.actors[at];
        match actor.queue.push(request).expect("there is room") {
            Some(to) => actor.arrived = Some((connection, to)),
            None => actor.queue.wake(),
        }
    }

    /// As `Queue::hand_over` and, where another process asked for it, `lifecycle/inbox.rs` have it.
    fn fail(&mut self, at: usize) {
        self.budget.failures -= 1;
        let leaving = self.world.lock().leaving[at].take();
        let (request, to) = leaving.expect("it is leaving");
        let actor = &self.actors[at];
        actor.process.release(to);
        actor.queue.take_back(*request);
        actor.queue.wake();
        if to.why == HandoffReason::Pull {
            self.world.lock().send(to.seat, Message { from: at, content: Content::Nothing });
        }
    }

    fn read(&mut self, at: usize) {
        let message = self.world.lock().receive(at).expect("it has mail");
        let Message { from, content } = message;
        match content {
            Content::Request(id) => {
                self.actors[at].process.received_from(from);
                let (request, _) = self.request(id, at, Origin::Adopted);
                let moves_to = self.actors[at].queue.push(request).expect("it is never refused");
                assert_eq!(moves_to, None, "what has come here stays, at first");
            }
            Content::Want => {
                let process = Arc::clone(&self.actors[at].process);
                if !self.hand_over_one(at, || process.on_want(from)) {
                    self.world.lock().send(from, Message { from: at, content: Content::Nothing });
                }
            }
            Content::Nothing => self.actors[at].process.refused_by(from),
        }
        self.actors[at].queue.show_again();
        self.actors[at].queue.wake();
    }

    fn tick(&mut self, at: usize) {
        let process = Arc::clone(&self.actors[at].process);
        let queue = Arc::clone(&self.actors[at].queue);
        let has_moved = if process.retires() {
            self.hand_over_one(at, || process.on_retirement())
        } else if self.budget.pushes > 0 {
            let load = queue.state().load(self.stage.clock.instant());
            let has_moved = self.hand_over_one(at, || process.on_tick(&load, WORTH));
            self.budget.pushes -= usize::from(has_moved);
            has_moved
        } else {
            false
        };
        if !has_moved {
            queue.tick(queue.taken());
        }
    }

    /// Takes the oldest request out that may move, if it should move somewhere.
    fn hand_over_one(&self, at: usize, to: impl Fn() -> Option<Destination>) -> bool {
        let mut is_first = true;
        let mut once = || if std::mem::take(&mut is_first) { to() } else { None };
        self.actors[at].queue.hand_over_waiting(&mut |_, _| once()) > 0
    }

    /// What must be so after every step.
    pub(super) fn judge(&self, way: &[Step], step: Step) {
        let taken = &self.world.lock().taken;
        assert!(taken.iter().all(|&times| times <= 1), "{taken:?} after {way:?} and {step:?}");
    }

    /// What must be so when nothing happens any more, unless something new comes.
    pub(super) fn judge_at_rest(&self, way: &[Step]) {
        let snapshot = self.snapshot();
        let world = self.world.lock();
        let taken = &world.taken[..self.arrived];
        assert!(taken.iter().all(|&times| times == 1), "{taken:?} after {way:?}: {snapshot:#?}");
        let are_empty = world.inboxes.iter().all(VecDeque::is_empty);
        assert!(are_empty, "left in an inbox after {way:?}: {snapshot:#?}");
        let is_retiring = |seat: &Seat| seat.life == Life::Retiring;
        assert!(!world.seats.iter().any(is_retiring), "never ends after {way:?}: {snapshot:#?}");
    }
}

/// Which request it is.
fn identity(request: &QueuedRequest) -> usize {
    let id = request.exchange.request_id.as_deref().expect("it has one");
    id.parse().expect("a number")
}
