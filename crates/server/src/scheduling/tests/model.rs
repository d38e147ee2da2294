//! Every order in which workers and the I/O thread can come to the queue, for a few of each.
//!
//! The queue, the slots and the deferral are the real ones; only the threads are not. What a thread
//! does under one lock is one step, and all orders of steps are tried, up to states that have been
//! seen. From each, when nothing new comes, everything that waits must be taken as long as a worker
//! is free, every deferred answer must leave, a worker must have done what only it can do, and a queue
//! that is closed must end every worker. Every request is taken once, or has moved to another process,
//! which may fail.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;
use std::time::Duration;

use maitred_http_parser::RequestHead;
use maitred_http_parser::exchange::{Exchanges, Housekeeper, Wake};

use super::deferral::{Deferral, Deferred};
use super::nap;
use super::neighbours::{Nobody, Silent};
use super::no_reply;
use super::parallelism::Parallelism;
use super::queue::Queue;
use super::requester::{Mobility, Origin, QueuedRequest};
use super::siblings::{Destination, Reservation};
use super::standby::SWITCH_INTERVAL;
use super::usage::BLOCKING_CALL;
use super::worker_slot::WorkerSlot;
use crate::system::clock::Clock;
use crate::telemetry::HandoffReason;

/// A step of one of the threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The I/O thread queues the next request.
    Push,
    /// The task of the I/O thread that naps goes on.
    Nap,
    /// A worker goes on.
    Worker(usize),
    /// Once, the sweep wants a worker to keep house, or there is something that only the first can do.
    Housekeep,
    /// Once, the I/O thread takes the oldest request out, to hand it over to another process.
    HandOver,
    /// It has been handed over.
    Moved,
    /// It could not be handed over, and is taken back.
    TakeBack,
    /// Once, the thread of a worker ends by a panic, where there are others.
    End(usize),
}

/// Where the napping task is (`nap.rs`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Nap {
    /// Asleep until somebody asks for its attention.
    Idle,
    /// About to see whether there is a reason to go on.
    Decides,
    /// About to nap, or to wait for a tick.
    Rests,
    /// Other tasks have their turn.
    Yields { taken: u64, ticks: bool },
}

/// Where a worker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum At {
    /// About to ask for the next request.
    Asks,
    /// In a call that will end.
    Serves,
    /// In a call that never ends.
    Stuck,
    /// It has found nothing.
    Retires,
    /// Asleep.
    Sleeps,
    /// At home.
    Ended,
}

/// Whether the first worker has done what only it can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum KeepsHouse {
    NotAsked,
    Asked,
    Done,
}

/// Everything that tells two states apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Snapshot {
    nap: Nap,
    nap_is_behind: bool,
    workers: Vec<(At, Option<u8>, bool)>,
    waiting: Vec<bool>,
    parked: Vec<usize>,
    standby: Option<usize>,
    about_to_park: usize,
    busy: usize,
    pushed: usize,
    has_kept_house: bool,
    first: KeepsHouse,
    has_lost_one: bool,
    moving: Option<bool>,
    moved: usize,
    has_handed_over: bool,
    deferral: (usize, bool),
}

/// What calls are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Calls {
    Tiny,
    /// Worth a core of its own.
    Short,
    /// Tiny on average, but these have to wait for the interpreter in between.
    Interrupted,
    Blocking,
}

/// Whether the process has siblings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InProcess {
    Alone,
    /// A request moves to another one.
    Sends,
    /// All requests come from others.
    Adopts,
}

/// What never changes while all orders are tried.
struct Stage {
    process: InProcess,
    /// It moves only for calls that are interrupted: how long one takes is for the stage to say.
    clock: Arc<Clock>,
    requester: Arc<Nobody>,
    head: Arc<RequestHead>,
    parallelism: Parallelism,
    calls: Calls,
    housekeeper: Housekeeper,
    workers: usize,
    /// The requests that come; true for those whose call never ends.
    requests: Vec<bool>,
}

/// One order of steps.
struct Run<'a> {
    stage: &'a Stage,
    queue: Arc<Queue>,
    slots: Vec<Arc<WorkerSlot>>,
    at: Vec<At>,
    nap: Nap,
    pushed: usize,
    has_kept_house: bool,
    first: KeepsHouse,
    has_lost_one: bool,
    has_handed_over: bool,
    moved: usize,
}

