//! Every vector of `tests/vectors` on a connection that moves from process to process, through real
//! sockets: to its client and in the access log it is like one that stays.
//!
//! A connection moves as it does when its process retires. The client sends the input in pieces; after
//! each of them, when all of it has been read, the process retires and the next one goes on. What can
//! move at that point is known from the protocol ([`outlook`]), and it must be exactly what moves.

#![cfg(unix)]

#[path = "../../http-parser/tests/vectors/format.rs"]
#[allow(dead_code, reason = "what must come of a vector, others judge")]
mod format;
#[path = "hand_off_vectors/outlook.rs"]
mod outlook;
#[path = "support/siblings.rs"]
mod siblings;
#[path = "support/mod.rs"]
mod support;
#[path = "hand_off_vectors/wire.rs"]
mod wire;

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use maitred_config::{AccessLogFormat, AccessLogTarget, Endpoint, Settings};
use maitred_http_parser::exchange::{Body, Exchange};
use maitred_server::board::SeatState;
use outlook::{Outlook, Threads, outlook};
use siblings::Shared;
use support::{App, Client, End, Gate, Opens, Served, answer, eventually, settings, standing};
use tempfile::TempDir;
use wire::{Transport, Wire};

/// The connections of one process: both ends of all are in this one, and some are on their way.
const AT_ONCE: usize = 128;

/// A process for each piece, so the last one serves to the end.
const PIECES: usize = 3;

/// More ends of heads than these are not cut at.
const HEADS_MAX: usize = 3;

/// More input than this is not read while no thread is free to answer.
const UNANSWERED_MAX: usize = 16 * 1024;

/// More of a request is told by its hash.
const SAID_MAX: usize = 4096;

/// A request for this keeps its thread.
const HOLD: &str = "/hold";

/// Proves that a connection is still open.
const PROBE: &[u8] = b"GET /probe HTTP/1.1\r\nHost: dev.example\r\n\r\n";

#[test]
fn a_tcp_connection_that_moves_between_requests_or_within_a_head_is_like_one_that_stays() {
    every_vector(Transport::Tcp, Threads::Answer);
}

#[test]
fn a_unix_connection_that_moves_between_requests_or_within_a_head_is_like_one_that_stays() {
    every_vector(Transport::Unix, Threads::Answer);
}

#[test]
fn a_tcp_connection_that_moves_while_its_request_waits_is_like_one_that_stays() {
    every_vector(Transport::Tcp, Threads::Held);
}

#[test]
fn a_unix_connection_that_moves_while_its_request_waits_is_like_one_that_stays() {
    every_vector(Transport::Unix, Threads::Held);
}

/// A vector, and where its input is cut.
struct Case {
    name: String,
    input: Vec<u8>,
    cuts: [usize; PIECES - 1],
}

impl Case {
    fn pieces(&self) -> [&[u8]; PIECES] {
        let [first, second] = self.cuts;
        [&self.input[..first], &self.input[first..second], &self.input[second..]]
    }
}

/// What a client has got.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    received: String,
    /// How the connection ended, unless the server has said that it would: what becomes of input behind
    /// that depends on when it comes.
    end: Option<End>,
}

/// What has come of some cases: for each client, and in the access log.
#[derive(Debug)]
struct Outcomes {
    clients: Vec<Outcome>,
    log: Vec<String>,
}

