//! The sections of the live page, as HTML.

use std::fmt::Write as _;

use super::escape;
use super::plot::{Area, PlotLine, greatest, plot};
use crate::admin::history::{History, Sample};
use crate::telemetry::in_words::{duration, latency, mebibytes, percent, rate};
use crate::telemetry::overview::{ConnectionCount, Overview, RequestOverview, WorkerOverview};

/// The most running requests that are shown of one worker.
const RUNNING_MAX: usize = 100;

/// From how many seconds on a request is slow, and very slow.
const SLOW_SECONDS: [f64; 2] = [1.0, 10.0];

/// A part of the page that is replaced as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::admin) enum Section {
    State,
    Plots,
    Threads,
    Connections,
    Failures,
}

impl Section {
    /// All of them, in the order of the page.
    pub(super) const ALL: [Self; 5] =
        [Self::State, Self::Plots, Self::Threads, Self::Connections, Self::Failures];

    /// Its id in the document, and the name of its event.
    pub(in crate::admin) fn name(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Plots => "plots",
            Self::Threads => "threads",
            Self::Connections => "connections",
            Self::Failures => "failures",
        }
    }
}

/// Renders every section.
pub(in crate::admin) fn sections(overview: &Overview, history: &History) -> Vec<(Section, String)> {
    let render = |section: Section| match section {
        Section::State => state(overview),
        Section::Plots => plots(overview, history),
        Section::Threads => threads(overview),
        Section::Connections => connections(overview),
        Section::Failures => failures(history),
    };
    Section::ALL.map(|section| (section, render(section))).to_vec()
}

fn state(overview: &Overview) -> String {
    let Overview { state, version, interpreter, pid, uptime_seconds, supervisor, workers, .. } =
        overview;
    let class = if state == "ready" { "ok" } else { "bad" };
    let word = capitalised(state);
    let mut facts = vec![format!("up {}", duration(*uptime_seconds))];
    if let Some(supervisor) = supervisor {
        let ready = workers.iter().filter(|worker| worker.state == "ready").count();
        facts.push(format!("{ready} of {} workers ready", supervisor.wanted));
        facts.extend(supervisor.reload.as_ref().map(|reload| format!("reload {reload}")));
    }
    facts.push(format!("pid {pid}"));
    facts.push(format!("Maitred {version} on {interpreter}"));
    let facts: String = facts.iter().map(|fact| format!("<li>{}</li>", escape(fact))).collect();
    format!("<h1 class=\"{class}\">{}</h1><ul>{facts}</ul>", escape(&word))
}

/// One plot with its number.
struct Tile {
    title: &'static str,
    /// What is measured, for a reader who asks.
    meaning: &'static str,
    number: String,
    /// Beside the number.
    beside: String,
    lines: Vec<PlotLine>,
    /// The value at the upper edge: of a share it is the whole, of others the greatest that there was.
    scale: Option<f64>,
    format: fn(f64) -> String,
}

fn plots(overview: &Overview, history: &History) -> String {
    let now = history.now();
    let samples = history.samples();
    let mut html = String::new();
    for tile in tiles(overview, &now) {
        let Tile { title, meaning, number, beside, lines, scale, format } = tile;
        let most = greatest(samples, &lines);
        let edge = scale.unwrap_or(most);
        let peak = escape(&format!("peak {}", format(most)));
        let description = format!("{title} in the last ten minutes: {peak}");
        let picture = plot(samples, &lines, edge, &description);
        let _ = write!(
            html,
            "<article title=\"{meaning}\"><h3>{title}</h3><p><strong>{number}</strong> {beside}</p>\
             {picture}<footer><span>10 minutes ago</span><span>{peak}</span></footer></article>"
        );
    }
    html
}

