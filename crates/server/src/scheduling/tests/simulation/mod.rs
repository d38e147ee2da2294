//! The rules of `elsewhere` and `level` against loads of many kinds, in simulated time: with streams,
//! with a GIL that a call in C holds, with calls that compute and calls that wait.
//!
//! The machine is idealised: a request starts as soon as a thread has the GIL, and messages between
//! processes take a moment. What is measured is exact: how long each request waited while another
//! process could have started it. That, and the number of moves, is what the rules are for.

mod machine;
mod run;

use machine::{Phase, Time};
use run::{Client, Outcome, Random, Run};

const US: Time = 1_000;
const MS: Time = 1_000 * US;
const SECOND: Time = 1_000 * MS;

/// What is promised: a request that can move does not wait longer than this while another process
/// has room.
const PROMISED: Time = 5 * MS;

const SEEDS: [u64; 2] = [1, 2];

fn hello(_: &mut Random) -> Vec<Phase> {
    vec![Phase::Compute(20 * US)]
}

/// A call that waits for a database for 10 ms.
fn query(_: &mut Random) -> Vec<Phase> {
    vec![Phase::Compute(50 * US), Phase::Block(10 * MS), Phase::Compute(50 * US)]
}

fn two_ms_of_python(_: &mut Random) -> Vec<Phase> {
    vec![Phase::Compute(2 * MS)]
}

/// 95 % short, 5 % a hundred times as long, waiting.
fn mixed(random: &mut Random) -> Vec<Phase> {
    let time = if random.one_in(20) { 100 * MS } else { MS };
    vec![Phase::Compute(20 * US), Phase::Block(time), Phase::Compute(20 * US)]
}

/// A stream that goes on after the end of the simulation.
fn stream(_: &mut Random) -> Vec<Phase> {
    vec![Phase::Compute(20 * US), Phase::Block(1000 * SECOND)]
}

/// A call in C that keeps the GIL for 600 ms.
fn stuck(_: &mut Random) -> Vec<Phase> {
    vec![Phase::Compute(20 * US), Phase::Hold(600 * MS)]
}

fn client(at: usize, starts: Time, calls: fn(&mut Random) -> Vec<Phase>) -> Client {
    Client { at, starts, thinks: None, calls, can_move: true }
}

fn repeating(at: usize, thinks: Time, calls: fn(&mut Random) -> Vec<Phase>) -> Client {
    Client { thinks: Some(thinks), ..client(at, at as Time * 7 * US, calls) }
}

/// The longest wait of a request that another process could have started.
fn unfair_max(outcome: &Outcome) -> Time {
    outcome.waits.iter().map(|wait| wait.unfair).max().expect("requests were sent")
}

/// The rules that hold for any load.
fn check(name: &str, outcome: &Outcome) {
    let unfair = unfair_max(outcome);
    assert!(unfair <= PROMISED, "{name}: {} µs while another process had room", unfair / US);
    let answered: u64 = outcome.answered.iter().sum();
    let moves = outcome.moves();
    assert!(moves <= answered + 100, "{name}: {moves} moves of {answered} requests");
}

/// One request every 20 ms, on connections that the first process has, whose GIL is held meanwhile.
fn beside_a_stuck_gil(streams: bool, processes: usize) -> Outcome {
    let mut clients = vec![client(0, 10 * MS, stuck)];
    if streams {
        clients
            .extend((0..processes).map(|at| Client { can_move: false, ..client(at, 0, stream) }));
    }
    clients.extend((0..29).map(|index| client(0, 20 * MS * (index + 1), hello)));
    Run::new(processes, 4, clients, 1).until(700 * MS)
}

#[test]
fn requests_leave_a_process_whose_gil_is_held_in_c() {
    for processes in [2, 4, 32] {
        for streams in [false, true] {
            let outcome = beside_a_stuck_gil(streams, processes);
            check("a stuck GIL", &outcome);
            let hellos = &outcome.waits[outcome.waits.len() - 29..];
            let longest = hellos.iter().map(|wait| wait.waited).max().unwrap();
            assert!(longest <= PROMISED, "{processes}, {streams}: {} µs", longest / US);
        }
    }
}

#[test]
fn requests_leave_a_stalled_process_although_no_other_has_room() {
    // The others compute all the time, and requests wait there, too: about 16 ms each.
    for processes in [2, 4] {
        let mut clients = vec![client(0, 10 * MS, stuck)];
        let others = (1..processes).flat_map(|at| (0..8).map(move |_| at));
        clients.extend(others.map(|at| repeating(at, 10 * US, two_ms_of_python)));
        let first = clients.len();
        clients.extend((0..25).map(|index| client(0, 20 * MS * (index + 1), hello)));
        let outcome = Run::new(processes, 4, clients, 1).until(700 * MS);
        let hellos = outcome.waits.iter().filter(|wait| wait.connection >= first);
        let longest = hellos.map(|wait| wait.waited).max().unwrap();
        assert!(longest <= 100 * MS, "{processes}: {} µs", longest / US);
    }
}

