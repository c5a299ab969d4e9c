//! What more than one stage needs of HTML and text: bytes to text, text to tree, tree to text. A leaf that knows no
//! stage and does no I/O, so that `extract` and `normalize` read a page the same way without importing each other.

mod attributes;
mod decode;
pub mod text;
pub mod tree;

pub use decode::{Decoded, decode};
