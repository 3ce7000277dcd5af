//! What placeholders stand for.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sandkasse_catalogue::{Piece, pieces};
use sandkasse_engine::directory::OfficeKind;
use sandkasse_gate::token::Issue;
use serde_json::Value;

use super::cast::Cast;

/// The access token of the sales unit itself.
pub(super) const TOKEN: &str = "TOKEN";
/// Keys that are gone.
const GONE: &str = "e9b6c99d-2442-4a5d-84a2-c53a807fe0c4";
/// Life of a token, in seconds.
const LIFE: i64 = 3600;

impl Cast<'_> {
    /// A text with its placeholders filled in.
    pub(super) async fn filled(&mut self, text: &str) -> Result<String, String> {
        let mut filled = String::new();
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Name(name) => filled.push_str(&self.value(name).await?),
            }
        }
        Ok(filled)
    }

    /// The same for people: secrets keep their names.
    pub(super) fn shown(&self, text: &str) -> String {
        let is_secret = |name: &str| {
            ["KEY", "SECRET", "TOKEN"]
                .iter()
                .any(|end| name.ends_with(end))
        };
        let mut shown = String::new();
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) => shown.push_str(text),
                Piece::Name(name) => match self.names.get(name) {
                    Some(value) if !is_secret(name) => shown.push_str(value),
                    Some(_) | None => shown.push_str(&format!("${name}")),
                },
            }
        }
        shown
    }

    async fn value(&mut self, name: &str) -> Result<String, String> {
        if let Some(value) = self.names.get(name) {
            return Ok(value.clone());
        }
        // Made when it is needed, and kept as a program would.
        let value = match name {
            "UNKNOWN_PHONE" => self.free_phone().to_string(),
            name if name.ends_with("PHONE") => self.person(name).await?.phone.to_string(),
            name => self.token(name).await?,
        };
        self.name(name, &value);
        Ok(value)
    }

    async fn token(&self, name: &str) -> Result<String, String> {
        match name {
            // Somebody put another client into it.
            "TAMPERED_TOKEN" => tampered(&self.own_token().await?),
            // Its time begins in an hour.
            "EARLY_TOKEN" => {
                let (_, keys) = self.keys.get("").ok_or("there is no sales unit")?;
                self.issued(&keys.client_id, LIFE).await
            }
            // Of yesterday by the clock on the wall, by which such tokens live.
            "OLD_ACCOUNTING_TOKEN" => {
                let keys = self.office_keys(OfficeKind::Accounting).await?;
                let unit = self.control.unit(self.environment, &self.msn);
                let ahead = unit.map_err(|it| it.detail)?.ahead_ms() / 1_000;
                self.issued(&keys.client_id, -ahead - 86_400).await
            }
            "ORPHAN_TOKEN" => self.issued(GONE, 0).await,
            // With the present keys; the configuration may have older ones.
            TOKEN => self.own_token().await,
            "PARTNER_TOKEN" => {
                let here = self.control.engine().directory.of(self.environment);
                let partner = here.partner(&self.partner_id()).cloned();
                let keys = &partner.ok_or("there is no partner")?.keys;
                let (id, secret) = (&keys.client_id, &keys.client_secret);
                self.token_of(self.environment, id, secret, &keys.primary)
                    .await
            }
            "MANAGEMENT_TOKEN" => self.office_token().await,
            name => {
                let prefix = name.strip_suffix(TOKEN);
                let known = prefix.and_then(|prefix| self.keys.get(prefix));
                let (place, keys) = known.ok_or_else(|| format!("${name} is not known"))?;
                self.token_of(*place, &keys.client_id, &keys.client_secret, &keys.primary)
                    .await
            }
        }
    }

    /// A token that the platform signs, and that nobody fetched.
    async fn issued(&self, client_id: &str, later: i64) -> Result<String, String> {
        let engine = self.control.engine();
        let unit = self.control.unit(self.environment, &self.msn);
        let unit = unit.map_err(|it| it.detail)?;
        let now = engine.now(&unit);
        let begins = now.checked_add(jiff::SignedDuration::from_secs(later));
        let issue = Issue {
            client_id,
            // Tokens begin a few minutes before they are issued; this one is early all the same.
            now: begins.unwrap_or(now),
            ahead_ms: unit.ahead_ms(),
            life: LIFE,
            fetched_with: None,
            id: engine.chance.uuid(),
        };
        let tokens = self.control.platform.gate.tokens(self.environment);
        Ok(tokens.issue(issue).await?.token)
    }
}

/// The token with another client in it, and the signature of before.
fn tampered(token: &str) -> Result<String, String> {
    let changed = || {
        let (head, rest) = token.split_once('.')?;
        let (claims, signature) = rest.split_once('.')?;
        let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
        let mut claims: Value = serde_json::from_slice(&claims).ok()?;
        claims
            .as_object_mut()?
            .insert("appid".to_owned(), "5bd1e8f1".into());
        let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
        Some(format!("{head}.{claims}.{signature}"))
    };
    changed().ok_or_else(|| "the token has not three parts".to_owned())
}
