//! Files that are packed by themselves (`sitemap.xml.gz`), whatever the connection does besides.
//!
//! A packed file is known by its first bytes: servers send it as any type, and some unpack it on the way. What comes out
//! is bounded in size and in ratio, since a few KiB can unpack to gigabytes.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::MultiGzDecoder;

/// First bytes of a gzip member (RFC 1952).
const MAGIC: &[u8] = &[0x1f, 0x8b];

/// Most bytes that come out: the sitemap protocol's own limit for a file, unpacked.
const MAX_BYTES: usize = 50 * 1024 * 1024;

/// Most bytes that come out for one that goes in. Sitemaps reach some 50, as their addresses are alike; gzip ends at
/// 1,032, which is what bombs have.
const MAX_RATIO: usize = 200;

/// Up to here a ratio does no harm, and tells nothing.
const SMALL: usize = 1024 * 1024;

/// A packed file that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PackedError {
    /// It is broken or cut off.
    #[error("the gzip file is broken: {0}")]
    Broken(#[from] std::io::Error),
    /// It unpacks to too much.
    #[error("the gzip file unpacks to more than {} KiB, {ratio} times its size or more", .bytes / 1024)]
    Bomb {
        /// How many bytes were reached.
        bytes: usize,
        /// How many times its size that is.
        ratio: usize,
    },
}

/// The bytes of a file, unpacked if they are packed.
pub(super) fn unpack(bytes: &[u8]) -> Result<Cow<'_, [u8]>, PackedError> {
    if !bytes.starts_with(MAGIC) {
        return Ok(Cow::Borrowed(bytes));
    }
    let most = bytes
        .len()
        .saturating_mul(MAX_RATIO)
        .clamp(SMALL, MAX_BYTES);
    let mut unpacked = Vec::new();
    MultiGzDecoder::new(bytes)
        .take(most as u64 + 1)
        .read_to_end(&mut unpacked)?;
    if unpacked.len() > most {
        return Err(PackedError::Bomb {
            bytes: most,
            ratio: most / bytes.len(),
        });
    }
    Ok(Cow::Owned(unpacked))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn pack(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_packed_file_is_unpacked_and_another_left_alone() {
        let twice = [pack(b"<url"), pack(b"set/>")].concat();
        assert_eq!(&*unpack(&twice).unwrap(), b"<urlset/>");
        assert_eq!(&*unpack(b"<urlset/>").unwrap(), b"<urlset/>");
    }

    #[test]
    fn a_bomb_is_refused_and_a_small_file_may_be_all_blanks() {
        let bomb = pack(&vec![b' '; 4 * SMALL]);
        assert!(matches!(unpack(&bomb), Err(PackedError::Bomb { .. })));
        assert_eq!(unpack(&pack(&vec![b' '; SMALL])).unwrap().len(), SMALL);
    }

    #[test]
    fn a_file_that_is_cut_off_is_broken() {
        let whole = pack(b"<urlset/>");
        let cut = unpack(&whole[..whole.len() - 4]);
        assert!(matches!(cut, Err(PackedError::Broken(_))));
    }
}
