//! Runs simulated processes and their clients, event by event.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::super::elsewhere::{self, TICK, WORTH};
use super::super::level::WINDOW;
use super::super::usage::BLOCKING_CALL;
use super::machine::{
    Board, Io, Message, Phase, Process, Request, SeatOnBoard, Thread, Time, View, ns,
};

/// From a wake-up until a thread runs.
const WAKE: Time = 30_000;

/// From the sending of a message until the I/O thread that receives it runs.
const HAND_OFF: Time = 20_000;

/// A generator of numbers that look random: splitmix64.
#[derive(Clone, Debug)]
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// True once in so many times.
    pub(super) fn one_in(&mut self, times: u64) -> bool {
        self.next().is_multiple_of(times)
    }

    /// A time between 0 and twice the mean.
    pub(super) fn around(&mut self, mean: Time) -> Time {
        self.next() % (2 * mean + 1)
    }
}

/// What a client does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client {
    /// The process that accepted its connection.
    pub(super) at: usize,
    /// When it sends its first request.
    pub(super) starts: Time,
    /// From a response to its next request, on average; `None` to send no other.
    pub(super) thinks: Option<Time>,
    pub(super) calls: fn(&mut Random) -> Vec<Phase>,
    pub(super) can_move: bool,
}

/// What has come of a run.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    /// Of the requests that can move and have started.
    pub(super) waits: Vec<Wait>,
    /// Requests that were answered, by process.
    pub(super) answered: Vec<u64>,
    pub(super) pushed: u64,
    pub(super) pulled: u64,
    pub(super) levelled: u64,
}

/// How long a request has waited.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wait {
    pub(super) connection: usize,
    /// From when it was sent until a thread took it.
    pub(super) waited: Time,
    /// For how long of that another process could have started it.
    pub(super) unfair: Time,
}

impl Outcome {
    /// How often requests moved.
    pub(super) fn moves(&self) -> u64 {
        self.pushed + self.pulled + self.levelled
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Sends(usize),
    Io(usize),
    Tick(usize),
    Woken(usize, usize),
    Gil(usize, u64),
    Unblocked(usize, usize),
}

pub(super) struct Run {
    random: Random,
    now: Time,
    events: BinaryHeap<Reverse<(Time, u64, Event)>>,
    next_event: u64,
    processes: Vec<Process>,
    board: Board,
    clients: Vec<Client>,
    /// For each connection: the process that has it, and how often it moved since its last response.
    connections: Vec<(usize, u8)>,
    outcome: Outcome,
}

impl Run {
    pub(super) fn new(processes: usize, threads: usize, clients: Vec<Client>, seed: u64) -> Self {
        let seats = (0..processes).map(|_| SeatOnBoard::default()).collect();
        let mut run = Self {
            random: Random(seed),
            now: 0,
            events: BinaryHeap::new(),
            next_event: 0,
            processes: (0..processes).map(|_| Process::new(threads)).collect(),
            board: Board { seats },
            connections: clients.iter().map(|client| (client.at, 0)).collect(),
            clients,
            outcome: Outcome { answered: vec![0; processes], ..Outcome::default() },
        };
        for process in 0..processes {
            run.publish(process);
        }
        for (index, client) in run.clients.clone().into_iter().enumerate() {
            run.schedule(client.starts, Event::Sends(index));
        }
        run
    }

    /// Runs until this time.
    pub(super) fn until(mut self, end: Time) -> Outcome {
        while let Some(Reverse((at, _, event))) = self.events.pop() {
            if at > end {
                break;
            }
            self.pass(at - self.now);
            self.handle(event);
        }
        self.outcome
    }

    fn schedule(&mut self, at: Time, event: Event) {
        self.next_event += 1;
        self.events.push(Reverse((at, self.next_event, event)));
    }