fn tiles(overview: &Overview, now: &Sample) -> [Tile; 6] {
    let line = |class, value| PlotLine { class, area: Area::Empty, value };
    let filled = |class, value| PlotLine { class, area: Area::Filled, value };
    let optional = |seconds: Option<f64>| seconds.map_or("–".to_owned(), latency);
    let queue = &overview.queue;
    let oldest = queue.oldest_seconds.filter(|_| queue.requests > 0);
    [
        Tile {
            title: "Requests",
            meaning: "Requests that end, a second",
            number: escape(&rate(now.requests_per_second)),
            beside: "/s".to_owned(),
            lines: vec![filled("a", |it| Some(it.requests_per_second))],
            scale: None,
            format: rate,
        },
        Tile {
            title: "Errors",
            meaning: "Responses with a status of 5xx, a second",
            number: escape(&rate(now.errors_per_second)),
            beside: "/s".to_owned(),
            lines: vec![filled("c", |it| Some(it.errors_per_second))],
            scale: None,
            format: rate,
        },
        Tile {
            title: "Latency",
            meaning: "From the first byte of a request to the last of its response, from the buckets \
                      of maitred_request_duration_seconds",
            number: optional(now.p50_seconds),
            beside: format!("p50 · <b class=\"b\">{}</b> p99", optional(now.p99_seconds)),
            lines: vec![line("b", |it| it.p99_seconds), line("a", |it| it.p50_seconds)],
            scale: None,
            format: latency,
        },
        Tile {
            title: "Saturation",
            meaning: "The share of the threads that serve, and the share of time in which all did",
            number: percent(now.busy),
            beside: format!("busy · <b class=\"b\">{}</b> all busy", percent(now.saturated)),
            lines: vec![filled("a", |it| Some(it.busy)), line("b", |it| Some(it.saturated))],
            scale: Some(1.0),
            format: percent,
        },
        Tile {
            title: "Queue",
            meaning: "Requests that wait for a thread",
            number: queue.requests.to_string(),
            beside: match oldest {
                Some(oldest) => format!("of {} · oldest {}", queue.limit, latency(oldest)),
                None => format!("of {}", queue.limit),
            },
            lines: vec![filled("a", |it| Some(it.queued))],
            scale: None,
            format: |requests| format!("{requests:.0}"),
        },
        Tile {
            title: "GIL wait",
            meaning: "The share of time in which a thread that had work waited for the interpreter",
            number: percent(now.gil_wait),
            beside: "of the time".to_owned(),
            lines: vec![filled("a", |it| Some(it.gil_wait))],
            scale: Some(1.0),
            format: percent,
        },
    ]
}

fn threads(overview: &Overview) -> String {
    let mut html = String::new();
    for worker in &overview.workers {
        let WorkerOverview { number, pid, requests, threads, busy, running, .. } = worker;
        let mut facts = vec![format!("pid {pid}")];
        if overview.supervisor.is_some() {
            facts.push(worker.state.clone());
            facts.push(format!("up {}", duration(worker.uptime_seconds)));
        }
        facts.push(format!("{requests} requests"));
        facts.extend(worker.resident_bytes.map(mebibytes));
        let facts = escape(&facts.join(" · "));
        let _ = write!(html, "<h3>Worker {number} <small>{facts}</small></h3>");
        if !running.is_empty() {
            let stacks = match overview.supervisor {
                Some(_) => Stacks::OfWorker,
                None => Stacks::OfThread,
            };
            html.push_str(&running_requests(*number, running, stacks));
        }
        if let Some(stacks) = &worker.stacks {
            let stacks = escape(stacks);
            let _ = write!(html, "<pre id=\"stack-{number}\" tabindex=\"0\">{stacks}</pre>");
        }
        let more = busy.saturating_sub(running.len().min(RUNNING_MAX));
        if more > 0 {
            let _ = write!(html, "<p>and {more} more</p>");
        }
        let _ = match threads.saturating_sub(*busy) {
            0 if *threads > 0 => write!(html, "<p class=\"bad\">No thread is idle.</p>"),
            0 => write!(html, "<p>No thread yet.</p>"),
            1 => write!(html, "<p>1 thread of {threads} is idle.</p>"),
            idle => write!(html, "<p>{idle} threads of {threads} are idle.</p>"),
        };
    }
    html
}

/// Whose stacks are told together.
#[derive(Clone, Copy, Debug)]
enum Stacks {
    OfThread,
    OfWorker,
}

/// The table of running requests, the one that runs longest first.
fn running_requests(worker: usize, running: &[RequestOverview], stacks: Stacks) -> String {
    // A supervisor does not know the clients of its workers.
    let has_clients = running.iter().any(|request| request.client.is_some());
    let client = if has_clients { "<th scope=\"col\" class=\"wide\">Client</th>" } else { "" };
    let mut html = format!(
        "<table><caption>Running requests of worker {worker}</caption><thead><tr>\
         <th scope=\"col\" class=\"thread\">Thread</th><th scope=\"col\">Request</th>{client}\
         <th scope=\"col\" class=\"number\">For</th></tr></thead><tbody>"
    );
    let mut longest_first: Vec<_> = running.iter().collect();
    longest_first.sort_by(|one, other| other.seconds.total_cmp(&one.seconds));
    for request in longest_first.into_iter().take(RUNNING_MAX) {
        html.push_str(&row(worker, request, stacks));
    }
    html.push_str("</tbody></table>");
    html
}

