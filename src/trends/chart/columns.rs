use serde::Serialize;

use super::lines::{AxisName, Hover, Tick, axis_names, from_top, percent_of, ticks};
use super::{Grain, Scale, count, position};

/// Share of its slot that a column fills.
const FILL: f64 = 0.72;

/// Columns over time, one upwards and one downwards a bucket.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(in crate::trends) struct ColumnChart {
    ticks: Vec<Tick>,
    names: Vec<AxisName>,
    columns: Vec<Pair>,
    hovers: Vec<Hover>,
    zero: String,
}

/// What one bucket counts.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::trends) struct Column {
    pub(in crate::trends) name: String,
    pub(in crate::trends) up: i64,
    pub(in crate::trends) down: i64,
    pub(in crate::trends) title: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Pair {
    x: String,
    width: String,
    up_y: String,
    up_height: String,
    down_height: String,
}

impl ColumnChart {
    pub(in crate::trends) fn new(columns: &[Column]) -> Self {
        let most = |side: fn(&Column) -> i64| columns.iter().map(side).max().unwrap_or(0);
        let (up, down) = (most(|column| column.up), most(|column| column.down));
        let scale = Scale::covering(-real(down), real(up), Grain::Whole);
        let zero = from_top(&scale, 0.0);
        let slot = percent_of(1, columns.len().max(1));
        let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
        let pair = |(index, column): (usize, &Column)| Pair {
            x: position(percent_of(index, columns.len()) + slot * (1.0 - FILL) / 2.0),
            width: position(slot * FILL),
            up_y: position(from_top(&scale, real(column.up))),
            up_height: position(zero - from_top(&scale, real(column.up))),
            down_height: position(from_top(&scale, -real(column.down)) - zero),
        };
        let hover = |(index, column): (usize, &Column)| Hover {
            x: position(percent_of(index, columns.len())),
            width: position(slot),
            title: column.title.clone(),
        };
        Self {
            // Downwards are counts too: both sides read without a sign.
            ticks: ticks(&scale, |value| count(whole(value.abs()))),
            names: axis_names(&names, |index| {
                percent_of(index, columns.len()) + slot / 2.0
            }),
            columns: columns.iter().enumerate().map(pair).collect(),
            hovers: columns.iter().enumerate().map(hover).collect(),
            zero: position(zero),
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of records are far below 2^52"
)]
fn real(count: i64) -> f64 {
    count as f64
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "ticks of a scale of counts are whole, and the cast saturates"
)]
fn whole(value: f64) -> i64 {
    value.round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(up: i64, down: i64) -> Column {
        Column {
            name: "day".to_owned(),
            up,
            down,
            title: format!("{up} up, {down} down"),
        }
    }

    #[test]
    fn columns_stand_on_zero_and_hang_from_it() {
        let chart = ColumnChart::new(&[column(3, 1), column(0, 0)]);
        assert_eq!(chart.zero, "75");
        let first = &chart.columns[0];
        assert_eq!((first.up_y.as_str(), first.up_height.as_str()), ("0", "75"));
        assert_eq!(first.down_height, "25");
        let labels: Vec<&str> = chart.ticks.iter().map(|tick| tick.label.as_str()).collect();
        assert_eq!(labels, ["1", "0", "1", "2", "3"]);
    }

    #[test]
    fn empty_days_have_no_height() {
        let chart = ColumnChart::new(&[column(0, 0)]);
        assert_eq!(chart.columns[0].up_height, "0");
        assert_eq!(chart.columns[0].down_height, "0");
    }
}
