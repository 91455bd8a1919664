//! MD5 (RFC 1321) and SHA-256 (FIPS 180-4) of short texts: to match keys that were hashed elsewhere.

/// Digest in base 16.
pub(super) fn md5(data: &[u8]) -> String {
    let mut state: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    for block in padded(data, (data.len() as u64).wrapping_mul(8).to_le_bytes()).chunks_exact(64) {
        let word = |i: usize| u32::from_le_bytes([block[4 * i], block[4 * i + 1], block[4 * i + 2], block[4 * i + 3]]);
        let [mut a, mut b, mut c, mut d] = state;
        for i in 0..64 {
            let (f, g) = match i / 16 {
                0 => ((b & c) | (!b & d), i),
                1 => ((d & b) | (!d & c), (5 * i + 1) % 16),
                2 => (b ^ c ^ d, (3 * i + 5) % 16),
                _ => (c ^ (b | !d), (7 * i) % 16),
            };
            // The constants are the sines of whole numbers, as the standard says.
            let sine = ((i as f64 + 1.0).sin().abs() * 4_294_967_296.0) as u32;
            let sum = a.wrapping_add(f).wrapping_add(sine).wrapping_add(word(g));
            (a, d, c) = (d, c, b);
            b = b.wrapping_add(sum.rotate_left(SHIFTS[i / 16][i % 4]));
        }
        for (s, x) in state.iter_mut().zip([a, b, c, d]) {
            *s = s.wrapping_add(x);
        }
    }
    hex(state.iter().flat_map(|s| s.to_le_bytes()))
}

const SHIFTS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];

/// Digest in base 16.
pub(super) fn sha256(data: &[u8]) -> String {
    let primes = primes();
    let mut state: [u32; 8] = std::array::from_fn(|i| fraction(f64::from(primes[i]), 2));
    let constants: [u32; 64] = std::array::from_fn(|i| fraction(f64::from(primes[i]), 3));
    for block in padded(data, (data.len() as u64).wrapping_mul(8).to_be_bytes()).chunks_exact(64) {
        let mut w = [0u32; 64];
        for (i, four) in block.chunks_exact(4).enumerate() {
            w[i] = u32::from_be_bytes([four[0], four[1], four[2], four[3]]);
        }
        for i in 16..64 {
            let near = w[i - 15].rotate_right(7) ^ w[i - 15].rotate_right(18) ^ (w[i - 15] >> 3);
            let far = w[i - 2].rotate_right(17) ^ w[i - 2].rotate_right(19) ^ (w[i - 2] >> 10);
            w[i] = w[i - 16].wrapping_add(near).wrapping_add(w[i - 7]).wrapping_add(far);
        }
        let mut s = state;
        for i in 0..64 {
            let high = s[4].rotate_right(6) ^ s[4].rotate_right(11) ^ s[4].rotate_right(25);
            let choice = (s[4] & s[5]) ^ (!s[4] & s[6]);
            let one = s[7].wrapping_add(high).wrapping_add(choice).wrapping_add(constants[i]).wrapping_add(w[i]);
            let low = s[0].rotate_right(2) ^ s[0].rotate_right(13) ^ s[0].rotate_right(22);
            let most = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);
            s = [one.wrapping_add(low).wrapping_add(most), s[0], s[1], s[2], s[3].wrapping_add(one), s[4], s[5], s[6]];
        }
        for (a, b) in state.iter_mut().zip(s) {
            *a = a.wrapping_add(b);
        }
    }
    hex(state.iter().flat_map(|s| s.to_be_bytes()))
}

/// The data, one bit, zeros, and its length in bits, in whole blocks of 64 bytes.
fn padded(data: &[u8], length: [u8; 8]) -> Vec<u8> {
    let mut out = data.to_vec();
    out.push(0x80);
    out.resize(out.len().next_multiple_of(64) + if out.len() % 64 > 56 { 64 } else { 0 }, 0);
    let end = out.len();
    out[end - 8..].copy_from_slice(&length);
    out
}

/// The first 32 bits behind the point of a root. A double holds 53 bits, the whole part of these roots takes at most 5.
fn fraction(prime: f64, root: u32) -> u32 {
    let value = if root == 2 { prime.sqrt() } else { prime.cbrt() };
    (value.fract() * 4_294_967_296.0) as u32
}

fn primes() -> [u32; 64] {
    let mut all = (2u32..).filter(|n| (2..*n).take_while(|d| d * d <= *n).all(|d| n % d != 0));
    std::array::from_fn(|_| all.next().unwrap_or_default())
}

fn hex(bytes: impl Iterator<Item = u8>) -> String {
    bytes.map(|b| format!("{b:02x}")).collect()
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

    #[test]
    fn padding_leaves_room_for_the_length() {
        assert!((0..200).all(|n| padded(&vec![1; n], [9; 8]).len() % 64 == 0 && padded(&vec![1; n], [9; 8]).len() >= n + 9));
    }
}
