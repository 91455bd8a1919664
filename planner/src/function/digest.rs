//! MD5 (RFC 1321) and SHA-256 (FIPS 180-4) of texts: to match keys that were hashed elsewhere.

use md5::Md5;
use sha2::{Digest, Sha256};

/// Digest in base 16.
pub(super) fn md5(data: &[u8]) -> String {
    hex(&Md5::digest(data))
}

/// Digest in base 16.
pub(super) fn sha256(data: &[u8]) -> String {
    hex(&Sha256::digest(data))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_standards() {
        assert_eq!(md5(b""), "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(md5(b"abc"), "900150983cd24fb0d6963f7d28e17f72");
        let eighty = b"12345678901234567890123456789012345678901234567890123456789012345678901234567890";
        assert_eq!(md5(eighty), "57edf4a22be3c955ac49da2e2107b67a");
        assert_eq!(sha256(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let two_blocks = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        assert_eq!(sha256(two_blocks), "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    }
}
