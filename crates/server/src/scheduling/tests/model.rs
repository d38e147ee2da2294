//! Every order in which workers and the I/O thread can come to the queue, for a few of each.
//!
//! The queue, the slots and the deferral are the real ones; only the threads are not. What a thread
//! does under one lock is one step, and all orders of steps are tried, up to states that have been
//! seen. From each, when nothing new comes, everything that waits must be taken as long as a worker
//! is free, every deferred answer must leave, and a queue that is closed must end every worker.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::task::Waker;
use std::time::{Duration, Instant};

use maitred_http_parser::decode::{Decoded, Decoder};
use maitred_http_parser::exchange::{
    Body, Chunk, Client, Exchange, Exchanges, FileBody, Flow, Peer, Presence, Reply, Wake,
};
use maitred_http_parser::fault::ApplicationFault;
use maitred_http_parser::forwarded::Forwarded;
use maitred_http_parser::message::ResponseHead;
use maitred_http_parser::{Limits, RequestHead};

use super::deferral::{Deferral, Deferred};
use super::nap;
use super::queue::Queue;
use super::requester::QueuedRequest;
use super::requester::Requester;
use super::standby::{Gil, SWITCH_INTERVAL};
use super::usage::BLOCKING_CALL;
use super::worker_slot::WorkerSlot;
use crate::system::clock::Clock;
use crate::telemetry::RejectReason;
use crate::telemetry::snapshot::RequestSummary;

/// A step of one of the threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The I/O thread queues the next request.
    Push,
    /// The task of the I/O thread that naps goes on.
    Nap,
    /// A worker goes on.
    Worker(usize),
    /// Once, the sweep wants a worker to keep house.
    Housekeep,
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
    has_lost_one: bool,
    deferral: (usize, bool),
}

/// What calls are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Calls {
    Short,
    /// Short on average, but these have to wait for the interpreter in between.
    Interrupted,
    Blocking,
}

/// What never changes while all orders are tried.
struct Stage {
    /// It moves only for calls that are interrupted: how long one takes is for the stage to say.
    clock: Arc<Clock>,
    requester: Arc<Nobody>,
    head: Arc<RequestHead>,
    gil: Gil,
    calls: Calls,
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
    has_lost_one: bool,
}

impl<'a> Run<'a> {
    fn new(stage: &'a Stage) -> Self {
        let deferral = Arc::new(Deferral::default());
        let queue = Arc::new(Queue::new(100, stage.gil, Arc::clone(&stage.clock), deferral));
        let slots = (0..stage.workers)
            .map(|index| Arc::new(WorkerSlot::take(&queue, &stage.clock, index)))
            .collect();
        let at = vec![At::Asks; stage.workers];
        let nap = Nap::Idle;
        let (pushed, has_kept_house, has_lost_one) = (0, false, stage.workers == 1);
        let mut run = Self { stage, queue, slots, at, nap, pushed, has_kept_house, has_lost_one };
        run.remember();
        run
    }

    /// Calls have been like this, whatever those in between were like.
    fn remember(&mut self) {
        let blocks = self.stage.calls == Calls::Blocking;
        let average = if blocks { BLOCKING_CALL.as_nanos() * 100 } else { 0 };
        self.queue.state().usage.average_call_ns = u64::try_from(average).unwrap();
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
            has_lost_one: self.has_lost_one,
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
        // Tasks of the I/O thread run when the napping one lets them.
        let others_run = matches!(self.nap, Nap::Idle | Nap::Yields { .. });
        if others_run && self.pushed < self.stage.requests.len() {
            steps.push(Step::Push);
        }
        if others_run && !self.has_kept_house {
            steps.push(Step::Housekeep);
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
                self.queue.housekeep();
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
    fn work_on(&self, index: usize) -> At {
        let slot = &self.slots[index];
        match self.at[index] {
            At::Asks => match slot.try_next() {
                Some(exchange) if exchange.request_id.is_some() => At::Stuck,
                Some(_) => At::Serves,
                None => At::Retires,
            },
            At::Serves => {
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
                Some(Wake::Closed) => At::Ended,
                Some(Wake::Work | Wake::Housekeeping) => At::Asks,
                None => At::Sleeps,
            },
            At::Sleeps => {
                assert!(slot.parker.pending().is_some(), "the same steps led elsewhere before");
                let wake = slot.parker.park();
                slot.unparked();
                if wake == Wake::Closed { At::Ended } else { At::Asks }
            }
            At::Stuck | At::Ended => panic!("it does not go on"),
        }
    }

    /// Everybody goes on in turn, and nothing new comes.
    fn settle(&mut self) {
        for _ in 0..30 {
            for step in self.possible() {
                let is_new = matches!(step, Step::Push | Step::Housekeep | Step::End(_));
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
        let now = self.clock.instant();
        let exchange = Exchange {
            head: Arc::clone(&self.head),
            client: Client {
                peer: Arc::new(Peer::unix()),
                forwarded: Forwarded::default(),
                listener: 0,
            },
            body: Body::Empty,
            reply: Box::new(NoReply),
            queued_at: now,
            queued_for: Duration::ZERO,
            request_id: endless.then(|| "endless".into()),
        };
        QueuedRequest { exchange, requester: Arc::clone(&self.requester) as _ }
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

/// Nobody waits for these responses.
#[derive(Debug)]
struct Nobody;

impl Requester for Nobody {
    fn has_left(&self, _: Instant, _: Instant) -> bool {
        false
    }

    fn abandoned(&self) {}

    fn reject_overloaded(&self, _: RejectReason) {}

    fn taken(&self, _: usize, _: Duration, _: Instant) {}

    fn served(&self, _: Duration) {}

    fn time_out(&self, _: usize, _: Instant) {}

    fn flush(&self, _: Instant) {}

    fn summary(&self, _: Instant, _: Instant) -> RequestSummary {
        panic!("nothing here takes long")
    }
}

/// And nobody makes one.
struct NoReply;

impl Reply for NoReply {
    fn head(&mut self, _: ResponseHead) {}

    fn chunk(&mut self, _: Chunk<'_>) -> Flow {
        Flow::Continue
    }

    fn wait(&mut self) -> Flow {
        Flow::Continue
    }

    fn file(&mut self, _: FileBody) -> Flow {
        Flow::Continue
    }

    fn finish(&mut self, _: Chunk<'_>) {}

    fn fail(&mut self, _: ApplicationFault) {}

    fn presence(&self) -> Weak<dyn Presence> {
        panic!("no application asks")
    }
}

/// Tries all orders in which these requests can be served.
fn every_order(workers: usize, requests: &[bool]) {
    let decoded = Decoder::new(Arc::new(Limits::default()))
        .decode(&mut b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".as_slice());
    let Decoded::Head(head) = decoded else { panic!("{decoded:?}") };
    let head = Arc::new(head);
    for gil in [Gil::Enabled, Gil::Disabled] {
        for calls in [Calls::Short, Calls::Interrupted, Calls::Blocking] {
            let (clock, requester) = (Arc::new(Clock::standing()), Arc::new(Nobody));
            let (head, requests) = (Arc::clone(&head), requests.to_vec());
            let stage = Stage { clock, requester, head, gil, calls, workers, requests };
            let states = stage.explore();
            assert!(states > 20, "only {states} states were reached");
        }
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
