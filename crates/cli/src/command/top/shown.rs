//! What a server tells of itself, as far as it is shown: `/overview` of the admin listener.
//!
//! A server of another version may tell more or less: what it does not tell is empty.

use serde::Deserialize;

/// The whole answer.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Shown {
    pub(super) overview: Overview,
    pub(super) now: Sample,
    /// The last ten minutes, the oldest first.
    pub(super) samples: Vec<Sample>,
    /// The newest first.
    pub(super) failures: Vec<ShownFailure>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Overview {
    pub(super) state: String,
    pub(super) version: String,
    pub(super) interpreter: String,
    pub(super) uptime_seconds: f64,
    pub(super) supervisor: Option<Supervisor>,
    pub(super) queue: ShownQueue,
    pub(super) connections: Vec<Connections>,
    pub(super) connections_limit: u64,
    pub(super) workers: Vec<Worker>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Supervisor {
    pub(super) wanted: u64,
    pub(super) reload: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ShownQueue {
    pub(super) requests: u64,
    pub(super) limit: u64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Connections {
    pub(super) state: String,
    pub(super) count: u64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Worker {
    pub(super) number: u64,
    pub(super) state: String,
    pub(super) threads: u64,
    pub(super) busy: u64,
    pub(super) running: Vec<Running>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Running {
    pub(super) thread: String,
    pub(super) is_stuck: bool,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) client: Option<String>,
    pub(super) seconds: f64,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Sample {
    pub(super) requests_per_second: f64,
    pub(super) errors_per_second: f64,
    pub(super) p50_seconds: Option<f64>,
    pub(super) p99_seconds: Option<f64>,
    pub(super) busy: f64,
    pub(super) saturated: f64,
    pub(super) gil_wait: f64,
    pub(super) queued: f64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ShownFailure {
    pub(super) at: String,
    pub(super) worker: Option<u64>,
    pub(super) what: String,
    pub(super) count: u64,
}

impl Shown {
    /// Reads an answer.
    ///
    /// # Errors
    /// It is none of an admin listener: the rest of a sentence.
    pub(super) fn read(body: &str) -> Result<Self, String> {
        serde_json::from_str(body)
            .map_err(|_| "what it tells of itself is not understood".to_owned())
    }

    /// Every running request with the number of its worker, the one that runs longest first.
    pub(super) fn running(&self) -> Vec<(u64, &Running)> {
        let workers = self.overview.workers.iter();
        let mut running: Vec<_> = workers
            .flat_map(|worker| worker.running.iter().map(|request| (worker.number, request)))
            .collect();
        running.sort_by(|(_, one), (_, other)| other.seconds.total_cmp(&one.seconds));
        running
    }

    /// Threads that run a request.
    pub(super) fn busy(&self) -> u64 {
        self.overview.workers.iter().map(|worker| worker.busy).sum()
    }

    /// Threads that wait for a request.
    pub(super) fn idle(&self) -> u64 {
        let idle = |worker: &Worker| worker.threads.saturating_sub(worker.busy);
        self.overview.workers.iter().map(idle).sum()
    }
}
