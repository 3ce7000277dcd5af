//! Secrets at rest.
//!
//! Whoever steals the database, a backup of it or a log finds no key, no token and no merchant's
//! `authToken` in it: these are sealed under a master key that lies elsewhere, and looked up by a
//! keyed digest. What is sealed is bound to its place, so that a sealed value copied to another
//! row does not open there. (Threats: a thief of a backup, a curious administrator.)
//!
//! It does not protect against somebody who reads the memory or the master key's file of the
//! running process.

use std::fmt;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    hkdf, hmac,
};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use zeroize::{Zeroize, Zeroizing};

/// How every sealed value begins; the number changes with the way of sealing.
const PREFIX: &str = "sealed.1.";
/// Bytes of the nonce in front of the ciphertext.
const NONCE: usize = 12;

/// 256 bits from which everything else follows.
pub struct MasterKey(Zeroizing<[u8; 32]>);

impl MasterKey {
    /// The raw bytes; take them from a source of good randomness.
    pub fn new(bytes: [u8; 32]) -> MasterKey {
        MasterKey(Zeroizing::new(bytes))
    }

    /// 64 hexadecimal digits, as in the key file and in `SANDKASSE_MASTER_KEY`. `None` for
    /// anything else.
    pub fn from_hex(text: &str) -> Option<MasterKey> {
        let text = text.trim();
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        let mut bytes = [0; 32];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
        }
        Some(MasterKey(Zeroizing::new(bytes)))
    }

    /// The same text as [`MasterKey::from_hex`] reads.
    pub fn to_hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey")
    }
}

/// What stands for a secret where it is looked up: tells nothing about it without the master key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Digest {
    /// 64 hexadecimal digits.
    pub fn to_hex(self) -> String {
        let (high, low) = self.0.split_at(16);
        let half = |half: &[u8]| half.try_into().map_or(0, u128::from_be_bytes);
        format!("{:032x}{:032x}", half(high), half(low))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest")
    }
}

/// A sealed value that does not open: another master key sealed it, it was changed, or it lies at
/// another place than it was sealed for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sealed value does not open: it was sealed under another master key, or changed")]
pub struct Unsealable;

/// Seals, opens and digests.
pub struct Vault {
    sealing: LessSafeKey,
    digests: hmac::Key,
    moving: hmac::Key,
    row_seals: Zeroizing<[u8; 32]>,
    fingerprint: String,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault")
    }
}

impl Vault {
    /// Keys of their own for sealing and for digests follow from the master key.
    pub fn new(master: &MasterKey) -> Vault {
        let follow = |purpose: &str| {
            let mut key = [0; 32];
            hkdf::Salt::new(hkdf::HKDF_SHA256, b"sandkasse vault 1")
                .extract(master.0.as_slice())
                .expand(&[purpose.as_bytes()], hkdf::HKDF_SHA256)
                .and_then(|okm| okm.fill(&mut key))
                .expect("32 bytes are one block of HKDF-SHA-256");
            key
        };
        let mut sealing = follow("seal");
        let mut digests = follow("digest");
        let mut moving = follow("moving");
        let fingerprint = follow("fingerprint");
        let vault = Vault {
            sealing: LessSafeKey::new(
                UnboundKey::new(&AES_256_GCM, &sealing).expect("AES-256 takes 32 bytes"),
            ),
            digests: hmac::Key::new(hmac::HMAC_SHA256, &digests),
            moving: hmac::Key::new(hmac::HMAC_SHA256, &moving),
            row_seals: Zeroizing::new(follow("row seals")),
            fingerprint: Digest(fingerprint).to_hex(),
        };
        sealing.zeroize();
        digests.zeroize();
        moving.zeroize();
        vault
    }

    /// A new master key.
    pub fn fresh_key() -> MasterKey {
        MasterKey::new(random())
    }

    /// A vault for data that ends with the process.
    pub fn fresh() -> Vault {
        Vault::new(&Vault::fresh_key())
    }

    /// Seals a secret for a place, such as the row it lies in. Two seals of one secret differ.
    pub fn seal(&self, place: &str, secret: &str) -> String {
        let mut bytes = secret.as_bytes().to_vec();
        let nonce = random::<NONCE>();
        self.sealing
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(place.as_bytes()),
                &mut bytes,
            )
            .expect("no secret is 64 GB long");
        let whole = [nonce.as_slice(), &bytes].concat();
        bytes.zeroize();
        format!("{PREFIX}{}", STANDARD_NO_PAD.encode(whole))
    }

    /// Opens what was sealed for this place.
    pub fn open(&self, place: &str, sealed: &str) -> Result<String, Unsealable> {
        let encoded = sealed.strip_prefix(PREFIX).ok_or(Unsealable)?;
        let mut whole = STANDARD_NO_PAD.decode(encoded).map_err(|_| Unsealable)?;
        let (nonce, bytes) = whole.split_at_mut_checked(NONCE).ok_or(Unsealable)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Unsealable)?;
        let opened = self
            .sealing
            .open_in_place(nonce, Aad::from(place.as_bytes()), bytes)
            .map_err(|_| Unsealable)?;
        String::from_utf8(opened.to_vec()).map_err(|_| Unsealable)
    }

    /// What rows of the database are sealed with, so that a change made by others shows.
    pub fn row_seals(&self) -> &[u8; 32] {
        &self.row_seals
    }

    /// The same for the same master key, and tells nothing of it: 64 hexadecimal digits.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Begins a digest over what is moved to another installation with the same master key.
    pub fn digest_moved(&self) -> Moved {
        Moved(hmac::Context::with_key(&self.moving))
    }

    /// Under what a secret is looked up.
    pub fn digest(&self, secret: &str) -> Digest {
        let tag = hmac::sign(&self.digests, secret.as_bytes());
        let mut digest = [0; 32];
        digest
            .iter_mut()
            .zip(tag.as_ref())
            .for_each(|(to, from)| *to = *from);
        Digest(digest)
    }
}

