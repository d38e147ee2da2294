//! Draws what a server tells of itself. Every size of a terminal is right: what has no room is left
//! out, from the least important on.

use maitred_server::telemetry::in_words::{duration, latency, percent, printable, rate};
use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize as _};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Cell, Paragraph, Row, Sparkline, Table};

use super::shown::{Running, Sample, Shown};

/// From how many seconds on a request is slow, and very slow.
const SLOW_SECONDS: f64 = 1.0;
const VERY_SLOW_SECONDS: f64 = 10.0;

/// The width from which three plots stand beside each other, and the height from which there are any.
const PLOTS_WIDTH: u16 = 60;
const PLOTS_HEIGHT: u16 = 18;

/// The failures that are shown if there is room.
const FAILURES_SHOWN: u16 = 4;

/// What is on the screen besides what the server tells.
#[derive(Debug)]
pub(super) struct Screen {
    /// Where the server is.
    pub(super) server: String,
    /// Why the last question was not answered.
    pub(super) error: Option<String>,
    /// The running requests that are scrolled out at the top.
    pub(super) scrolled: usize,
}

impl Screen {
    /// Draws it.
    pub(super) fn draw(&self, frame: &mut Frame<'_>, shown: &Shown) {
        let area = frame.area();
        let has_plots = area.height >= PLOTS_HEIGHT && area.width >= PLOTS_WIDTH;
        let failures = u16::try_from(shown.failures.len()).unwrap_or(FAILURES_SHOWN);
        let failures = if has_plots { failures.min(FAILURES_SHOWN) } else { 0 };
        let [header, plots, running, connections, failed, footer] = Layout::vertical([
            Constraint::Length(2),
            Constraint::Length(if has_plots { 10 } else { 0 }),
            Constraint::Min(3),
            Constraint::Length(1),
            Constraint::Length(if failures > 0 { failures + 1 } else { 0 }),
            Constraint::Length(1),
        ])
        .areas(area);
        self.header(frame, header, shown);
        draw_plots(frame, plots, shown);
        self.running(frame, running, shown);
        draw_connections(frame, connections, shown);
        draw_failures(frame, failed, shown);
        let keys = Line::from(" q quit   ↑ ↓ scroll").dim();
        frame.render_widget(Paragraph::new(keys), footer);
    }

    fn header(&self, frame: &mut Frame<'_>, area: Rect, shown: &Shown) {
        let overview = &shown.overview;
        let colour = if overview.state == "ready" { Color::Green } else { Color::Red };
        let mut facts = vec![
            Span::styled(" ● ", Style::new().fg(colour)),
            Span::raw(overview.state.clone()).bold(),
            Span::raw(format!("   up {}", duration(overview.uptime_seconds))),
        ];
        if let Some(supervisor) = &overview.supervisor {
            let ready = overview.workers.iter().filter(|worker| worker.state == "ready").count();
            facts.push(Span::raw(format!("   {ready} of {} workers ready", supervisor.wanted)));
            let reload = supervisor.reload.as_ref();
            facts.extend(reload.map(|reload| Span::raw(format!("   reload {reload}"))));
        }
        let second = match &self.error {
            Some(error) => Line::from(format!(" {error}")).red().bold(),
            None => Line::from(format!(
                " Maitred {} on {}, at {}",
                overview.version, overview.interpreter, self.server
            ))
            .dim(),
        };
        frame.render_widget(Paragraph::new(vec![Line::from(facts), second]), area);
    }

    fn running(&self, frame: &mut Frame<'_>, area: Rect, shown: &Shown) {
        let running = shown.running();
        let title = format!(" What runs: {} busy, {} idle ", shown.busy(), shown.idle());
        // The border and the names of the columns.
        let room = usize::from(area.height.saturating_sub(2));
        let first = self.scrolled.min(running.len().saturating_sub(room));
        let rows =
            running.iter().skip(first).take(room).map(|(worker, request)| row(*worker, request));
        // A supervisor does not know the clients of its workers.
        let has_clients = running.iter().any(|(_, request)| request.client.is_some());
        let widths = [
            Constraint::Length(6),
            Constraint::Length(11),
            Constraint::Fill(3),
            Constraint::Max(if has_clients && area.width >= 80 { 24 } else { 0 }),
            Constraint::Length(12),
        ];
        let names = ["worker", "thread", "request", "client"].map(Cell::from);
        let names =
            names.into_iter().chain([Cell::from(Line::from("for").alignment(Alignment::Right))]);
        let table = Table::new(rows, widths)
            .header(Row::new(names).dim())
            .block(Block::new().borders(Borders::TOP).title(title));
        frame.render_widget(table, area);
    }
}