#[test]
fn eleven_requests_use_the_threads_of_an_idle_process() {
    let mut clients = vec![client(0, 0, stuck)];
    clients.extend((0..11).map(|_| client(0, MS, query)));
    let outcome = Run::new(2, 4, clients, 1).until(200 * MS);
    let mut waits: Vec<_> = outcome.waits[1..].iter().map(|wait| wait.waited).collect();
    waits.sort_unstable();
    assert_eq!(waits.len(), 11);
    assert!(waits[3] <= PROMISED, "the fourth waited {} µs", waits[3] / US);
    assert!(waits[10] <= 3 * 11 * MS, "the last waited {} µs", waits[10] / US);
}

#[test]
fn no_request_waits_unfairly_whatever_the_load() {
    type Load = (&'static str, fn(&mut Random) -> Vec<Phase>, Time);
    let loads: [Load; 3] = [
        ("mixed", mixed, 6 * MS),
        ("query", query, 10 * MS),
        ("compute", two_ms_of_python, 2 * MS),
    ];
    for seed in SEEDS {
        for (processes, threads) in [(2, 1), (2, 4), (4, 1), (32, 1)] {
            for (name, calls, length) in loads {
                // All connections are those of the first two processes, at 60 % of what all can do.
                let capacity = if name == "compute" { processes } else { processes * threads };
                let connections = 16 * processes;
                let thinks = length * connections as Time * 10 / (capacity as Time * 6);
                let clients = (0..connections)
                    .map(|index| Client {
                        starts: thinks * index as Time / connections as Time,
                        ..repeating(index % 2, thinks, calls)
                    })
                    .collect();
                let outcome = Run::new(processes, threads, clients, seed).until(SECOND);
                check(&format!("{name}, {processes} × {threads}, seed {seed}"), &outcome);
            }
        }
    }
}

#[test]
fn requests_that_wait_for_other_things_stay_where_threads_are_free() {
    for (processes, threads) in [(2, 8), (4, 8), (4, 16), (16, 8)] {
        // 30 % of the threads are in use.
        let connections = processes * 8;
        let thinks = 10 * MS * 8 * 10 / (threads as Time * 3);
        let clients = (0..connections).map(|index| repeating(index % processes, thinks, query));
        let outcome = Run::new(processes, threads, clients.collect(), 1).until(SECOND);
        let answered: u64 = outcome.answered.iter().sum();
        let moves = outcome.moves();
        assert!(moves * 20 <= answered, "{processes} × {threads}: {moves} of {answered} moved");
    }
}

#[test]
fn a_thread_without_work_is_given_a_request_before_the_next_tick() {
    let clients = (0..32).map(|index| repeating(index % 2, 260 * MS, query)).collect();
    let outcome = Run::new(2, 1, clients, 1).until(2 * SECOND);
    assert!(outcome.pulled >= 20, "only {} requests were pulled", outcome.pulled);
    let unfair = unfair_max(&outcome);
    assert!(unfair <= 200 * US, "{} µs", unfair / US);
}

#[test]
fn short_calls_are_levelled_over_all_processes() {
    for (processes, connections) in [(2, 16), (2, 64), (4, 64), (8, 128)] {
        let clients = (0..connections).map(|_| repeating(0, 100 * US, hello)).collect();
        let outcome = Run::new(processes, 1, clients, 1).until(2 * SECOND);
        let answered = &outcome.answered;
        let (most, least) = (answered.iter().max().unwrap(), answered.iter().min().unwrap());
        assert!(least * 3 >= most * 2, "{processes}, {connections}: {answered:?}");
        // Most requests stay where they arrive.
        let (moves, all): (u64, u64) = (outcome.moves(), answered.iter().sum());
        assert!(moves * 50 <= all, "{processes}, {connections}: {moves} moves of {all}");
    }
}

#[test]
fn connections_do_not_go_back_and_forth_where_short_calls_are_level() {
    for processes in [2, 8] {
        let clients =
            (0..16 * processes).map(|index| repeating(index % processes, 100 * US, hello));
        let outcome = Run::new(processes, 1, clients.collect(), 1).until(2 * SECOND);
        // In 40 windows; with every window used, there could be 20 times as many.
        let (levelled, connections) = (outcome.levelled, 16 * processes as u64);
        assert!(levelled <= connections / 2, "{levelled} moves of {connections} connections");
    }
}
