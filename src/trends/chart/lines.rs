use serde::Serialize;

use super::{Grain, Scale, position};

/// Height of the drawing in pixels, as the style sheet has it. Only the labels at the ends of the lines need it.
const HEIGHT: f64 = 300.0;

/// Least distance of two labels' middles, in pixels.
const LABEL: f64 = 16.0;

/// Characters of a label at the end of a line, full-width ones counting double. The whole name is in the table.
const LABEL_WIDTH: usize = 16;

/// At most so many names along the time axis: a name is some 50 pixels wide.
const NAMES: usize = 8;

/// Lines over time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(in crate::trends) struct LineChart {
    ticks: Vec<Tick>,
    names: Vec<AxisName>,
    lines: Vec<Line>,
    hovers: Vec<Hover>,
}

/// One line to draw; none where there is nothing to measure.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::trends) struct Series {
    pub(in crate::trends) name: String,
    pub(in crate::trends) values: Vec<Option<f64>>,
}

/// A round number beside the drawing, and the line through it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Tick {
    pub(super) y: String,
    pub(super) label: String,
}

/// A name under the drawing. A minor one is left out where the page is narrow.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct AxisName {
    pub(super) x: String,
    pub(super) label: String,
    pub(super) minor: bool,
}

/// The part of the drawing that tells its numbers under the pointer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Hover {
    pub(super) x: String,
    pub(super) width: String,
    pub(super) title: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Line {
    label: String,
    /// Runs of points, cut where there was nothing to measure.
    paths: Vec<String>,
    /// The last point.
    end: Option<Point>,
    label_y: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Point {
    x: String,
    y: String,
}

impl LineChart {
    /// Draws series over buckets of these names. `write` tells how a value reads.
    pub(in crate::trends) fn new(
        names: &[String],
        series: &[Series],
        grain: Grain,
        write: impl Fn(f64) -> String,
    ) -> Self {
        let values = series.iter().flat_map(|series| &series.values).flatten();
        let scale = Scale::covering(0.0, values.copied().fold(0.0, f64::max), grain);
        let ends: Vec<f64> = series
            .iter()
            .map(|series| {
                let last = series.values.iter().flatten().next_back();
                from_top(&scale, last.copied().unwrap_or(0.0)) / 100.0 * HEIGHT
            })
            .collect();
        let lines = series.iter().zip(spread(&ends));
        Self {
            ticks: ticks(&scale, &write),
            names: axis_names(names, |index| middle(index, names.len())),
            lines: lines
                .map(|(series, label_y)| Line::new(series, &scale, label_y))
                .collect(),
            hovers: hovers(names, series, &write),
        }
    }
}

impl Line {
    fn new(series: &Series, scale: &Scale, label_y: f64) -> Self {
        let len = series.values.len();
        let point = |(index, value): (usize, &Option<f64>)| {
            value.map(|value| (middle(index, len), from_top(scale, value)))
        };
        let points: Vec<Option<(f64, f64)>> = series.values.iter().enumerate().map(point).collect();
        Self {
            label: shortened(&series.name),
            paths: points
                .split(Option::is_none)
                .filter(|run| run.len() > 1)
                .map(|run| path(run.iter().copied().flatten()))
                .collect(),
            end: points
                .iter()
                .rev()
                .find_map(|point| *point)
                .map(|(x, y)| Point {
                    x: position(x),
                    y: position(y),
                }),
            label_y: position(label_y),
        }
    }
}

/// Points as a polyline has them.
pub(in crate::trends) fn path(points: impl IntoIterator<Item = (f64, f64)>) -> String {
    let points: Vec<String> = points
        .into_iter()
        .map(|(x, y)| format!("{},{}", position(x), position(y)))
        .collect();
    points.join(" ")
}

pub(super) fn ticks(scale: &Scale, write: impl Fn(f64) -> String) -> Vec<Tick> {
    let tick = |value: f64| Tick {
        y: position(from_top(scale, value)),
        label: write(value),
    };
    scale.ticks().map(tick).collect()
}

/// Some of the names, evenly apart and the newest among them, every other one of these minor.
pub(super) fn axis_names(names: &[String], x: impl Fn(usize) -> f64) -> Vec<AxisName> {
    let every = names.len().div_ceil(NAMES).max(1);
    let kept = names.iter().enumerate().rev().step_by(every).enumerate();
    let mut axis: Vec<AxisName> = kept
        .map(|(place, (index, name))| AxisName {
            x: position(x(index)),
            label: name.clone(),
            minor: place % 2 == 1,
        })
        .collect();
    axis.reverse();
    axis
}

fn hovers(names: &[String], series: &[Series], write: impl Fn(f64) -> String) -> Vec<Hover> {
    let half = percent_of(1, names.len().saturating_sub(1).max(1)) / 2.0;
    let hover = |(index, name): (usize, &String)| {
        let mut title = name.clone();
        for series in series {
            if let Some(value) = series.values.get(index).copied().flatten() {
                title.extend(["\n", &series.name, ": ", &write(value)]);
            }
        }
        Hover {
            x: position(middle(index, names.len()) - half),
            width: position(half * 2.0),
            title,
        }
    };
    names.iter().enumerate().map(hover).collect()
}

/// Where the bucket stands: the first at the left end, the last at the right one, a lone one between.
fn middle(index: usize, len: usize) -> f64 {
    if len < 2 {
        50.0
    } else {
        percent_of(index, len - 1)
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "charts have at most a few hundred buckets"
)]
pub(super) fn percent_of(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64 * 100.0
}

pub(super) fn from_top(scale: &Scale, value: f64) -> f64 {
    100.0 - scale.percent(value)
}

/// Moves labels apart that would lie on each other, in the order they have, within the drawing.
fn spread(wanted: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|a, b| wanted[*a].total_cmp(&wanted[*b]));
    let mut placed = wanted.to_vec();
    let mut least = f64::MIN;
    for index in &order {
        placed[*index] = placed[*index].max(least);
        least = placed[*index] + LABEL;
    }
    let mut most = HEIGHT;
    for index in order.iter().rev() {
        placed[*index] = placed[*index].min(most);
        most = placed[*index] - LABEL;
    }
    placed
}