fn every_vector(transport: Transport, threads: Threads) {
    maitred_server::raise_file_limit();
    let mut cases = cases(threads);
    assert!(cases.len() > 1500, "only {} cases", cases.len());
    let mut failures = String::new();
    while !cases.is_empty() {
        let some = cases.split_off(cases.len().saturating_sub(AT_ONCE));
        let stays = serve(&some, transport, threads, 1);
        let moves = serve(&some, transport, threads, PIECES);
        for (case, (stays, moves)) in some.iter().zip(stays.clients.iter().zip(&moves.clients)) {
            if stays != moves {
                let Case { name, cuts, .. } = case;
                writeln!(failures, "{name} cut at {cuts:?}: {moves:?} instead of {stays:?}")
                    .unwrap();
            }
        }
        if stays.log != moves.log {
            let differ = |line: &&String| !stays.log.contains(line) || !moves.log.contains(line);
            let lines: Vec<_> = stays.log.iter().chain(&moves.log).filter(differ).collect();
            let (stays, moves) = (stays.log.len(), moves.log.len());
            writeln!(failures, "logged {moves} requests instead of {stays}: {lines:#?}").unwrap();
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

/// Every vector, cut at every place that makes a difference.
fn cases(threads: Threads) -> Vec<Case> {
    let mut cases = Vec::new();
    for vector in format::all() {
        let mut input = vector.sent;
        if vector.ends_open {
            input.extend_from_slice(PROBE);
        }
        if threads == Threads::Held && input.len() > UNANSWERED_MAX {
            continue;
        }
        let mut places = places(&input);
        if places.len() % 2 == 1 {
            places.push(input.len());
        }
        cases.extend(places.chunks_exact(2).map(|cuts| Case {
            name: vector.name.clone(),
            input: input.clone(),
            cuts: [cuts[0], cuts[1]],
        }));
    }
    cases
}

/// Before the first byte, in the middle, at the end of every head and behind it, before
/// the last byte and behind it.
fn places(input: &[u8]) -> Vec<usize> {
    let length = input.len();
    let heads = input.windows(4).enumerate().filter(|(_, four)| four == b"\r\n\r\n");
    let ends = heads.map(|(at, _)| at + 4).take(HEADS_MAX);
    let mut places = vec![0, length / 2, length.saturating_sub(1), length];
    places.extend(ends.flat_map(|end| [end, end + 1]));
    places.retain(|&place| place <= length);
    places.sort_unstable();
    places.dedup();
    places
}

/// The processes that serve some cases; the first one accepts.
struct Processes {
    shared: Shared,
    gate: Arc<Gate>,
    /// How many requests have been answered.
    answers: Arc<AtomicUsize>,
    folder: TempDir,
    served: Vec<Served>,
}

impl Processes {
    fn start(count: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut processes = Self {
            shared: Shared::new(count),
            gate: Gate::new(),
            answers: Arc::default(),
            folder,
            served: Vec::new(),
        };
        for seat in 0..count {
            let settings = processes.settings(seat);
            let telemetry = standing(&settings);
            let app = echo(&processes.gate, &processes.answers);
            let served = processes.shared.start_apart(seat, &settings, app, telemetry);
            processes.served.push(served);
        }
        processes
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("access.log")
    }

    fn socket(&self, seat: usize) -> PathBuf {
        self.folder.path().join(format!("{seat}.sock"))
    }

    fn settings(&self, seat: usize) -> Settings {
        settings().with(|settings| {
            (settings.limits.threads, settings.limits.connections) = (1, 2 * AT_ONCE);
            settings.network.listen.push(Endpoint::Unix { path: self.socket(seat), mode: 0o600 });
            settings.observability.access_log = Some(AccessLogTarget::File(self.log()));
            let format = AccessLogFormat::parse("%(h)s \"%(r)s\" %(s)s %(B)s %(result)s");
            settings.observability.access_log_format = format.unwrap();
        })
    }

    fn connect(&self, transport: Transport) -> Wire {
        match transport {
            Transport::Tcp => Wire::tcp(self.served[0].address),
            Transport::Unix => Wire::unix(&self.socket(0)),
        }
    }

    /// Holds the threads of all processes but the last one, which goes on where the others end.
    fn hold_threads(&self) -> Vec<Client> {
        let others = &self.served[..self.served.len().min(PIECES - 1)];
        let mut held: Vec<_> = others.iter().map(Served::connect).collect();
        held.iter_mut().for_each(|client| client.ask(HOLD));
        self.gate.wait_for(held.len());
        held
    }

    /// Returns when so many requests have been answered.
    fn until_answered(&self, requests: usize) {
        let answers = || self.answers.load(Ordering::Relaxed);
        eventually(&format!("{requests} answers"), || answers() >= requests);
        assert_eq!(answers(), requests, "what has been answered once is answered again");
        eventually("idle threads", || self.served.iter().all(|served| served.running.busy() == 0));
    }

    /// Returns when a process has read what clients have sent, and done what comes of it. Then it
    /// retires, if there is another one, which goes on with exactly what can move.
    fn go_on(&self, seat: usize, threads: Threads, ahead: &[Outlook]) {
        if threads == Threads::Answer {
            self.until_answered(ahead.iter().map(|outlook| outlook.answers).sum());
        }
        let last = self.served.last().unwrap();
        let process = self.served.get(seat).unwrap_or(last);
        process.settle();
        if std::ptr::eq(process, last) {
            return;
        }
        self.shared.set_state(seat, SeatState::Retiring);
        self.shared.set_state(seat + 1, SeatState::Ready);
        process.running.retire();
        let next = self.shared.board.seat(seat + 1).unwrap();
        let moving = ahead.iter().filter(|outlook| outlook.can_move).count() as u64;
        eventually("all that can move", || next.adopted() >= moving);
        assert_eq!(next.adopted(), moving, "what cannot move has moved");
    }

    /// What has been logged, once they have ended.
    fn end(self) -> Vec<String> {
        self.gate.open();
        let Self { served, folder, .. } = self;
        drop(served);
        let log = std::fs::read_to_string(folder.path().join("access.log")).unwrap();
        let lines = log.lines().filter(|line| !line.contains(HOLD));
        let mut lines: Vec<_> = lines.map(String::from).collect();
        lines.sort_unstable();
        lines
    }
}

/// Serves the cases, each on a connection, by so many processes.
fn serve(cases: &[Case], transport: Transport, threads: Threads, processes: usize) -> Outcomes {
    let processes = Processes::start(processes);
    let _opens = Opens(Arc::clone(&processes.gate));
    let held = match threads {
        Threads::Answer => Vec::new(),
        Threads::Held => processes.hold_threads(),
    };
    let mut wires: Vec<_> = cases.iter().map(|_| processes.connect(transport)).collect();
    for piece in 0..PIECES {
        for (case, wire) in cases.iter().zip(&mut wires) {
            wire.give(case.pieces()[piece]);
        }
        if piece < PIECES - 1 {
            let received = |case: &Case| outlook(&case.input[..case.cuts[piece]], threads);
            processes.go_on(piece, threads, &cases.iter().map(received).collect::<Vec<_>>());
        }
    }
    processes.gate.open();
    let whole = |case: &Case| outlook(&case.input, Threads::Answer).answers;
    processes.until_answered(cases.iter().map(whole).sum());
    wires.iter_mut().for_each(Wire::half_close);
    let clients = wires.iter_mut().map(outcome).collect();
    drop((wires, held));
    Outcomes { clients, log: processes.end() }
}

/// All that a client gets, but for the time of day.
fn outcome(wire: &mut Wire) -> Outcome {
    let (received, end) = wire.rest();
    let received = String::from_utf8_lossy(&received);
    let lines = received.split("\r\n").filter(|line| !line.starts_with("Date: "));
    let received = lines.collect::<Vec<_>>().join("\n");
    let is_told = received.contains("\nConnection: close\n");
    Outcome { received, end: (!is_told).then_some(end) }
}

/// An application that says all it is told.
fn echo(gate: &Arc<Gate>, answers: &Arc<AtomicUsize>) -> Arc<App> {
    let (gate, answers) = (Arc::clone(gate), Arc::clone(answers));
    App::new(move |exchange: Exchange| {
        if exchange.head.target() == HOLD.as_bytes() {
            gate.pass();
            return answer(exchange, b"");
        }
        let Exchange { head, client, body, request_id, .. } = &exchange;
        let mut said = format!(
            "{} {:?} {} {:?} {request_id:?} {} {:?}\n",
            head.method(),
            head.version(),
            head.target().escape_ascii(),
            head.host().map(<[u8]>::to_vec),
            client.listener,
            client.peer.host,
        );
        for (name, value) in head.fields() {
            writeln!(said, "{}: {}", name.escape_ascii(), value.escape_ascii()).unwrap();
        }
        match body {
            Body::Empty => {}
            Body::Memory(bytes) => said.push_str(&bytes.escape_ascii().to_string()),
            Body::File { length, .. } => write!(said, "{length} bytes").unwrap(),
        }
        if said.len() > SAID_MAX {
            // More could fill a socket whose client does not read yet.
            let mut hasher = DefaultHasher::new();
            said.hash(&mut hasher);
            said = format!("{} bytes like {:x}", said.len(), hasher.finish());
        }
        answers.fetch_add(1, Ordering::Relaxed);
        answer(exchange, said.as_bytes());
    })
}
