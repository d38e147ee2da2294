//! `maitred status`: the processes of a running server, as a table.

use std::time::Duration;

use pyo3::prelude::*;
use serde_json::Value as Json;

use super::running_server::{RunningServer, Unanswered, status_of};
use crate::process::exit_status::ExitStatus;
use crate::process::output::{colour, print, print_error};
use crate::process::sources::CommandLine;

/// The columns: the heading, and the field of a worker.
const COLUMNS: [(&str, &str); 9] = [
    ("WORKER", "number"),
    ("PID", "pid"),
    ("STATE", "state"),
    ("STARTED FOR", "started_for"),
    ("AGE", "seconds"),
    ("BUSY", "threads"),
    ("QUEUE", "queue"),
    ("CONNECTIONS", "connections"),
    ("REQUESTS", "requests"),
];

/// Asks, and prints the table.
///
/// # Errors
/// The exception of a signal handler, such as `KeyboardInterrupt`.
pub(crate) fn status(py: Python<'_>, line: CommandLine) -> PyResult<ExitStatus> {
    let server = match RunningServer::find(line) {
        Ok(server) => server,
        Err(problems) => {
            print_error(&problems.render_each(colour()));
            return Ok(ExitStatus::Usage);
        }
    };
    match status_of(py, &server) {
        Ok(status) => Ok(print(&text(&status))),
        Err(Unanswered::Error(error)) => {
            print_error(&format!("error: {error}\n"));
            Ok(ExitStatus::Failed)
        }
        Err(Unanswered::Raised(error)) => Err(error),
    }
}

/// What is printed.
fn text(status: &Json) -> String {
    let word = |value: &Json| value.as_str().unwrap_or("?").escape_debug().to_string();
    let interpreter = &status["interpreter"];
    let mut text = format!(
        "maitred {} with {} {}: {} for {}, process {}\n",
        word(&status["version"]),
        word(&interpreter["implementation"]),
        word(&interpreter["version"]),
        word(&status["state"]),
        age(&status["uptime_seconds"]),
        status["pid"],
    );
    if let Some(reload) = status["supervisor"]["reload"].as_str() {
        text += &format!("reload {}\n", reload.escape_debug());
    }
    for process in status["supervisor"]["preload"].as_array().into_iter().flatten() {
        let (pid, state) = (&process["pid"], word(&process["state"]));
        text +=
            &format!("preload process {pid}: {state}, started {} ago\n", age(&process["seconds"]));
    }
    match status["workers"].as_array() {
        Some(workers) => {
            text.push('\n');
            text + &table(workers)
        }
        None => {
            let threads = status["threads"].as_array().map_or(0, Vec::len);
            let busy = status["threads"].as_array().into_iter().flatten();
            let busy = busy.filter(|thread| !thread["request"].is_null()).count();
            text + &format!(
                "no supervisor: one process, {busy} of {threads} threads busy, {} requests waiting, \
                 {} served\n",
                status["queue"]["requests"], status["requests"],
            )
        }
    }
}

/// The workers in columns: text to the left, numbers to the right.
fn table(workers: &[Json]) -> String {
    let headings = COLUMNS.map(|(heading, _)| heading.to_owned());
    let rows: Vec<[String; 9]> = std::iter::once(headings)
        .chain(workers.iter().map(|worker| COLUMNS.map(|(_, field)| cell(worker, field))))
        .collect();
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let width = rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
            match COLUMNS[column].1 {
                "state" | "started_for" => line += &format!("{cell:<width$}  "),
                _ => line += &format!("{cell:>width$}  "),
            }
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

fn cell(worker: &Json, field: &str) -> String {
    match (field, &worker[field]) {
        ("seconds", seconds) => age(seconds),
        ("threads", threads) => format!("{}/{}", threads["busy"], threads["count"]),
        (_, Json::String(text)) => text.escape_debug().to_string(),
        (_, value) => value.to_string(),
    }
}

/// `42 s`, `5 min`, `3 h 20 min`, `12 d 4 h`.
fn age(seconds: &Json) -> String {
    let seconds = seconds.as_f64().filter(|seconds| seconds.is_finite() && *seconds >= 0.0);
    let seconds = Duration::from_secs_f64(seconds.unwrap_or(0.0).min(1e12)).as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match () {
        () if days > 0 => format!("{days} d {} h", hours % 24),
        () if hours > 0 => format!("{hours} h {} min", minutes % 60),
        () if minutes > 0 => format!("{minutes} min"),
        () => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn worker(number: u64, state: &str, seconds: f64) -> Json {
        json!({
            "number": number, "pid": 4711 + number, "state": state, "started_for": "start",
            "seconds": seconds, "threads": { "busy": 1, "count": 4 }, "queue": 0,
            "connections": 17, "requests": 123_456,
        })
    }

    #[test]
    fn workers_are_a_table() {
        let status = json!({
            "version": "1.2", "interpreter": { "implementation": "CPython", "version": "3.13.0" },
            "state": "ready", "uptime_seconds": 100_000.0, "pid": 7,
            "supervisor": {
                "workers": 2, "reload": "complete: 2 replaced",
                "preload": [{ "pid": 8, "state": "ready", "seconds": 61.5 }],
            },
            "workers": [worker(0, "ready", 59.9), worker(1, "retiring", 4000.0)],
        });
        assert_eq!(
            text(&status),
            "maitred 1.2 with CPython 3.13.0: ready for 1 d 3 h, process 7\n\
             reload complete: 2 replaced\n\
             preload process 8: ready, started 1 min ago\n\n\
             WORKER   PID  STATE     STARTED FOR        AGE  BUSY  QUEUE  CONNECTIONS  REQUESTS\n     \
             0  4711  ready     start             59 s   1/4      0           17    123456\n     \
             1  4712  retiring  start        1 h 6 min   1/4      0           17    123456\n"
        );
    }

    #[test]
    fn a_single_process_is_a_line_and_what_is_missing_is_no_fault() {
        let status = json!({
            "version": "1.2", "interpreter": { "implementation": "CPython", "version": "3.13.0" },
            "state": "draining", "uptime_seconds": 90, "pid": 7, "requests": 12,
            "queue": { "requests": 3 }, "threads": [{ "request": { "path": "/" } }, {}],
        });
        assert_eq!(
            text(&status),
            "maitred 1.2 with CPython 3.13.0: draining for 1 min, process 7\n\
             no supervisor: one process, 1 of 2 threads busy, 3 requests waiting, 12 served\n"
        );
        assert!(text(&Json::Null).starts_with("maitred ? with ? ?"));
    }
}
