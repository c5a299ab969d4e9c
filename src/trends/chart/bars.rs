use serde::Serialize;

use super::{Scale, position};

/// A bar that lies in the cell of a table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(in crate::trends) struct Bar {
    /// Where it begins, in percent.
    x: String,
    /// How long it is, in percent.
    width: String,
    /// Whether it goes to the left of zero.
    negative: bool,
    /// Where zero is, in percent, when that is not the left end.
    zero: Option<String>,
}

impl Bar {
    /// One bar a value, all to one scale that has zero on it: else lengths could not be compared.
    pub(in crate::trends) fn all(values: &[f64]) -> Vec<Self> {
        let low = values.iter().copied().fold(0.0, f64::min);
        let high = values.iter().copied().fold(0.0, f64::max);
        let scale = Scale::exactly(low, high);
        let zero = scale.percent(0.0);
        values
            .iter()
            .map(|value| {
                let end = scale.percent(*value);
                Self {
                    x: position(zero.min(end)),
                    width: position((end - zero).abs()),
                    negative: *value < 0.0,
                    zero: (low < 0.0).then(|| position(zero)),
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(values: &[f64]) -> Vec<(String, String)> {
        let span = |bar: Bar| (bar.x, bar.width);
        Bar::all(values).into_iter().map(span).collect()
    }

    #[test]
    fn longest_bar_takes_the_whole_cell() {
        assert_eq!(
            spans(&[8.0, 2.0, 0.0]),
            [("0", "100"), ("0", "25"), ("0", "0")].map(|(x, width)| (x.into(), width.into()))
        );
    }

    #[test]
    fn values_below_zero_go_to_the_left() {
        let bars = Bar::all(&[-5.0, 5.0]);
        assert_eq!((bars[0].x.as_str(), bars[0].width.as_str()), ("0", "50"));
        assert_eq!((bars[1].x.as_str(), bars[1].width.as_str()), ("50", "50"));
        assert!(bars[0].negative && !bars[1].negative);
        assert_eq!(bars[1].zero.as_deref(), Some("50"));
    }

    #[test]
    fn nothing_but_zeros_has_no_length() {
        assert_eq!(spans(&[0.0]), [("0".into(), "0".into())]);
        assert_eq!(spans(&[]), []);
    }
}