impl<'a> Run<'a> {
    fn new(stage: &'a Stage) -> Self {
        let deferral = Arc::new(Deferral::default());
        let queue = Queue::new(100, stage.parallelism, Arc::clone(&stage.clock), deferral);
        let siblings = (stage.process != InProcess::Alone).then(|| Arc::<Silent>::default() as _);
        let queue = Arc::new(queue.with_siblings(siblings));
        stage.requester.moving.lock().take();
        let slots = (0..stage.workers)
            .map(|index| Arc::new(WorkerSlot::take(&queue, &stage.clock, index)))
            .collect();
        let at = vec![At::Asks; stage.workers];
        let nap = Nap::Idle;
        let (pushed, has_kept_house, has_lost_one) = (0, false, stage.workers == 1);
        let (has_handed_over, moved) = (stage.process != InProcess::Sends, 0);
        let mut run = Self {
            stage,
            queue,
            slots,
            at,
            nap,
            pushed,
            has_kept_house,
            first: KeepsHouse::NotAsked,
            has_lost_one,
            has_handed_over,
            moved,
        };
        run.remember();
        run
    }

    /// Calls have been like this, whatever those in between were like.
    fn remember(&mut self) {
        let average = match self.stage.calls {
            Calls::Tiny | Calls::Interrupted => Duration::ZERO,
            Calls::Short => BLOCKING_CALL / 5,
            Calls::Blocking => BLOCKING_CALL * 100,
        };
        self.queue.state().usage.average_call_ns = u64::try_from(average.as_nanos()).unwrap();
    }

    fn snapshot(&self) -> Snapshot {
        let pending = |slot: &WorkerSlot| slot.parker.pending().map(|wake| wake as u8);
        let taken = self.queue.taken();
        let workers = self.slots.iter().zip(&self.at);
        let workers = workers.map(|(slot, at)| (*at, pending(slot), slot.is_overtaken(taken)));
        let workers = workers.collect();
        let state = self.queue.state();
        Snapshot {
            nap: match self.nap {
                Nap::Yields { ticks, .. } => Nap::Yields { taken: 0, ticks },
                other => other,
            },
            nap_is_behind: matches!(self.nap, Nap::Yields { taken, .. } if taken != state.taken),
            workers,
            waiting: state.waiting.iter().map(is_endless).collect(),
            parked: state.parked.iter().map(|sleeper| sleeper.index).collect(),
            standby: state.standby,
            about_to_park: state.about_to_park,
            busy: state.usage.threads.busy,
            pushed: self.pushed,
            has_kept_house: self.has_kept_house,
            first: self.first,
            has_lost_one: self.has_lost_one,
            moving: self.stage.requester.moving.lock().as_deref().map(is_endless),
            moved: self.moved,
            has_handed_over: self.has_handed_over,
            deferral: self.queue.deferral.outlook(),
        }
    }

