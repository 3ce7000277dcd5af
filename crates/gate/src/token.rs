//! Access tokens: RS256 JWTs with the claim names of the real ones (reference: access-token.md).
//!
//! Each environment has its own key. A key is made or read when the first token is asked for, not
//! at start-up: making one takes longer than everything else a start does. A token that was
//! verified once is remembered, so that a call costs no RSA.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use aws_lc_rs::{encoding::AsDer, encoding::Pkcs8V1Der, rsa::KeySize};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, errors::ErrorKind, jwk::Jwk,
};
use quick_cache::sync::Cache;
use sandkasse_domain::{Environment, Timestamp};
use sandkasse_engine::Engine;
use sandkasse_vault::{Vault, is_sealed};
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;

use crate::{TokenFault, Used};

/// `resource` and `aud` of every token, a constant of the real platform.
pub const RESOURCE: &str = "00000002-0000-0000-c000-000000000000";
/// A token may be used so many seconds before it was issued, for clocks that are slow.
pub const SKEW_SECONDS: i64 = 301;
/// So many verified tokens are remembered.
const REMEMBERED: usize = 4096;
/// No token of ours is nearly as long; longer ones are not looked at.
const LONGEST: usize = 8192;

/// What a token says. Only `appid`, the times and the private claims are relied on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    aud: String,
    iss: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    aio: String,
    /// The `client_id` it was issued to.
    pub appid: String,
    appidacr: String,
    idp: String,
    tid: String,
    uti: String,
    ver: String,
    /// Private: the environment.
    pub env: Environment,
    /// Private: the `client_id` of the subscription key's owner, if that is somebody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetched_with: Option<String>,
    /// Private: how far the sales unit's clock was ahead of real time at issue, in milliseconds.
    pub ahead_ms: i64,
}

/// For whom a token is issued.
#[derive(Clone, Debug)]
pub struct Issue<'a> {
    /// The client.
    pub client_id: &'a str,
    /// The moment on the clock that the token lives on.
    pub now: Timestamp,
    /// How far that clock is ahead of real time.
    pub ahead_ms: i64,
    /// In seconds.
    pub life: i64,
    /// The `client_id` of the subscription key's owner, if that is somebody else.
    pub fetched_with: Option<&'a str>,
    /// A fresh number.
    pub id: uuid::Uuid,
}

/// A fresh token and its times, Unix seconds.
#[derive(Clone)]
#[expect(missing_docs, reason = "the names are the platform's own")]
pub struct Issued {
    pub token: String,
    pub expires_on: i64,
    pub not_before: i64,
}

/// Signs and verifies the tokens of one environment.
pub struct Tokens {
    environment: Environment,
    source: KeySource,
    key: OnceCell<SigningKey>,
    verified: Cache<String, Arc<Verified>>,
}

/// Where the signing key comes from.
#[derive(Clone)]
pub enum KeySource {
    /// A file in PEM, sealed; made when missing. One that lies there in clear, as earlier versions
    /// wrote it, is read and sealed.
    File {
        /// Where it lies.
        path: PathBuf,
        /// What it is sealed by.
        vault: Arc<Vault>,
    },
    /// Made anew by every process.
    Fresh,
    /// In the directory, for all processes on one store; made when missing.
    Directory(Arc<Engine>),
    /// Given, in PEM. For tests.
    Pem(&'static str),
}

struct SigningKey {
    signing: EncodingKey,
    verifying: DecodingKey,
    public: Jwk,
    kid: String,
}

impl Tokens {
    /// Does nothing yet.
    pub fn new(environment: Environment, source: KeySource) -> Tokens {
        Tokens {
            environment,
            source,
            key: OnceCell::new(),
            verified: Cache::new(REMEMBERED),
        }
    }

    /// Signs a token.
    pub async fn issue(&self, issue: Issue<'_>) -> Result<Issued, String> {
        let key = self.key().await?;
        let issued_at = issue.now.as_second();
        // "3599" of 3600, as recorded: expires_on is the issue time plus life minus one.
        let expires_on = issued_at + issue.life - 1;
        let not_before = issued_at - SKEW_SECONDS;
        let claims = Claims {
            aud: RESOURCE.to_owned(),
            iss: format!("https://sts.sandkasse.invalid/{}/", self.environment),
            iat: not_before,
            nbf: not_before,
            exp: expires_on,
            aio: STANDARD.encode(issue.id.as_bytes()),
            appid: issue.client_id.to_owned(),
            appidacr: "1".to_owned(),
            idp: format!("https://sts.sandkasse.invalid/{}/", self.environment),
            tid: self.environment.to_string(),
            uti: issue.id.simple().to_string(),
            ver: "1.0".to_owned(),
            env: self.environment,
            fetched_with: issue.fetched_with.map(str::to_owned),
            ahead_ms: issue.ahead_ms,
        };
        let header = Header {
            kid: Some(key.kid.clone()),
            x5t: Some(key.kid.clone()),
            ..Header::new(Algorithm::RS256)
        };
        let token = jsonwebtoken::encode(&header, &claims, &key.signing)
            .map_err(|error| format!("a token could not be signed: {error}"))?;
        Ok(Issued {
            token,
            expires_on,
            not_before,
        })
    }

