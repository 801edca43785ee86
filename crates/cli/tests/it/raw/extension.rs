//! Contract §2, length extension: the attack against the running gateway by someone who saw a signature and knows no
//! secret. The forged signature is valid; only the byte rules of the body reject it.

use rebuttal_testbed::SignedCall;
use rebuttal_testbed::test_gateway::{CONTEST, QUERY};
use serde_json::json;

use crate::common::{each, test_gateway};

const BLOCK_BYTES: usize = 64;
/// The app's secret is always this long, so that the attacker knows how much was hashed.
const SECRET_CHARS: usize = 32;

#[test]
fn length_extended_signature_is_rejected() {
    let fixture = test_gateway();
    let seen = fixture.call(QUERY, &json!({ "disputeNo": "never-opened" }));
    let contest = fixture.call(CONTEST, &json!({ "disputeNo": "never-opened", "evidenceList": [] }));
    let suffixes: [&[u8]; 4] = [b",\"evil\":1}", b"{\"disputeNo\":\"other\"}", b"", b"\n\n"];
    let cases = [&seen, &contest].into_iter().flat_map(|call| {
        suffixes.map(|suffix| (String::from_utf8_lossy(suffix).into_owned(), extended(call, suffix)))
    });
    each(cases, |forged| {
        let mut honest = forged.clone();
        honest.sign_instead = None;
        assert_eq!(forged.sign(), honest.sign(), "the attack works against the signature alone");
        forged.send(fixture.address()).is("Common.Request.Malformed");
    });
    seen.send(fixture.address()).is("Dispute.NotFound");
}

/// The call with a longer body and its valid signature, computed from the observed signature.
pub(crate) fn extended(seen: &SignedCall, suffix: &[u8]) -> SignedCall {
    let public = [&seen.signer.app_id, &seen.method, &seen.url(), &seen.timestamp, &seen.nonce];
    let lines = public.iter().map(|value| value.len() + 1).sum::<usize>() + SECRET_CHARS + 1;
    let hashed = lines + seen.body.len() + 1;
    let mut forged = seen.clone();
    forged.body.push(b'\n');
    forged.body.extend(padding(hashed));
    let before_suffix = hashed + padding(hashed).len();
    assert_eq!(before_suffix % BLOCK_BYTES, 0);
    forged.body.extend_from_slice(suffix);

    let mut state = [0_u32; 8];
    let seen_sign = hex::decode(seen.sign()).unwrap();
    for (word, bytes) in state.iter_mut().zip(seen_sign.chunks(4)) {
        *word = u32::from_be_bytes(bytes.try_into().unwrap());
    }
    let mut tail = suffix.to_vec();
    tail.push(b'\n');
    tail.extend(padding(before_suffix + tail.len()));
    for block in tail.chunks(BLOCK_BYTES) {
        compress(&mut state, block);
    }
    let sign: Vec<u8> = state.iter().flat_map(|word| word.to_be_bytes()).collect();
    forged.sign_instead = Some(hex::encode(sign));
    forged
}

/// SHA-256's padding of a message of this length: 80h, zeros, and the length in bits.
fn padding(bytes: usize) -> Vec<u8> {
    let mut padding = vec![0x80];
    while (bytes + padding.len()) % BLOCK_BYTES != BLOCK_BYTES - 8 {
        padding.push(0);
    }
    padding.extend((bytes as u64 * 8).to_be_bytes());
    padding
}

/// The fractional parts of the square or cube roots of the first primes, which SHA-256 takes its constants from.
fn primes() -> impl Iterator<Item = u128> {
    (2_u128..).filter(|n| (2..*n).all(|d| n % d != 0))
}

/// 32 bits of the fraction of the cube root, by bisection on integers: x³ ≤ n·2⁹⁶.
fn cube_root_bits(n: u128) -> u32 {
    let (mut low, mut high) = (0_u128, 1 << 36);
    while high - low > 1 {
        let middle = (low + high) / 2;
        if middle * middle * middle <= n << 96 { low = middle } else { high = middle }
    }
    u32::try_from(low & 0xffff_ffff).unwrap()
}

/// SHA-256's compression function, which libraries do not export.
fn compress(state: &mut [u32; 8], block: &[u8]) {
    let constants: Vec<u32> = primes().take(64).map(cube_root_bits).collect();
    let mut words: Vec<u32> =
        block.chunks(4).map(|bytes| u32::from_be_bytes(bytes.try_into().unwrap())).collect();
    for t in 16..64 {
        let (x, y) = (words[t - 15], words[t - 2]);
        let s0 = x.rotate_right(7) ^ x.rotate_right(18) ^ (x >> 3);
        let s1 = y.rotate_right(17) ^ y.rotate_right(19) ^ (y >> 10);
        words.push(words[t - 16].wrapping_add(s0).wrapping_add(words[t - 7]).wrapping_add(s1));
    }
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    for (word, constant) in words.iter().zip(&constants) {
        let s1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
        let choice = (e & f) ^ (!e & g);
        let t1 = h.wrapping_add(s1).wrapping_add(choice).wrapping_add(*constant).wrapping_add(*word);
        let s0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
        let majority = (a & b) ^ (a & c) ^ (b & c);
        (h, g, f, e) = (g, f, e, d.wrapping_add(t1));
        (d, c, b, a) = (c, b, a, t1.wrapping_add(s0.wrapping_add(majority)));
    }
    for (word, add) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
        *word = word.wrapping_add(add);
    }
}