fn row(worker: usize, request: &RequestOverview, stacks: Stacks) -> String {
    let RequestOverview { thread, is_stuck, method, path, client, request_id, seconds, stack } =
        request;
    let class = match () {
        () if *is_stuck || *seconds >= SLOW_SECONDS[1] => "bad",
        () if *seconds >= SLOW_SECONDS[0] => "slow",
        () => "quick",
    };
    let mut what = format!("<code>{} {}</code>", escape(method), escape(path));
    if *is_stuck {
        what.push_str(" <b class=\"bad\">aborted, still running</b>");
    }
    if let Some(id) = request_id {
        let _ = write!(what, " <small>{}</small>", escape(id));
    }
    let id = match stacks {
        Stacks::OfThread => format!("stack-{worker}-{}", escape(thread)),
        Stacks::OfWorker => format!("stack-{worker}"),
    };
    let client = client
        .as_deref()
        .map_or(String::new(), |client| format!("<td class=\"wide\">{}</td>", escape(client)));
    let mut row = format!(
        "<tr><td><a href=\"?stacks=1#{id}\" data-stack=\"{id}\">{}</a></td><td>{what}</td>{client}\
         <td class=\"number {class}\">{}</td></tr>",
        escape(thread),
        latency(*seconds),
    );
    if let Some(stack) = stack {
        let _ = write!(
            row,
            "<tr><td colspan=\"4\"><pre id=\"{id}\" tabindex=\"0\">{}</pre></td></tr>",
            escape(stack)
        );
    }
    row
}

fn connections(overview: &Overview) -> String {
    let Overview { connections, connections_limit, .. } = overview;
    let open = connections.iter().map(|it| it.count).fold(0, usize::saturating_add);
    let mut html = format!("<p><strong>{open}</strong> of {connections_limit}</p>");
    html.push_str("<svg viewBox=\"0 0 1000 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\">");
    let mut before = 0;
    for ConnectionCount { state, count } in connections {
        let (x, width) = (before * 1000 / open.max(1), count * 1000 / open.max(1));
        let _ = write!(html, "<rect class=\"{state}\" x=\"{x}\" width=\"{width}\" height=\"8\"/>");
        before += count;
    }
    html.push_str("</svg><dl>");
    for ConnectionCount { state, count } in connections {
        let _ = write!(html, "<div><dt class=\"{state}\">{state}</dt><dd>{count}</dd></div>");
    }
    html.push_str("</dl>");
    html
}

fn failures(history: &History) -> String {
    if history.failures().is_empty() {
        return "<p>Nothing so far.</p>".to_owned();
    }
    let mut html = "<table><caption>What failed, the newest first</caption><thead><tr>\
                    <th scope=\"col\" class=\"time\">Last (UTC)</th>\
                    <th scope=\"col\" class=\"worker\">Worker</th><th scope=\"col\">What</th>\
                    <th scope=\"col\" class=\"number\">Times</th></tr></thead><tbody>"
        .to_owned();
    for failure in history.failures() {
        let worker = failure.worker.map_or("supervisor".to_owned(), |number| number.to_string());
        let time = failure.at.get(11..19).unwrap_or(&failure.at);
        let _ = write!(
            html,
            "<tr><td><time datetime=\"{}\">{time}</time></td><td>{worker}</td><td>{}</td><td class=\"number\">{}</td></tr>",
            failure.at,
            escape(&failure.what),
            failure.count
        );
    }
    html.push_str("</tbody></table>");
    html
}

fn capitalised(word: &str) -> String {
    let mut rest = word.chars();
    rest.next().map_or(String::new(), |first| first.to_uppercase().chain(rest).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_that_runs_longest_is_the_first_row() {
        let running = |path: &str, seconds| RequestOverview {
            thread: "maitred-0".into(),
            path: path.into(),
            seconds,
            ..RequestOverview::default()
        };
        let worker = WorkerOverview {
            threads: 3,
            busy: 2,
            running: vec![running("/short", 0.1), running("/long", 11.0)],
            ..WorkerOverview::default()
        };
        let overview = Overview { workers: vec![worker], ..Overview::default() };
        let html = threads(&overview);
        assert!(html.find("/long").unwrap() < html.find("/short").unwrap());
        assert!(html.contains("<td class=\"number bad\">11.0 s</td>"), "{html}");
        assert!(html.contains("1 thread of 3 is idle."), "{html}");
    }

    #[test]
    fn requests_beyond_those_that_are_shown_are_counted() {
        for (known, more) in [(RUNNING_MAX + 5, 5), (RUNNING_MAX - 5, 10), (0, RUNNING_MAX + 5)] {
            let worker = WorkerOverview {
                threads: RUNNING_MAX + 6,
                busy: RUNNING_MAX + 5,
                running: vec![RequestOverview::default(); known],
                ..WorkerOverview::default()
            };
            let overview = Overview { workers: vec![worker], ..Overview::default() };
            let html = threads(&overview);
            assert!(html.contains(&format!("<p>and {more} more</p>")), "{html}");
            assert!(html.contains("<p>1 thread of "), "{html}");
        }
    }
}
