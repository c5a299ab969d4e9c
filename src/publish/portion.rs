/// Bytes of rows that are read at a time: one bulk request. Memory holds a few of them, as rows and as requests.
const BYTES: usize = 1_500_000;

/// The first time, when nobody knows how long the rows are.
const FIRST: usize = 500;

/// At least: each time costs three queries besides.
const LEAST: usize = 50;

/// At most: rows need not be as short as those before them.
const MOST: usize = 1000;

/// How many rows to read at a time: as many as those before them would have to be to make up [`BYTES`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Portion {
    rows: usize,
}

impl Portion {
    pub(super) const FIRST: Self = Self { rows: FIRST };

    pub(super) fn rows(self) -> u32 {
        u32::try_from(self.rows).unwrap_or(u32::MAX)
    }

    /// The next, after rows of so many bytes together.
    pub(super) fn after(rows: usize, bytes: usize) -> Self {
        let rows = BYTES.saturating_mul(rows) / bytes.max(1);
        Self {
            rows: rows.clamp(LEAST, MOST),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_rows_make_small_portions_within_limits() {
        let after = |rows, bytes| Portion::after(rows, bytes).rows();
        assert_eq!(after(250, 250 * 1500), 1000);
        assert_eq!(after(1000, 1000 * 15_000), 100);
        assert_eq!(after(100, 100 * 1_000_000), 50);
        assert_eq!(after(1, 0), 1000);
        assert_eq!(after(0, 0), 50);
    }
}