fn shortened(name: &str) -> String {
    let mut width = 0;
    for (index, character) in name.char_indices() {
        // Hangul, kana and Han take two columns; so does nearly everything above them.
        width += if character >= '\u{1100}' { 2 } else { 1 };
        if width > LABEL_WIDTH {
            return format!("{}…", name[..index].trim_end());
        }
    }
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::count;
    use super::*;

    fn chart(values: &[&[Option<f64>]]) -> LineChart {
        let names: Vec<String> = (1..=values[0].len())
            .map(|n| format!("month {n}"))
            .collect();
        let series: Vec<Series> = values
            .iter()
            .enumerate()
            .map(|(index, values)| Series {
                name: format!("term {index}"),
                values: values.to_vec(),
            })
            .collect();
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a test's own whole numbers"
        )]
        LineChart::new(&names, &series, Grain::Whole, |value| count(value as i64))
    }

    #[test]
    fn line_goes_from_end_to_end_of_the_scale() {
        let chart = chart(&[&[Some(0.0), Some(2.0), Some(4.0)]]);
        assert_eq!(chart.lines[0].paths, ["0,100 50,50 100,0"]);
        assert_eq!(chart.hovers[1].title, "month 2\nterm 0: 2");
    }

    #[test]
    fn line_is_cut_where_nothing_was_measured() {
        let chart = chart(&[&[Some(1.0), Some(1.0), None, Some(1.0), Some(0.0)]]);
        assert_eq!(chart.lines[0].paths, ["0,0 25,0", "75,0 100,100"]);
    }

    #[test]
    fn lone_bucket_is_a_point_in_the_middle() {
        let chart = chart(&[&[Some(3.0)]]);
        assert!(chart.lines[0].paths.is_empty());
        assert_eq!(chart.lines[0].end.as_ref().unwrap().x, "50");
    }

    #[test]
    fn labels_of_lines_that_end_together_are_moved_apart_inside_the_drawing() {
        let placed = spread(&[300.0, 300.0, 0.0, 299.0]);
        let mut sorted = placed.clone();
        sorted.sort_by(f64::total_cmp);
        assert!(sorted.windows(2).all(|pair| pair[1] - pair[0] >= LABEL));
        assert!(sorted.iter().all(|y| (0.0..=HEIGHT).contains(y)));
        assert!(placed[3] < placed[0], "order is kept");
    }

    #[test]
    fn long_names_are_cut_by_their_width() {
        assert_eq!(shortened("Kubernetes"), "Kubernetes");
        assert_eq!(
            shortened("Amazon Elastic Kubernetes Service"),
            "Amazon Elastic K…"
        );
        assert_eq!(shortened("쿠버네티스클러스터"), "쿠버네티스클러스…");
    }

    #[test]
    fn axis_names_the_newest_bucket_and_few_others() {
        let names: Vec<String> = (1..=24).map(|n| n.to_string()).collect();
        let axis = axis_names(&names, |index| middle(index, 24));
        assert_eq!(axis.last().unwrap().label, "24");
        assert!(axis.len() <= NAMES);
        assert!(!axis.last().unwrap().minor);
    }
}