    /// Checks the signature and the issuer. The times are judged by whoever knows the clock:
    /// [`Claims::judge`].
    pub async fn verify(&self, token: &str) -> Result<Arc<Verified>, TokenFault> {
        if let Some(verified) = self.verified.get(token) {
            return Ok(verified);
        }
        let malformed = |detail: String| TokenFault::Malformed { detail };
        if token.len() > LONGEST {
            return Err(malformed(format!("of more than {LONGEST} characters")));
        }
        let header =
            jsonwebtoken::decode_header(token).map_err(|error| malformed(error.to_string()))?;
        let key = self.key().await.map_err(|_| TokenFault::Signature)?;
        // Whoever signed it did not use the key of this environment. Names of keys begin with the
        // environment, so that the other one's are recognised without having them.
        let kid = header.kid.unwrap_or_default();
        if kid != key.kid {
            let other = format!("{}-", self.environment.other());
            return Err(if kid.starts_with(&other) {
                TokenFault::OtherEnvironment
            } else {
                TokenFault::Signature
            });
        }
        let mut validation = Validation::new(Algorithm::RS256);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        let decoded = jsonwebtoken::decode::<Claims>(token, &key.verifying, &validation);
        let claims = match decoded {
            Ok(data) => data.claims,
            Err(error) => {
                let not_ours = matches!(
                    error.kind(),
                    ErrorKind::InvalidSignature
                        | ErrorKind::InvalidAlgorithm
                        | ErrorKind::InvalidAlgorithmName
                );
                return Err(if not_ours {
                    TokenFault::Signature
                } else {
                    malformed(error.to_string())
                });
            }
        };
        if claims.env != self.environment {
            return Err(TokenFault::OtherEnvironment);
        }
        let verified = Arc::new(Verified {
            claims,
            times: AtomicU64::new(0),
            since: OnceLock::new(),
        });
        self.verified.insert(token.to_owned(), verified.clone());
        Ok(verified)
    }

    /// The public key, for whoever wants to check a token.
    pub async fn key_set(&self) -> Result<serde_json::Value, String> {
        let key = self.key().await?;
        let mut public = key.public.clone();
        public.common.key_id = Some(key.kid.clone());
        Ok(serde_json::json!({ "keys": [public] }))
    }

    async fn key(&self) -> Result<&SigningKey, String> {
        let load = || async {
            let environment = self.environment;
            let pem = match &self.source {
                KeySource::Pem(pem) => (*pem).to_owned(),
                KeySource::Fresh => aside(generate).await?,
                KeySource::Directory(engine) => shared(environment, engine).await?,
                KeySource::File { path, vault } => {
                    let (path, vault) = (path.clone(), vault.clone());
                    aside(move || from_file(environment, &path, &vault)).await?
                }
            };
            parsed(environment, &pem)
        };
        self.key.get_or_try_init(load).await
    }
}

/// A token whose signature was checked, and how it is used.
pub struct Verified {
    /// What it says.
    pub claims: Claims,
    times: AtomicU64,
    since: OnceLock<Timestamp>,
}

impl Verified {
    /// Whether the token lives at `now`, on the clock it was issued on. Counts the use.
    pub fn judge(&self, now: Timestamp) -> Result<(), TokenFault> {
        let claims = &self.claims;
        let times = self.times.fetch_add(1, Ordering::Relaxed);
        let since = *self.since.get_or_init(|| now);
        let moment = |seconds| Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
        if now.as_second() >= claims.exp {
            return Err(TokenFault::Expired {
                at: moment(claims.exp),
                now,
                used: Used {
                    times,
                    since: (times > 0).then_some(since),
                },
            });
        }
        if now.as_second() < claims.nbf {
            return Err(TokenFault::NotYet {
                from: moment(claims.nbf),
                now,
            });
        }
        Ok(())
    }
}

/// Whether two secrets are the same, in a time that does not tell how much of them is.
pub fn same_secret(received: &str, expected: &str) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(received.as_bytes(), expected.as_bytes())
        .is_ok()
}

/// Making or reading a key takes longer than other requests should wait.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| error.to_string())?
}

/// The key that all processes sign with. Of two that make it at once, one is kept.
async fn shared(environment: Environment, engine: &Engine) -> Result<String, String> {
    let known = || engine.directory.of(environment).signing_key();
    if let Some(pem) = known() {
        return Ok(pem);
    }
    let made = aside(generate).await?;
    let kept = engine.directory.keep_signing_key(environment, made).await;
    kept.map_err(|error| error.to_string())
}