/// A digest over bytes as they come.
pub struct Moved(hmac::Context);

impl Moved {
    /// More of them.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Of all that came: 64 hexadecimal digits.
    pub fn finish(self) -> String {
        let mut digest = [0; 32];
        digest
            .iter_mut()
            .zip(self.0.sign().as_ref())
            .for_each(|(to, from)| *to = *from);
        Digest(digest).to_hex()
    }
}

impl fmt::Debug for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Moved")
    }
}

/// Randomness of the system itself: the library's own takes tens of milliseconds to begin, which a
/// start would wait for.
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system has randomness");
    bytes
}

/// Whether a text is a sealed value. Texts of earlier versions were not sealed.
pub fn is_sealed(text: &str) -> bool {
    text.starts_with(PREFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    fn vault() -> Vault {
        Vault::new(&MasterKey::from_hex(HEX).unwrap())
    }

    #[test]
    fn what_was_sealed_opens_at_its_place_only() {
        for secret in ["", "a", "Bearer abc æøå", &"long ".repeat(10_000)] {
            let sealed = vault().seal("test/220001/acme-1", secret);
            assert!(is_sealed(&sealed) && !is_sealed(secret));
            assert!(secret.len() < 4 || !sealed.contains(secret));
            let open = |vault: &Vault, place: &str| vault.open(place, &sealed);
            assert_eq!(open(&vault(), "test/220001/acme-1").unwrap(), secret);
            assert_eq!(open(&vault(), "test/220001/acme-2"), Err(Unsealable));
            assert_eq!(open(&Vault::fresh(), "test/220001/acme-1"), Err(Unsealable));
        }
    }

    #[test]
    fn sealing_twice_differs_and_any_change_is_noticed() {
        let vault = vault();
        let sealed = vault.seal("here", "secret");
        assert_ne!(sealed, vault.seal("here", "secret"));
        for at in PREFIX.len()..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(vault.open("here", &changed), Err(Unsealable), "at {at}");
        }
        for wrong in [
            "",
            "secret",
            PREFIX,
            "sealed.1.AAAA",
            "sealed.1.???",
            "sealed.2.AAAA",
        ] {
            assert_eq!(vault.open("here", wrong), Err(Unsealable), "{wrong}");
        }
    }

    #[test]
    fn digests_repeat_under_one_key_and_differ_under_another() {
        assert_eq!(vault().digest("a"), vault().digest("a"));
        assert_ne!(vault().digest("a"), vault().digest("b"));
        assert_ne!(vault().digest("a"), Vault::fresh().digest("a"));
        assert_eq!(vault().digest("a").to_hex().len(), 64);
        assert_eq!(format!("{:?}", vault().digest("a")), "Digest");
    }

    #[test]
    fn what_follows_from_the_master_key_repeats_and_differs_by_purpose() {
        let (one, other) = (vault(), Vault::fresh());
        assert_eq!(one.fingerprint(), vault().fingerprint());
        assert_ne!(one.fingerprint(), other.fingerprint());
        assert_eq!(one.row_seals(), vault().row_seals());
        assert_ne!(one.row_seals(), other.row_seals());
        let moved = |vault: &Vault, parts: &[&str]| {
            let mut digest = vault.digest_moved();
            parts.iter().for_each(|part| digest.update(part.as_bytes()));
            digest.finish()
        };
        assert_eq!(moved(&one, &["a", "b"]), moved(&vault(), &["ab"]));
        assert_ne!(moved(&one, &["a"]), moved(&other, &["a"]));
        assert_ne!(moved(&one, &["a"]), one.digest("a").to_hex());
    }

    #[test]
    fn master_keys_are_64_hexadecimal_digits() {
        let key = MasterKey::from_hex(&format!("{HEX}\n")).unwrap();
        assert_eq!(key.to_hex(), HEX);
        assert_eq!(format!("{key:?}"), "MasterKey");
        for wrong in [
            "",
            "00",
            &HEX[1..],
            &format!("{HEX}0"),
            &HEX.replace('0', "g"),
            &"é".repeat(32),
        ] {
            assert!(MasterKey::from_hex(wrong).is_none(), "{wrong}");
        }
    }
}
