//! Packed bodies. A small one may stand for a huge one, so that both size and ratio have a bound.

use std::io::Read;

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// `gzip`.
    Gzip,
    /// `zstd`.
    Zstd,
}

/// Why a body was not unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// It is not what it says, or it ends early.
    #[error("the body cannot be unpacked: {0}")]
    Broken(std::io::Error),
    /// It would be too long.
    #[error("the unpacked body is longer than the {0} bytes of `ingest.unpacked_bytes`")]
    TooLong(u64),
    /// It grows more than an honest one does.
    #[error("the body grows more than {0} times when it is unpacked (`ingest.unpack_ratio`)")]
    TooDense(u64),
}

/// Bodies below this size may grow as they like.
const HARMLESS_BYTES: u64 = 1 << 20;

/// The bytes of a packed body.
///
/// # Errors
/// Damage, or a bound.
pub fn unpack(body: &[u8], packing: Packing, bytes_max: u64, ratio_max: u64) -> Result<Vec<u8>, UnpackError> {
    let dense = (body.len() as u64).saturating_mul(ratio_max).max(HARMLESS_BYTES);
    let most = bytes_max.min(dense);
    let mut plain = Vec::with_capacity(body.len().saturating_mul(4).min(1 << 20));
    let read = match packing {
        Packing::Gzip => flate2::read::MultiGzDecoder::new(body).take(most + 1).read_to_end(&mut plain),
        Packing::Zstd => zstd::stream::read::Decoder::new(body).and_then(|d| d.take(most + 1).read_to_end(&mut plain)),
    };
    read.map_err(UnpackError::Broken)?;
    match plain.len() as u64 {
        n if n <= most => Ok(plain),
        _ if most == bytes_max => Err(UnpackError::TooLong(bytes_max)),
        _ => Err(UnpackError::TooDense(ratio_max)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(plain).expect("memory takes it");
        encoder.finish().expect("memory takes it")
    }

    #[test]
    fn bombs_are_not_unpacked() {
        let long = vec![b' '; 4 << 20];
        assert_eq!(unpack(&gzip(b"[]"), Packing::Gzip, 1 << 20, 100).expect("small"), b"[]");
        assert!(matches!(unpack(&gzip(&long), Packing::Gzip, 1 << 30, 100), Err(UnpackError::TooDense(100))));
        assert!(matches!(unpack(&gzip(&long), Packing::Gzip, 2 << 20, 10_000), Err(UnpackError::TooLong(_))));
        assert!(matches!(unpack(b"[]", Packing::Gzip, 1 << 20, 100), Err(UnpackError::Broken(_))));
        assert!(matches!(unpack(&gzip(&long)[..40], Packing::Gzip, 1 << 30, 1 << 30), Err(UnpackError::Broken(_))));
        let packed = zstd::encode_all(&b"{}"[..], 1).expect("memory takes it");
        assert_eq!(unpack(&packed, Packing::Zstd, 1 << 20, 100).expect("small"), b"{}");
        assert!(matches!(unpack(&packed, Packing::Gzip, 1 << 20, 100), Err(UnpackError::Broken(_))));
    }
}