    /// Time passes. It is unfair to as many of the oldest requests that wait as could have been
    /// started elsewhere.
    fn pass(&mut self, time: Time) {
        self.now += time;
        let could = self.processes.iter().filter(|process| process.could_start_one()).count();
        if could == 0 {
            return;
        }
        let mut waiting: Vec<_> = self.processes.iter_mut().flat_map(Process::waiting).collect();
        waiting.sort_by_key(|request| request.sent_at);
        for request in waiting.into_iter().take(could) {
            request.unfair += time;
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Sends(client) => self.send_request(client),
            Event::Io(at) => {
                if self.processes[at].io == Io::WillRun {
                    self.processes[at].io = Io::Waits;
                    self.run_io(at);
                }
            }
            Event::Tick(at) => self.tick(at),
            Event::Woken(at, thread) => {
                self.processes[at].gil_waiters.push_back((thread, self.now));
                self.reschedule(at);
            }
            Event::Gil(at, version) => {
                if self.processes[at].gil_version == version {
                    self.slice_ended(at);
                }
            }
            Event::Unblocked(at, thread) => {
                self.processes[at].gil_waiters.push_back((thread, self.now));
                self.reschedule(at);
            }
        }
    }

    fn send_request(&mut self, client: usize) {
        let Client { calls, can_move, .. } = self.clients[client];
        let mut phases = calls(&mut self.random);
        phases.reverse();
        let (at, _) = self.connections[client];
        let request = Request {
            connection: client,
            phases,
            can_move,
            is_adopted: false,
            sent_at: self.now,
            queued_at: self.now,
            unfair: 0,
        };
        self.deliver(at, Message::Request(request), 0);
    }

    fn deliver(&mut self, to: usize, message: Message, latency: Time) {
        let process = &mut self.processes[to];
        process.inbox.push_back(message);
        if process.io == Io::Waits {
            process.io = Io::WillRun;
            self.schedule(self.now + HAND_OFF.max(latency), Event::Io(to));
        }
    }

    /// The I/O thread handles everything that has arrived.
    fn run_io(&mut self, at: usize) {
        self.board.seats[at].beat.set(self.now);
        while let Some(message) = self.processes[at].inbox.pop_front() {
            match message {
                Message::Request(mut request) => {
                    request.queued_at = self.now;
                    self.arrived(at, request);
                }
                Message::Parcel(mut request) => {
                    let seat = &self.board.seats[at];
                    seat.unread.set(seat.unread.get() - 1);
                    request.is_adopted = true;
                    self.queue(at, request);
                    self.wake(at);
                }
                Message::Want { from } => self.wanted(at, from),
                Message::Nothing { from } => {
                    let now = Duration::from_nanos(self.now);
                    self.processes[at].pull.refused(from, now);
                }
            }
        }
        self.wake(at);
        self.publish(at);
        self.keep_ticking(at);
    }

    /// Hands a request over.
    fn hand_over(&mut self, to: usize, request: Request) {
        let (owner, hops) = &mut self.connections[request.connection];
        (*owner, *hops) = (to, *hops + 1);
        let seat = &self.board.seats[to];
        seat.unread.set(seat.unread.get() + 1);
        self.deliver(to, Message::Parcel(request), HAND_OFF);
    }

    fn arrived(&mut self, at: usize, request: Request) {
        let (process, view) = (&mut self.processes[at], view(&self.board, at, self.now));
        process.active.insert(request.connection);
        let (_, hops) = self.connections[request.connection];
        if request.can_move {
            let level = if hops == 0 { process.level.on_arrival() } else { None };
            if let Some(to) = level {
                self.outcome.levelled += 1;
                return self.hand_over(to, request);
            }
            if let Some((to, _)) = elsewhere::on_arrival(&process.load(self.now), &view) {
                self.outcome.pushed += 1;
                return self.hand_over(to, request);
            }
        }
        let worth = process.load(self.now).expected_start() >= WORTH;
        if worth && request.can_move {
            self.board.seats[at].has_waiting.set(true);
        }
        self.queue(at, request);
    }

    fn queue(&mut self, at: usize, request: Request) {
        let process = &mut self.processes[at];
        let behind = process.queue.iter().position(|other| other.queued_at > request.queued_at);
        process.queue.insert(behind.unwrap_or(process.queue.len()), request);
        if process.calls_block()
            || process.ticking
            || process.taken_at + ns(BLOCKING_CALL) <= self.now
        {
            self.wake(at);
        }
        self.publish(at);
        self.keep_ticking(at);
    }