fn row(worker: u64, request: &Running) -> Row<'static> {
    let style = match request.seconds {
        _ if request.is_stuck => Style::new().fg(Color::Red),
        VERY_SLOW_SECONDS.. => Style::new().fg(Color::Red),
        SLOW_SECONDS.. => Style::new().fg(Color::Yellow),
        _ => Style::new(),
    };
    let what = match request.is_stuck {
        true => format!("{} {} (aborted, still running)", request.method, request.path),
        false => format!("{} {}", request.method, request.path),
    };
    let what: String = what.chars().map(printable).collect();
    let client: String = request.client.iter().flat_map(|it| it.chars()).map(printable).collect();
    let seconds = Line::from(latency(request.seconds)).alignment(Alignment::Right).style(style);
    Row::new([
        Cell::from(Line::from(worker.to_string()).alignment(Alignment::Right)),
        Cell::from(request.thread.clone()),
        Cell::from(what),
        Cell::from(client),
        Cell::from(seconds),
    ])
}

/// A plot: its title with the number of now, and its values from 0 to the scale, or to the greatest.
struct Plot {
    title: String,
    value: fn(&Sample) -> Option<f64>,
    scale: Option<f64>,
    colour: Color,
}

fn draw_plots(frame: &mut Frame<'_>, area: Rect, shown: &Shown) {
    let now = &shown.now;
    let time = |seconds: Option<f64>| seconds.map_or("–".to_owned(), latency);
    let queue = &shown.overview.queue;
    let plot = |title, value, scale, colour| Plot { title, value, scale, colour };
    let plots: [Plot; 6] = [
        plot(
            format!("Requests {}/s", rate(now.requests_per_second)),
            |it| Some(it.requests_per_second),
            None,
            Color::Blue,
        ),
        plot(
            format!("Errors {}/s", rate(now.errors_per_second)),
            |it| Some(it.errors_per_second),
            None,
            Color::Red,
        ),
        plot(
            format!("p50 {}, p99 {}", time(now.p50_seconds), time(now.p99_seconds)),
            |it| it.p99_seconds,
            None,
            Color::Yellow,
        ),
        plot(
            format!("Busy {}, all {}", percent(now.busy), percent(now.saturated)),
            |it| Some(it.busy),
            Some(1.0),
            Color::Blue,
        ),
        plot(
            format!("Queue {} of {}", queue.requests, queue.limit),
            |it| Some(it.queued),
            None,
            Color::Blue,
        ),
        plot(
            format!("GIL wait {}", percent(now.gil_wait)),
            |it| Some(it.gil_wait),
            Some(1.0),
            Color::Blue,
        ),
    ];
    let lines = Layout::vertical([Constraint::Fill(1); 2]).split(area);
    for (line, plots) in lines.iter().zip(plots.chunks(3)) {
        let places = Layout::horizontal([Constraint::Fill(1); 3]).split(*line);
        for (place, plot) in places.iter().zip(plots) {
            draw_plot(frame, *place, plot, &shown.samples);
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a thousand"
)]
fn draw_plot(frame: &mut Frame<'_>, area: Rect, plot: &Plot, samples: &[Sample]) {
    let block = Block::new().borders(Borders::TOP).title(format!(" {} ", plot.title));
    let inside = block.inner(area);
    let newest = samples.len().saturating_sub(usize::from(inside.width));
    let values: Vec<_> = samples[newest..].iter().map(plot.value).collect();
    let greatest = values.iter().flatten().copied().fold(0.0, f64::max);
    let scale = plot.scale.unwrap_or(greatest).max(f64::MIN_POSITIVE);
    let absent = usize::from(inside.width).saturating_sub(values.len());
    let data = std::iter::repeat_n(None, absent)
        .chain(values)
        .map(|value| value.map(|value| ((value / scale).min(1.0) * 1000.0) as u64));
    let sparkline = Sparkline::default()
        .data(data.collect::<Vec<_>>())
        .max(1000)
        .style(Style::new().fg(plot.colour))
        .absent_value_symbol(" ")
        .block(block);
    frame.render_widget(sparkline, area);
}

fn draw_connections(frame: &mut Frame<'_>, area: Rect, shown: &Shown) {
    let connections = &shown.overview.connections;
    let open: u64 = connections.iter().map(|it| it.count).sum();
    let mut text = format!(" Connections {open} of {}:", shown.overview.connections_limit);
    for each in connections {
        text.push_str(&format!("  {} {}", each.count, each.state));
    }
    frame.render_widget(Paragraph::new(text), area);
}

fn draw_failures(frame: &mut Frame<'_>, area: Rect, shown: &Shown) {
    let shown_failures = shown.failures.iter().take(usize::from(FAILURES_SHOWN));
    let lines: Vec<_> = shown_failures
        .map(|failure| {
            let time = failure.at.get(11..19).unwrap_or(&failure.at);
            let worker = match failure.worker {
                Some(number) => format!("worker {number}"),
                None => "supervisor".to_owned(),
            };
            Line::from(format!(" {time} UTC  {worker}  {} ×{}", failure.what, failure.count))
        })
        .collect();
    let block = Block::new().borders(Borders::TOP).title(" What failed ");
    let paragraph = Paragraph::new(lines).block(block).style(Modifier::empty());
    frame.render_widget(paragraph, area);
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;

    const ANSWER: &str = r#"{
        "overview": {
            "state": "ready", "version": "1.2", "interpreter": "CPython 3.13.1",
            "uptime_seconds": 7260, "supervisor": { "wanted": 2, "reload": null },
            "queue": { "requests": 7, "limit": 1024 },
            "connections": [{ "state": "idle", "count": 3 }, { "state": "app", "count": 2 }],
            "connections_limit": 100,
            "workers": [
                { "number": 0, "state": "ready", "threads": 4, "busy": 1, "running": [
                    { "thread": "maitred-1", "method": "GET", "path": "/short", "seconds": 0.1 }
                ] },
                { "number": 1, "state": "ready", "threads": 4, "busy": 1, "running": [
                    { "thread": "maitred-0", "method": "POST", "path": "/long\u001b[31m\u202e", "seconds": 12 }
                ] }
            ]
        },
        "now": { "requests_per_second": 12.3, "p99_seconds": 0.25 },
        "samples": [{ "requests_per_second": 1 }, { "requests_per_second": 2, "p99_seconds": 0.2 }],
        "failures": [{ "at": "2026-01-02T03:04:05.678Z", "worker": 1, "what": "it failed", "count": 3 }],
        "of_a_later_version": true
    }"#;

    fn drawn(width: u16, height: u16, screen: &Screen) -> String {
        let shown = Shown::read(ANSWER).unwrap();
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| screen.draw(frame, &shown)).unwrap();
        terminal.backend().to_string()
    }

    fn screen() -> Screen {
        Screen { server: "http://127.0.0.1:9090".into(), error: None, scrolled: 0 }
    }

    #[test]
    fn everything_that_matters_is_on_a_screen_of_80_columns() {
        let text = drawn(80, 30, &screen());
        for part in [
            "● ready   up 2 h 1 min   2 of 2 workers ready",
            "Maitred 1.2 on CPython 3.13.1, at http://127.0.0.1:9090",
            "Requests 12/s",
            "p50 –, p99 250 ms",
            "Queue 7 of 1024",
            "What runs: 2 busy, 6 idle",
            "Connections 5 of 100:  3 idle  2 app",
            "03:04:05 UTC  worker 1  it failed ×3",
        ] {
            assert!(text.contains(part), "no {part} in\n{text}");
        }
        assert!(!text.contains("client"), "{text}");
        let place = |part| text.find(part).unwrap();
        assert!(place("POST /long") < place("GET /short"), "{text}");
    }

    #[test]
    fn a_request_cannot_write_to_the_terminal() {
        assert!(!drawn(80, 30, &screen()).contains(['\u{1b}', '\u{202e}']));
    }

    #[test]
    fn every_size_of_a_terminal_is_right() {
        for width in [1, 2, 10, 40, 59, 60, 79, 80, 300] {
            for height in [1, 2, 5, 17, 18, 100] {
                drawn(width, height, &screen());
            }
        }
    }

    #[test]
    fn the_last_requests_can_be_scrolled_to_and_no_further() {
        let scrolled = Screen { scrolled: 1000, ..screen() };
        assert!(drawn(80, 30, &scrolled).contains("GET /short"));
        let low = Screen { scrolled: 1, ..screen() };
        // Room for one of the two.
        let text = drawn(80, 7, &low);
        assert!(text.contains("GET /short") && !text.contains("POST /long"), "{text}");
    }

    #[test]
    fn an_error_stands_where_it_is_seen_and_the_last_answer_stays() {
        let failing = Screen { error: Some("no server is there".into()), ..screen() };
        let text = drawn(80, 30, &failing);
        assert!(text.contains("no server is there") && text.contains("POST /long"), "{text}");
    }
}
