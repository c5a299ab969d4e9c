use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Body, Field, Kind};

/// Namespace of every record id. Changing it gives every record a new id: never do.
const NAMESPACE: Uuid = Uuid::from_u128(0x8c1f_6a5e_3d0b_5c4e_9a77_2f64_1b0d_e5a1);

/// Version of the recipe of [`ContentHash`]; part of the hashed bytes, so a new recipe is seen as one.
const HASH_RECIPE: &[u8] = b"trendy/1\0";

/// Identity of a record: version 5 UUID (RFC 9562) of its kind and natural key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecordId(pub Uuid);

impl RecordId {
    /// The id of the thing of this kind whose natural key has these parts.
    ///
    /// Parts are joined by the unit separator U+001F, which no part can hold, so `["a", "bc"]` and `["ab", "c"]` differ.
    pub fn of(kind: Kind, key: &[&str]) -> Self {
        let mut name = String::from(kind.as_str());
        for part in key {
            name.push('\u{1f}');
            name.extend(part.chars().filter(|c| *c != '\u{1f}'));
        }
        Self(Uuid::new_v5(&NAMESPACE, name.as_bytes()))
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// SHA-256 of a record's normalized fields: equal hashes mean that nothing a reader would notice has changed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ContentHash(pub [u8; 32]);

impl ContentHash {
    /// The hash of these fields, over their JSON form (fixed order of fields, sorted maps). Those that are not counted
    /// are hashed as if the source did not tell them.
    ///
    /// # Panics
    /// Never: the fields of a body are strings, numbers, times, lists and maps with string keys.
    pub fn of(body: &Body, uncounted: &[Field]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(HASH_RECIPE);
        let json = if uncounted.is_empty() {
            serde_json::to_vec(body)
        } else {
            serde_json::to_vec(&body.clone().without(uncounted))
        };
        let json = json.expect("a body has string keys only, so it is always JSON");
        hasher.update(&json);
        Self(hasher.finalize().into())
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl From<ContentHash> for String {
    fn from(hash: ContentHash) -> Self {
        hash.to_string()
    }
}

/// A text that is not 64 hexadecimal digits.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a content hash (64 hexadecimal digits)")]
pub struct InvalidContentHash(String);

impl FromStr for ContentHash {
    type Err = InvalidContentHash;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidContentHash(text.to_owned());
        if text.len() != 64 || !text.is_ascii() {
            return Err(invalid());
        }
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte =
                u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).map_err(|_| invalid())?;
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for ContentHash {
    type Error = InvalidContentHash;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// Name of a pipeline: the `id` in its file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PipelineId(pub String);

impl PipelineId {
    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PipelineId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Number of one run of one pipeline, given by the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub i64);

impl fmt::Display for RunId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_key_gives_same_id_and_parts_do_not_run_together() {
        let id = RecordId::of(Kind::Job, &["daangn", "4021"]);
        assert_eq!(id, RecordId::of(Kind::Job, &["daangn", "4021"]));
        assert_ne!(id, RecordId::of(Kind::Job, &["daangn4", "021"]));
        assert_ne!(id, RecordId::of(Kind::Post, &["daangn", "4021"]));
        assert_eq!(id.0.get_version_num(), 5);
    }

    #[test]
    fn content_hash_reads_back_what_it_prints() {
        let hash = ContentHash([0xab; 32]);
        assert_eq!(hash.to_string().parse::<ContentHash>().unwrap(), hash);
        assert!("ab".parse::<ContentHash>().is_err());
        assert!("한".repeat(22).parse::<ContentHash>().is_err());
    }
}