    /// The steps that may come next.
    fn possible(&self) -> Vec<Step> {
        let workers = (0..self.at.len()).filter(|&index| match self.at[index] {
            At::Asks | At::Serves | At::Retires => true,
            At::Sleeps => self.slots[index].parker.pending().is_some(),
            At::Stuck | At::Ended => false,
        });
        let mut steps: Vec<_> = workers.map(Step::Worker).collect();
        if !self.has_lost_one {
            let awake = |&index: &usize| matches!(self.at[index], At::Asks | At::Retires);
            steps.extend((0..self.at.len()).filter(awake).map(Step::End));
        }
        if self.stage.requester.moving.lock().is_some() {
            // The I/O thread is at it.
            steps.extend([Step::Moved, Step::TakeBack]);
            return steps;
        }
        // Tasks of the I/O thread run when the napping one lets them.
        let others_run = matches!(self.nap, Nap::Idle | Nap::Yields { .. });
        if others_run && self.pushed < self.stage.requests.len() {
            steps.push(Step::Push);
        }
        if others_run && !self.has_kept_house {
            steps.push(Step::Housekeep);
        }
        if others_run && !self.has_handed_over && self.queue.len() > 0 {
            steps.push(Step::HandOver);
        }
        if self.nap != Nap::Idle || self.queue.deferral.outlook().1 {
            steps.push(Step::Nap);
        }
        steps
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Push => {
                let endless = self.stage.requests[self.pushed];
                self.pushed += 1;
                self.queue.push(self.stage.request(endless)).expect("there is room");
            }
            Step::Nap => self.nap = self.nap_on(),
            Step::Housekeep => {
                self.has_kept_house = true;
                match self.stage.housekeeper {
                    Housekeeper::AnyWorker => self.queue.housekeep(),
                    Housekeeper::ThisWorker => {
                        self.first = KeepsHouse::Asked;
                        self.slots[0].housekeep(Housekeeper::ThisWorker);
                    }
                }
            }
            Step::HandOver => {
                self.has_handed_over = true;
                let mut to = Some(Destination {
                    seat: 1,
                    reservation: Reservation::Made,
                    why: HandoffReason::Tick,
                });
                let _: usize = self.queue.hand_over_waiting(&mut |_, _| to.take());
            }
            Step::Moved => {
                self.moved += 1;
                self.stage.requester.moving.lock().take();
            }
            Step::TakeBack => {
                let request = self.stage.requester.moving.lock().take().expect("it is moving");
                self.queue.take_back(*request);
            }
            Step::Worker(index) => self.at[index] = self.work_on(index),
            Step::End(index) => {
                self.has_lost_one = true;
                self.slots[index].thread_ended();
                self.at[index] = At::Ended;
            }
        }
        self.remember();
    }

    /// One part of `nap::run`, up to where another thread may come between.
    fn nap_on(&self) -> Nap {
        let (queue, deferral) = (&self.queue, &self.queue.deferral);
        match self.nap {
            Nap::Idle if !deferral.is_attended(Waker::noop()) => Nap::Idle,
            Nap::Idle => {
                queue.wake();
                Nap::Decides
            }
            Nap::Decides if queue.len() > 0 || !deferral.stop_napping() => Nap::Rests,
            Nap::Decides => Nap::Idle,
            Nap::Rests => {
                let (taken, ticks) = (queue.taken(), nap::tick(queue).is_some());
                if ticks {
                    queue.ticking.store(true, Ordering::Relaxed);
                } else {
                    deferral.flush(queue.now());
                }
                Nap::Yields { taken, ticks }
            }
            Nap::Yields { taken, ticks } => {
                if ticks {
                    queue.ticking.store(false, Ordering::Relaxed);
                    deferral.flush(queue.now());
                } else {
                    queue.wake();
                }
                queue.tick(taken);
                Nap::Decides
            }
        }
    }

    /// One part of what a worker does, as the application's threads do it.
    fn work_on(&mut self, index: usize) -> At {
        let slot = Arc::clone(&self.slots[index]);
        match self.at[index] {
            At::Asks => match slot.try_next() {
                Some(exchange) => {
                    self.keeps_house(index);
                    if exchange.request_id.is_some() { At::Stuck } else { At::Serves }
                }
                None => At::Retires,
            },
            At::Serves => {
                self.keeps_house(index);
                if self.stage.calls == Calls::Interrupted {
                    self.stage.clock.advance(SWITCH_INTERVAL);
                }
                // As `Answer::send` has it.
                let queue = &self.queue;
                if queue.len() > 0 && !queue.calls_block() {
                    let _: Deferred = queue.deferral.defer(&self.stage.requester, queue.now());
                }
                At::Asks
            }
            At::Retires => match slot.prepare_to_park() {
                Some(wake) => self.woken(index, wake),
                None => At::Sleeps,
            },
            At::Sleeps => {
                assert!(slot.parker.pending().is_some(), "the same steps led elsewhere before");
                let wake = slot.parker.park();
                slot.unparked();
                self.woken(index, wake)
            }
            At::Stuck | At::Ended => panic!("it does not go on"),
        }
    }

    fn woken(&mut self, index: usize, wake: Wake) -> At {
        match wake {
            Wake::Work => At::Asks,
            Wake::Housekeeping => {
                self.keeps_house(index);
                At::Asks
            }
            Wake::Closed => {
                self.keeps_house(index);
                At::Ended
            }
        }
    }

    fn keeps_house(&mut self, index: usize) {
        if index == 0 && self.first == KeepsHouse::Asked {
            self.first = KeepsHouse::Done;
        }
    }

    /// Everybody goes on in turn, and nothing new comes.
    fn settle(&mut self) {
        for _ in 0..30 {
            for step in self.possible() {
                let is_new = matches!(
                    step,
                    Step::Push | Step::Housekeep | Step::End(_) | Step::HandOver | Step::TakeBack
                );
                if !is_new && self.possible().contains(&step) {
                    self.take(step);
                }
            }
        }
    }

    /// What must be so once everything has settled, however it came about.
    fn judge(mut self, steps: &[Step]) {
        self.settle();
        let snapshot = self.snapshot();
        let is_free = |at: &At| !matches!(at, At::Stuck | At::Ended);
        if self.at.iter().any(is_free) {
            assert!(snapshot.waiting.is_empty(), "left waiting: {snapshot:?} after {steps:?}");
        }
        let taken = usize::try_from(self.queue.taken()).unwrap();
        let accounted_for = taken + snapshot.waiting.len() + self.moved;
        assert_eq!(accounted_for, self.pushed, "lost or doubled: {snapshot:?} after {steps:?}");
        if is_free(&self.at[0]) {
            assert_ne!(self.first, KeepsHouse::Asked, "left undone: {snapshot:?} after {steps:?}");
        }
        assert_eq!(snapshot.deferral.0, 0, "left unsent: {snapshot:?} after {steps:?}");
        self.queue.clear();
        self.queue.close();
        self.settle();
        let ended = |at: &At| matches!(at, At::Stuck | At::Ended);
        assert!(self.at.iter().all(ended), "not sent home: {:?} after {steps:?}", self.at);
    }
}

