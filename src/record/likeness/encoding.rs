//! A likeness as bytes: its keys, its sketch, and its facts as JSON. The keys come first, in a form that outlives every
//! recipe, so that whoever replaces a likeness can remove it from where it is found.

use super::sketch::Sketch;
use super::{About, Likeness};

impl Likeness {
    /// As the store keeps it.
    ///
    /// # Panics
    /// Never: the facts are numbers and lists of numbers, and a likeness has few keys and a bounded sketch.
    pub fn to_bytes(&self) -> Vec<u8> {
        let keys = self.keys();
        let length = |length: usize| u8::try_from(length).expect("there are fewer than 256");
        let mut bytes = vec![length(keys.len())];
        bytes.extend(keys.iter().flat_map(|key| key.to_le_bytes()));
        bytes.extend(self.sketch.size.to_le_bytes());
        bytes.push(length(self.sketch.smallest.len()));
        bytes.extend(
            self.sketch
                .smallest
                .iter()
                .flat_map(|hash| hash.to_le_bytes()),
        );
        let facts = serde_json::to_vec(&self.about).expect("numbers are always JSON");
        bytes.extend(facts);
        bytes
    }

    /// None where the bytes are of another recipe.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (_, rest) = split_keys(bytes)?;
        let (size, rest) = rest.split_first_chunk()?;
        let (count, rest) = rest.split_first()?;
        let (hashes, facts) = rest.split_at_checked(usize::from(*count) * 4)?;
        let (hashes, _) = hashes.as_chunks();
        Some(Self {
            about: serde_json::from_slice::<About>(facts).ok()?,
            sketch: Sketch {
                size: u32::from_le_bytes(*size),
                smallest: hashes
                    .iter()
                    .map(|hash| u32::from_le_bytes(*hash))
                    .collect(),
            },
        })
    }
}

/// The keys of a likeness of whichever recipe.
pub fn keys_in(bytes: &[u8]) -> Vec<i64> {
    let keys = split_keys(bytes).map_or(&[][..], |(keys, _)| keys);
    keys.iter().map(|key| i64::from_le_bytes(*key)).collect()
}

fn split_keys(bytes: &[u8]) -> Option<(&[[u8; 8]], &[u8])> {
    let (count, rest) = bytes.split_first()?;
    let (keys, rest) = rest.split_at_checked(usize::from(*count) * 8)?;
    Some((keys.as_chunks().0, rest))
}