fn parsed(environment: Environment, pem: &str) -> Result<SigningKey, String> {
    let unusable = |error: jsonwebtoken::errors::Error| format!("the signing key: {error}");
    let signing = EncodingKey::from_rsa_pem(pem.as_bytes()).map_err(unusable)?;
    let public = Jwk::from_encoding_key(&signing, Algorithm::RS256).map_err(unusable)?;
    let verifying = DecodingKey::from_jwk(&public).map_err(unusable)?;
    let thumbprint = public.thumbprint(jsonwebtoken::jwk::ThumbprintHash::SHA256);
    let kid = format!("{environment}-{thumbprint}");
    Ok(SigningKey {
        signing,
        verifying,
        public,
        kid,
    })
}

fn from_file(environment: Environment, path: &Path, vault: &Vault) -> Result<String, String> {
    let cannot = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let place = place(environment);
    let pem = match std::fs::read_to_string(path) {
        Ok(kept) if is_sealed(&kept) => {
            return vault
                .open(&place, kept.trim_end())
                .map_err(|error| cannot(&error));
        }
        Ok(pem) => {
            // What is no key stays as it is, for its owner to look at.
            EncodingKey::from_rsa_pem(pem.as_bytes()).map_err(|error| cannot(&error))?;
            pem
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => generate()?,
        Err(error) => return Err(cannot(&error)),
    };
    let sealed = format!("{}\n", vault.seal(&place, &pem));
    file::write_secret(path, sealed.as_bytes()).map_err(|error| cannot(&error))?;
    Ok(pem)
}

/// For what place a signing key is sealed.
pub fn place(environment: Environment) -> String {
    format!("{environment}/signing-key")
}

fn generate() -> Result<String, String> {
    let key = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048)
        .map_err(|_| "no RSA key could be made".to_owned())?;
    let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&key)
        .map_err(|_| "an RSA key could not be encoded".to_owned())?;
    let base64 = STANDARD.encode(der.as_ref());
    let lines: Vec<&str> = base64
        .as_bytes()
        .chunks(64)
        .filter_map(|line| std::str::from_utf8(line).ok())
        .collect();
    Ok(format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        lines.join("\n")
    ))
}

/// Files that must be whole or absent after a crash.
pub mod file {
    use std::{
        fs::{File, OpenOptions},
        io::{self, Write},
        os::unix::fs::OpenOptionsExt,
        path::Path,
    };

    /// Writes a file that only its owner may read; see [`write_whole`].
    pub fn write_secret(path: &Path, content: &[u8]) -> io::Result<()> {
        write_whole(path, content, 0o600)?;
        sync_folder(path)
    }

    /// Writes a temporary file, syncs it and renames it into place. After a power cut the file is
    /// whole, or is what it was before; that it is the new one is certain after [`sync_folder`].
    pub fn write_whole(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(".tmp");
        let temporary = Path::new(&temporary);
        // One that is there already could be a link, or readable to others.
        match std::fs::remove_file(temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        std::fs::rename(temporary, path)
    }

    /// Makes sure that the name of a file, or of a folder, outlives a power cut.
    pub fn sync_folder(path: &Path) -> io::Result<()> {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEST: Environment = Environment::Test;

    /// RELIABILITY S-11: whoever steals the folder without the master key signs no tokens.
    #[test]
    fn signing_keys_lie_sealed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test-signing-key.pem");
        let vault = Vault::fresh();
        let load = |environment, vault: &Vault| {
            from_file(environment, &path, vault).and_then(|pem| parsed(environment, &pem))
        };
        let first = load(TEST, &vault).unwrap();
        let kept = std::fs::read_to_string(&path).unwrap();
        assert!(is_sealed(&kept) && !kept.contains("PRIVATE KEY"));
        assert_eq!(load(TEST, &vault).unwrap().kid, first.kid);

        // The other environment's name for it, and another master key, do not open it.
        let another = Vault::fresh();
        for (environment, vault) in [(Environment::Production, &vault), (TEST, &another)] {
            let Err(refused) = load(environment, vault) else {
                panic!("it opened")
            };
            assert!(refused.contains("does not open"), "{refused}");
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), kept, "not changed");

        // Earlier versions wrote it in clear: it stays the same key, and is sealed.
        let pem = vault.open(&place(TEST), kept.trim_end()).unwrap();
        std::fs::write(&path, &pem).unwrap();
        assert_eq!(load(TEST, &vault).unwrap().kid, first.kid);
        let kept = std::fs::read_to_string(&path).unwrap();
        assert!(is_sealed(&kept));
        assert_eq!(vault.open(&place(TEST), kept.trim_end()).unwrap(), pem);

        // What is no key is left as it is.
        std::fs::write(&path, "not a key\n").unwrap();
        assert!(load(TEST, &vault).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "not a key\n");
    }
}