    /// Another process has a thread without work.
    fn wanted(&mut self, at: usize, from: usize) {
        let oldest = self.processes[at].queue.iter().position(|request| request.can_move);
        match oldest {
            Some(index) if elsewhere::on_want(from, &view(&self.board, at, self.now)) => {
                let request = self.processes[at].queue.remove(index).unwrap();
                self.outcome.pulled += 1;
                self.hand_over(from, request);
                self.publish(at);
            }
            _ => self.deliver(from, Message::Nothing { from: at }, HAND_OFF),
        }
    }

    fn keep_ticking(&mut self, at: usize) {
        let process = &mut self.processes[at];
        if process.ticking || process.queue.is_empty() {
            return;
        }
        process.ticking = true;
        if !process.calls_block() {
            process.io = Io::Naps;
        }
        self.schedule(self.now + ns(TICK), Event::Tick(at));
    }

    fn tick(&mut self, at: usize) {
        let process = &mut self.processes[at];
        if !process.ticking {
            return;
        }
        process.ticking = false;
        process.io = Io::Waits;
        self.end_window(at);
        self.push_waiting(at);
        self.run_io(at);
        let movable = |process: &Process| process.queue.iter().any(|request| request.can_move);
        self.board.seats[at].has_waiting.set(movable(&self.processes[at]));
    }

    fn end_window(&mut self, at: usize) {
        let process = &mut self.processes[at];
        let passed = self.now - process.window_began;
        if passed < ns(WINDOW) {
            return;
        }
        let busy = u32::try_from(process.short_calls * 1000 / passed).unwrap().min(1000);
        let active = process.active.len();
        (process.window_began, process.short_calls) = (self.now, 0);
        process.active.clear();
        self.board.seats[at].utilisation.set((busy, self.now));
        let (now, random) = (Duration::from_nanos(self.now), self.random.next());
        let view = view(&self.board, at, self.now);
        process.level.window_ended(busy, active, random, now, &view);
    }

    /// Moves the oldest requests for which there is room elsewhere.
    fn push_waiting(&mut self, at: usize) {
        loop {
            let process = &mut self.processes[at];
            let Some(index) = process.queue.iter().position(|request| request.can_move) else {
                return;
            };
            let waited = Duration::from_nanos(self.now - process.queue[index].queued_at);
            let load = process.load(self.now);
            let to = elsewhere::on_tick(&load, waited, &view(&self.board, at, self.now));
            let Some((to, _)) = to else { return };
            let request = process.queue.remove(index).unwrap();
            self.outcome.pushed += 1;
            self.hand_over(to, request);
        }
    }

    fn publish(&mut self, at: usize) {
        let (process, seat) = (&self.processes[at], &self.board.seats[at]);
        let load = process.load(self.now);
        let unread = usize::try_from(seat.unread.get()).unwrap();
        seat.room.set(load.room().saturating_sub(unread));
        seat.busy.set(load.busy);
        let start = if load.is_stalled() { Duration::MAX } else { load.expected_start() };
        seat.expected_start.set(start);
        let oldest = process.queue.iter().find(|request| request.can_move);
        seat.oldest.set(oldest.map(|request| request.queued_at));
        if oldest.is_none() {
            seat.has_waiting.set(false);
        }
        seat.open.set(self.connections.iter().filter(|(owner, _)| *owner == at).count() as u64);
    }

    fn wake(&mut self, at: usize) {
        let process = &mut self.processes[at];
        if !process.wants_standby(self.now) {
            return;
        }
        let Some(thread) = process.parked() else { return };
        process.threads[thread] = Thread::Standby;
        process.standby = Some((thread, self.now, process.busy() > 0));
        self.schedule(self.now + WAKE, Event::Woken(at, thread));
    }

