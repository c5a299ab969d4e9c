/// What the steps of an axis may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::trends) enum Grain {
    /// Things are counted: no half of one.
    Whole,
    /// Anything.
    Fine,
}

/// An axis from one round number to another, through all the values it is made for.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::trends) struct Scale {
    low: f64,
    high: f64,
    step: f64,
}

/// Steps at most: more lines than that are no help to the eye.
const STEPS: f64 = 7.0;

impl Scale {
    /// The axis for values of this range, in steps of 1, 2 or 5 times a power of ten.
    pub(in crate::trends) fn covering(low: f64, high: f64, grain: Grain) -> Self {
        let range = high - low;
        if !range.is_finite() || range <= 0.0 {
            // One value, or none: an axis of one step around it.
            let low = if low.is_finite() { low.floor() } else { 0.0 };
            return Self {
                low,
                high: low + 1.0,
                step: 1.0,
            };
        }
        let power = 10_f64.powf((range / STEPS).log10().floor());
        let steps = |step: f64| (high / step).ceil() - (low / step).floor();
        let step = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .map(|factor| factor * power)
            .filter(|step| grain == Grain::Fine || *step >= 1.0)
            .find(|step| steps(*step) <= STEPS)
            .unwrap_or((20.0 * power).max(1.0));
        Self {
            low: (low / step).floor() * step,
            high: (high / step).ceil() * step,
            step,
        }
    }

    /// The axis that ends at these very values.
    pub(in crate::trends) fn exactly(low: f64, high: f64) -> Self {
        let high = if high > low { high } else { low + 1.0 };
        Self {
            low,
            high,
            step: high - low,
        }
    }

    /// The round numbers from one end to the other.
    pub(in crate::trends) fn ticks(&self) -> impl Iterator<Item = f64> {
        let (low, high, step) = (self.low, self.high, self.step);
        // Half a step of slack: sums of decimal steps miss their end by a hair.
        (0..=20)
            .map(move |index| low + f64::from(index) * step)
            .take_while(move |tick| *tick <= high + step / 2.0)
    }

    /// Where a value stands, in percent from the low end.
    pub(in crate::trends) fn percent(&self, value: f64) -> f64 {
        let percent = (value - self.low) / (self.high - self.low) * 100.0;
        percent.clamp(0.0, 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(low: f64, high: f64, grain: Grain) -> Vec<f64> {
        Scale::covering(low, high, grain).ticks().collect()
    }

    #[test]
    fn steps_are_round_and_cover_the_values() {
        assert_eq!(ticks(0.0, 17.0, Grain::Whole), [0.0, 5.0, 10.0, 15.0, 20.0]);
        assert_eq!(
            ticks(-3.0, 8.0, Grain::Fine),
            [-4.0, -2.0, 0.0, 2.0, 4.0, 6.0, 8.0]
        );
        assert_eq!(ticks(-6.0, 5.0, Grain::Whole).len(), 7);
        assert_eq!(ticks(0.0, 0.4, Grain::Fine).len(), 5);
        assert_eq!(ticks(0.0, 0.98, Grain::Fine).len(), 6);
    }

    #[test]
    fn counted_things_have_no_fractions() {
        assert_eq!(ticks(0.0, 2.0, Grain::Whole), [0.0, 1.0, 2.0]);
    }

    #[test]
    fn no_values_and_odd_values_still_make_an_axis() {
        assert_eq!(ticks(0.0, 0.0, Grain::Whole), [0.0, 1.0]);
        assert_eq!(
            ticks(f64::INFINITY, f64::NEG_INFINITY, Grain::Fine),
            [0.0, 1.0]
        );
        assert_eq!(ticks(4.6, 4.6, Grain::Fine), [4.0, 5.0]);
        assert!(ticks(-1e300, 1e300, Grain::Fine).len() <= 21);
    }
}
