//! Which worker does not react any more.
//!
//! Two beats tell: that of the I/O thread, and that of a thread which needs the interpreter. They are
//! judged only against time in which the supervisor itself ran: after a pause of everybody (a frozen
//! container, a suspended machine, minutes of swapping) all beats are old, and nobody is at fault.
//! At most one worker is called hung at a time; the next one when the successor of the first is
//! ready, or after another `worker-timeout`.

use std::time::Duration;

use super::facts::Serial;

/// How much later than planned the supervisor may look: beyond this it has been paused.
const LATE: Duration = Duration::from_secs(2);

/// How often the supervisor looks.
pub const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Which beat stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// The I/O thread does not run: the process is stopped, swapped out, or broken.
    Io,
    /// No thread gets the interpreter: something holds it.
    Python,
    /// All threads are past `request-timeout`, and none is replaced any more.
    Stuck,
}

/// The beats of a ready worker, as ages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beats {
    /// Since the I/O thread last ran.
    pub io: Duration,
    /// Since a thread last had the interpreter.
    pub python: Duration,
    /// Since when no thread can take a request any more; 0 if one can.
    pub stuck: Duration,
    /// The `worker-timeout` that the worker was started with; `None`: it is never hung.
    pub timeout: Option<Duration>,
}

/// A worker that is hung.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hung {
    /// Which one.
    pub serial: Serial,
    /// What it does not do.
    pub silence: Silence,
    /// For how long it has not.
    pub age: Duration,
}

/// Judges the beats.
#[derive(Debug, Default)]
pub struct Health {
    looked_at: Option<Duration>,
    /// Ages count from here at the earliest.
    counts_from: Duration,
    /// The last worker that was called hung, and until when no other is unless that one is replaced.
    last: Option<(Serial, Duration)>,
}

impl Health {
    /// Looks at the ready workers; called every [`LOOK_EVERY`]. `is_replaced` tells whether a worker
    /// that was called hung has a successor that is ready.
    pub fn look(
        &mut self,
        now: Duration,
        workers: &[(Serial, Beats)],
        is_replaced: impl Fn(Serial) -> bool,
    ) -> Option<Hung> {
        let was_paused = self
            .looked_at
            .is_none_or(|looked_at| now.saturating_sub(looked_at) > LOOK_EVERY + LATE);
        self.looked_at = Some(now);
        if was_paused {
            self.counts_from = now;
        }
        if let Some((serial, until)) = self.last {
            if !is_replaced(serial) && now < until {
                return None;
            }
            self.last = None;
        }
        let ran_for = now.saturating_sub(self.counts_from);
        let judged = workers.iter().filter_map(|(serial, beats)| {
            let kinds = [
                (Silence::Io, beats.io),
                (Silence::Python, beats.python),
                (Silence::Stuck, beats.stuck),
            ];
            let (silence, age) = kinds.into_iter().max_by_key(|(_, age)| *age)?;
            let (age, timeout) = (age.min(ran_for), beats.timeout?);
            (age >= timeout).then_some((Hung { serial: *serial, silence, age }, timeout))
        });
        let (hung, timeout) = judged.max_by_key(|(hung, _)| hung.age)?;
        self.last = Some((hung.serial, now + timeout));
        Some(hung)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(60);

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn beats(io: u64, python: u64) -> Beats {
        let stuck = Duration::ZERO;
        Beats { io: seconds(io), python: seconds(python), stuck, timeout: Some(TIMEOUT) }
    }

    /// Looks each second up to `until`; the workers have these ages then.
    fn ran(until: u64) -> Health {
        let mut health = Health::default();
        for now in 0..until {
            assert_eq!(health.look(seconds(now), &[], |_| false), None);
        }
        health
    }

    #[test]
    fn a_worker_whose_beat_is_older_than_the_timeout_is_hung() {
        for (beats, silence) in [
            (beats(60, 0), Silence::Io),
            (beats(0, 61), Silence::Python),
            (Beats { stuck: TIMEOUT, ..beats(0, 0) }, Silence::Stuck),
        ] {
            let hung = ran(100).look(seconds(100), &[(1, beats)], |_| false).unwrap();
            assert_eq!((hung.serial, hung.silence), (1, silence));
            assert!(hung.age >= TIMEOUT);
        }
        assert_eq!(ran(100).look(seconds(100), &[(1, beats(59, 59))], |_| false), None);
    }

    #[test]
    fn after_a_pause_of_everybody_nobody_is_hung() {
        let mut health = ran(100);
        let all = [(1, beats(3600, 3600)), (2, beats(3600, 3600))];
        assert_eq!(health.look(seconds(3700), &all, |_| false), None);
        for now in 3701..3760 {
            assert_eq!(health.look(seconds(now), &all, |_| false), None, "{now}");
        }
        // Who has not moved although the supervisor ran for so long is.
        assert!(health.look(seconds(3760), &all, |_| false).is_some());
    }

    #[test]
    fn a_supervisor_that_has_just_started_has_seen_no_silence() {
        let mut health = Health::default();
        assert_eq!(health.look(seconds(9000), &[(1, beats(999, 999))], |_| false), None);
    }

    #[test]
    fn one_worker_at_a_time_is_hung_until_its_successor_is_ready() {
        let mut health = ran(100);
        let all = [(1, beats(70, 0)), (2, beats(80, 0))];
        assert_eq!(health.look(seconds(100), &all, |_| false).unwrap().serial, 2);
        let rest = [(1, beats(71, 0))];
        assert_eq!(health.look(seconds(101), &rest, |_| false), None);
        assert_eq!(health.look(seconds(102), &rest, |serial| serial == 2).unwrap().serial, 1);
    }

    #[test]
    fn the_next_worker_is_hung_after_another_timeout_although_no_successor_is_ready() {
        let mut health = ran(100);
        assert!(health.look(seconds(100), &[(1, beats(70, 0))], |_| false).is_some());
        for now in 101..160 {
            assert_eq!(health.look(seconds(now), &[(2, beats(99, 0))], |_| false), None, "{now}");
        }
        assert!(health.look(seconds(160), &[(2, beats(99, 0))], |_| false).is_some());
    }

    #[test]
    fn without_a_timeout_nobody_is_hung() {
        let mut health = Health::default();
        let all = [(1, Beats { timeout: None, ..beats(999, 999) })];
        for now in 0..200 {
            assert_eq!(health.look(seconds(now), &all, |_| false), None);
        }
    }

    #[test]
    fn each_worker_is_judged_by_the_timeout_that_it_was_started_with() {
        let mut health = ran(100);
        let new = Beats { timeout: Some(seconds(5)), ..beats(6, 0) };
        let unlimited = Beats { timeout: None, ..beats(99, 99) };
        let all = [(1, beats(59, 0)), (2, new), (3, unlimited)];
        assert_eq!(health.look(seconds(100), &all, |_| false).unwrap().serial, 2);
        // The next one waits as long as this one might be silent.
        let rest = [(1, beats(60, 0))];
        for now in 101..105 {
            assert_eq!(health.look(seconds(now), &rest, |_| false), None, "{now}");
        }
        assert_eq!(health.look(seconds(105), &rest, |_| false).unwrap().serial, 1);
    }
}
