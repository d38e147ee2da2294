//! Every order in which worker processes can push requests to each other, pull, take, fail to send, and
//! retire.
//!
//! The queues, the workers' slots and the rules are the real ones; threads, sockets and the supervisor
//! are not. What a thread does under one lock is one step, and so is what is sent or read at once: a
//! process may retire, and end, between another one's decision to send it a request and the moment
//! when it is sent. `tests/model.rs` has the orders within one process. No request may ever be taken
//! twice. From every state it must be possible to come to rest when nothing new comes, and then every
//! request has been taken, whoever retires has ended, and nothing is left in an inbox, least of all in
//! that of one who has gone.

mod run;
mod world;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use maitred_http_parser::RequestHead;

use super::elsewhere::WORTH;
use super::no_reply;
use crate::system::clock::Clock;
use run::{Budget, Run, Snapshot, Step};

/// What never changes while all orders are tried.
struct Stage {
    processes: usize,
    requests: usize,
    /// How many of the processes retire, one after the other.
    retire: usize,
    budget: Budget,
    average_call: Duration,
    clock: Arc<Clock>,
    head: Arc<RequestHead>,
}

/// All states that were reached, and how.
#[derive(Default)]
struct States {
    known: HashMap<Snapshot, usize>,
    /// One way to each.
    ways: Vec<Vec<Step>>,
    /// From which others each is reached when nothing new comes.
    before: Vec<Vec<usize>>,
    /// Those in which nothing happens any more.
    at_rest: Vec<usize>,
}

impl States {
    /// The state that these steps lead to.
    fn add(&mut self, snapshot: Snapshot, way: Vec<Step>) -> usize {
        let new = self.ways.len();
        let state = *self.known.entry(snapshot).or_insert(new);
        if state == new {
            self.ways.push(way);
            self.before.push(Vec::new());
        }
        state
    }

    /// A state from which none is reached in which nothing happens any more.
    fn restless(&self) -> Option<&[Step]> {
        let mut comes_to_rest = vec![false; self.ways.len()];
        let mut ahead = self.at_rest.clone();
        while let Some(state) = ahead.pop() {
            if !std::mem::replace(&mut comes_to_rest[state], true) {
                ahead.extend(&self.before[state]);
            }
        }
        let restless = comes_to_rest.iter().position(|it| !it);
        restless.map(|state| self.ways[state].as_slice())
    }
}

impl Stage {
    /// Tries all orders, and tells how many states there are.
    fn explore(&self) -> usize {
        let mut states = States::default();
        states.add(Run::new(self).snapshot(), Vec::new());
        let mut state = 0;
        while let Some(way) = states.ways.get(state).cloned() {
            let mut is_at_rest = true;
            for step in self.replay(&way).possible() {
                let mut run = self.replay(&way);
                run.take(step);
                run.judge(&way, step);
                let next = states.add(run.snapshot(), [way.as_slice(), &[step]].concat());
                if !step.is_new() && next != state {
                    is_at_rest = false;
                    states.before[next].push(state);
                }
            }
            if is_at_rest {
                self.replay(&way).judge_at_rest(&way);
                states.at_rest.push(state);
            }
            state += 1;
        }
        assert_eq!(states.restless(), None, "never comes to rest");
        states.ways.len()
    }

    fn replay(&self, way: &[Step]) -> Run<'_> {
        let mut run = Run::new(self);
        for step in way {
            run.take(*step);
        }
        run
    }
}

/// Calls that are too short for a request to move when it arrives.
const TINY: Duration = Duration::ZERO;

fn every_order(processes: usize, requests: usize, average_call: Duration, budget: Budget) {
    let head = no_reply::head();
    let (clock, retire) = (Arc::new(Clock::standing()), processes - 1);
    let stage = Stage { processes, requests, retire, budget, average_call, clock, head };
    let states = stage.explore();
    assert!(states > 1000, "only {states} states were reached");
}

#[test]
fn a_request_that_is_pushed_or_pulled_or_comes_back_is_taken_once_although_a_process_retires() {
    let budget = Budget { failures: 1, pushes: 1, pulls: 1 };
    for average_call in [TINY, WORTH] {
        every_order(2, 1, average_call, budget);
    }
}

#[test]
fn requests_that_are_pushed_are_taken_once_although_a_process_retires() {
    every_order(2, 2, WORTH, Budget { failures: 1, pushes: 0, pulls: 0 });
}

#[test]
fn requests_that_are_pulled_are_taken_once_although_a_process_retires() {
    every_order(2, 2, TINY, Budget { failures: 0, pushes: 0, pulls: 1 });
}

#[test]
fn a_request_is_taken_once_although_one_process_retires_after_the_other() {
    every_order(3, 1, WORTH, Budget { failures: 0, pushes: 0, pulls: 0 });
}
