//! Small plots of the last ten minutes, in SVG.

use std::collections::VecDeque;
use std::fmt::Write as _;

use crate::admin::history::{SAMPLES_MAX, Sample};

/// The size of a plot in its own units: a unit of width is a sample.
const WIDTH: usize = SAMPLES_MAX;
const HEIGHT: f64 = 64.0;

/// What is below a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Area {
    Empty,
    Filled,
}

/// A line of a plot.
pub(super) struct PlotLine {
    /// Its class in the style.
    pub(super) class: &'static str,
    pub(super) area: Area,
    /// Its value in a sample; a sample without one is a gap.
    pub(super) value: fn(&Sample) -> Option<f64>,
}

/// The greatest value of any line.
pub(super) fn greatest(samples: &VecDeque<Sample>, lines: &[PlotLine]) -> f64 {
    let values =
        samples.iter().flat_map(|sample| lines.iter().filter_map(|line| (line.value)(sample)));
    values.fold(0.0, f64::max)
}

/// A plot; `most` is the value at its upper edge. The newest sample is at its right edge. It says to
/// those who do not see it what `description` says.
pub(super) fn plot(
    samples: &VecDeque<Sample>,
    lines: &[PlotLine],
    most: f64,
    description: &str,
) -> String {
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\" \
         aria-label=\"{description}\">"
    );
    for line in lines {
        let PlotLine { class, value, .. } = line;
        for points in runs(samples, *value, most) {
            // Writing to a String cannot fail.
            let _ = write!(svg, "<polyline class=\"{class}\" points=\"{points}\"/>");
            if line.area == Area::Filled {
                let (first, last) = (points.split(',').next(), points.rsplit([' ', ',']).nth(1));
                let (first, last) = (first.unwrap_or_default(), last.unwrap_or_default());
                let _ = write!(
                    svg,
                    "<polygon class=\"{class}\" points=\"{first},{HEIGHT} {points} {last},{HEIGHT}\"/>"
                );
            }
        }
    }
    svg.push_str("</svg>");
    svg
}

/// The points of each part of a line that has no gap.
fn runs(samples: &VecDeque<Sample>, value: fn(&Sample) -> Option<f64>, most: f64) -> Vec<String> {
    let mut runs: Vec<String> = Vec::new();
    let mut is_open = false;
    let first = WIDTH.saturating_sub(samples.len());
    for (x, sample) in (first..).zip(samples) {
        let Some(value) = value(sample) else {
            is_open = false;
            continue;
        };
        // Half a line's width within the edges.
        let y = HEIGHT - 1.0 - (value / most.max(f64::MIN_POSITIVE)).min(1.0) * (HEIGHT - 2.0);
        let next = x + 1;
        match runs.last_mut().filter(|_| is_open) {
            Some(run) => {
                let _ = write!(run, " {next},{y:.0}");
            }
            // A sample is as wide as its time, so that a single one is seen as well.
            None => runs.push(format!("{x},{y:.0} {next},{y:.0}")),
        }
        is_open = true;
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(values: &[Option<f64>]) -> VecDeque<Sample> {
        let sample =
            |p50_seconds: &Option<f64>| Sample { p50_seconds: *p50_seconds, ..Sample::default() };
        values.iter().map(sample).collect()
    }

    #[test]
    fn the_newest_sample_is_at_the_right_edge_and_a_sample_without_a_value_is_a_gap() {
        let samples = samples(&[Some(0.0), Some(1.0), None, Some(0.5)]);
        let runs = runs(&samples, |sample| sample.p50_seconds, 1.0);
        assert_eq!(runs, ["296,63 297,63 298,1", "299,32 300,32"]);
    }

    #[test]
    fn a_plot_of_nothing_but_zero_is_a_line_at_its_foot() {
        assert_eq!(runs(&samples(&[Some(0.0)]), |it| it.p50_seconds, 0.0), ["299,63 300,63"]);
    }
}
