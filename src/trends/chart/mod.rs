//! Geometry of the report's charts: numbers in, positions and texts out. The templates turn them into SVG.
//!
//! Positions are percentages of the drawing, never pixels: the drawings have no `viewBox`, so they take the width that
//! the page gives them while their texts keep their size. Colours are classes, for light and dark to differ in. What a
//! chart says by colour it also says by a label, and the page holds its numbers as a table.

mod bars;
mod columns;
mod lines;
mod number;
mod scale;

pub(super) use bars::Bar;
pub(super) use columns::{Column, ColumnChart};
pub(super) use lines::{LineChart, Series, path};
pub(super) use number::{count, degrees, percent, position};
pub(super) use scale::{Grain, Scale};