/// Whether the call of a request never ends: it has an identifier then.
fn is_endless(waiting: &QueuedRequest) -> bool {
    waiting.exchange.request_id.is_some()
}

impl Stage {
    fn request(&self, endless: bool) -> QueuedRequest {
        let id = endless.then(|| "endless".into());
        let exchange = no_reply::exchange(&self.head, self.clock.instant(), id);
        let origin = match self.process {
            InProcess::Alone | InProcess::Sends => Origin::Here,
            InProcess::Adopts => Origin::Adopted,
        };
        let requester = Arc::clone(&self.requester) as _;
        QueuedRequest { exchange, requester, mobility: Mobility::Movable { hops: 0 }, origin }
    }

    /// Tries all orders, and tells how many states there are.
    fn explore(&self) -> usize {
        let mut seen = HashSet::new();
        let mut ahead = VecDeque::from([Vec::new()]);
        while let Some(steps) = ahead.pop_front() {
            let run = self.replay(&steps);
            if !seen.insert(run.snapshot()) {
                continue;
            }
            for step in run.possible() {
                ahead.push_back([steps.as_slice(), &[step]].concat());
            }
            run.judge(&steps);
        }
        seen.len()
    }

    fn replay(&self, steps: &[Step]) -> Run<'_> {
        let mut run = Run::new(self);
        for step in steps {
            run.take(*step);
        }
        run
    }
}

/// Tries all orders in which these requests can be served.
fn every_order(workers: usize, requests: &[bool]) {
    every_order_in(InProcess::Alone, Housekeeper::AnyWorker, workers, requests);
}

fn every_order_in(process: InProcess, housekeeper: Housekeeper, workers: usize, requests: &[bool]) {
    let head = no_reply::head();
    let with_gil = [Calls::Tiny, Calls::Interrupted, Calls::Blocking];
    let with_gil = with_gil.map(|calls| (Parallelism::WITH_GIL, calls));
    let on_two_cores = [Calls::Tiny, Calls::Short, Calls::Interrupted, Calls::Blocking];
    let on_two_cores = on_two_cores.map(|calls| (Parallelism::without_gil(2), calls));
    for (parallelism, calls) in with_gil.into_iter().chain(on_two_cores) {
        let (clock, requester) = (Arc::new(Clock::standing()), Arc::<Nobody>::default());
        let (head, requests) = (Arc::clone(&head), requests.to_vec());
        let stage = Stage {
            process,
            clock,
            requester,
            head,
            parallelism,
            calls,
            housekeeper,
            workers,
            requests,
        };
        let states = stage.explore();
        assert!(states > 20, "only {states} states were reached");
    }
}

#[test]
fn nothing_is_left_waiting_by_one_worker() {
    every_order(1, &[false, false, false]);
}

#[test]
fn nothing_is_left_waiting_by_two_workers() {
    every_order(2, &[false, false, false]);
}

#[test]
fn nothing_is_left_waiting_behind_a_call_that_never_ends() {
    for endless in 0..3 {
        let mut requests = [false; 3];
        requests[endless] = true;
        every_order(2, &requests);
    }
    every_order(3, &[true, true, false]);
}

#[test]
fn a_request_that_moves_is_taken_once_or_comes_back() {
    every_order_in(InProcess::Sends, Housekeeper::AnyWorker, 1, &[false, false, false]);
    every_order_in(InProcess::Sends, Housekeeper::AnyWorker, 2, &[true, false]);
}

#[test]
fn nothing_adopted_is_left_waiting() {
    every_order_in(InProcess::Adopts, Housekeeper::AnyWorker, 1, &[false, false, false]);
    every_order_in(InProcess::Adopts, Housekeeper::AnyWorker, 2, &[true, false]);
}

#[test]
fn what_only_one_worker_can_do_is_done_by_it() {
    for requests in [&[false, false], &[true, false]] {
        every_order_in(InProcess::Alone, Housekeeper::ThisWorker, 2, requests);
    }
}