    /// The GIL may have been released, or another thread wants it.
    fn reschedule(&mut self, at: usize) {
        let process = &mut self.processes[at];
        let Some(holder) = process.gil else {
            let Some((thread, _)) = process.gil_waiters.pop_front() else { return };
            process.gil = Some(thread);
            process.slice_began = self.now;
            return match process.threads[thread] {
                Thread::Standby => self.take(at, thread),
                Thread::Serves { .. } => self.reschedule(at),
                Thread::Parked => unreachable!("a sleeping thread asks for nothing"),
            };
        };
        let Thread::Serves { request, .. } = &process.threads[holder] else { return };
        let phase = *request.phases.last().expect("it has something to do");
        process.gil_version += 1;
        let began = process.slice_began;
        let (end, version) = (process.slice_end(began, phase).max(self.now), process.gil_version);
        self.schedule(end, Event::Gil(at, version));
    }

    fn slice_ended(&mut self, at: usize) {
        let (now, process) = (self.now, &mut self.processes[at]);
        let holder = process.gil.expect("somebody has it");
        let passed = now - process.slice_began;
        process.slice_began = now;
        let Thread::Serves { request, .. } = &mut process.threads[holder] else { unreachable!() };
        let (Phase::Compute(left) | Phase::Hold(left)) = request.phases.last_mut().unwrap() else {
            unreachable!("who waits has no GIL")
        };
        *left -= passed;
        if *left > 0 {
            process.gil_waiters.push_back((holder, now));
            process.gil = None;
            return self.reschedule(at);
        }
        request.phases.pop();
        match request.phases.last().copied() {
            None => self.finish(at, holder),
            Some(Phase::Block(time)) => {
                request.phases.pop();
                process.gil = None;
                self.schedule(now + time, Event::Unblocked(at, holder));
                self.reschedule(at);
            }
            Some(Phase::Compute(_) | Phase::Hold(_)) => self.reschedule(at),
        }
    }

    fn finish(&mut self, at: usize, thread: usize) {
        let process = &mut self.processes[at];
        let served = std::mem::replace(&mut process.threads[thread], Thread::Parked);
        let Thread::Serves { request, since } = served else { unreachable!() };
        let length = self.now - since;
        process.average_call = process.average_call - process.average_call / 8 + length / 8;
        if length < ns(WORTH) {
            process.short_calls += length;
        }
        self.outcome.answered[at] += 1;
        self.connections[request.connection].1 = 0;
        if let Some(mean) = self.clients[request.connection].thinks {
            let next = self.now + self.random.around(mean);
            self.schedule(next, Event::Sends(request.connection));
        }
        self.take(at, thread);
    }

    /// A thread that has the GIL takes its next request.
    fn take(&mut self, at: usize, thread: usize) {
        let process = &mut self.processes[at];
        if let Some((standby, since, beside_calls)) = process.standby
            && standby == thread
        {
            process.standby = None;
            if beside_calls {
                process.attach_times.record(Duration::from_nanos(self.now - since));
            }
        }
        let Some(request) = process.queue.pop_front() else {
            process.threads[thread] = Thread::Parked;
            process.gil = None;
            self.publish(at);
            self.reschedule(at);
            return self.became_idle(at);
        };
        process.taken_at = self.now;
        if request.can_move {
            let (connection, unfair) = (request.connection, request.unfair);
            self.outcome.waits.push(Wait {
                connection,
                waited: self.now - request.sent_at,
                unfair,
            });
        }
        process.threads[thread] = Thread::Serves { request, since: self.now };
        process.slice_began = self.now;
        self.wake(at);
        self.publish(at);
        self.reschedule(at);
    }

    fn became_idle(&mut self, at: usize) {
        let now = self.now;
        if self.processes[at].io == Io::Naps {
            // As `Deferral::wake_io`; what has been read meanwhile is handled at once.
            self.processes[at].io = Io::WillRun;
            self.processes[at].ticking = false;
            self.schedule(now + WAKE, Event::Io(at));
        }
        let process = &mut self.processes[at];
        let load = process.load(now);
        let view = view(&self.board, at, now);
        let asked = process.pull.on_idle(&load, Duration::from_nanos(now), &view);
        if let Some(seat) = asked {
            self.deliver(seat, Message::Want { from: at }, HAND_OFF);
        }
    }
}

fn view(board: &Board, own: usize, now: Time) -> View<'_> {
    View { board, own, now }
}
