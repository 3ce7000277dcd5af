//! Printed codes that lead to a page of the merchant, who may change which.
//!
//! The list of a sales unit's codes has no pages (reference: qr.md §4), so an answer is as long as there are codes. They are
//! read in portions, and what is held of one is its id, its target and its address.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::SignedDuration;
use sandkasse_domain::{
    Timestamp,
    qr_code::{RedirectCode, RedirectEvent},
};
use sandkasse_engine::{Engine, Unit};
use sandkasse_gate::{Caller, Step};
use serde::Serialize;

use super::{
    QrCause, json,
    picture::Wish,
    printed::{Shows, address},
    wish,
};
use crate::{
    Answer, Call, Why,
    json::Json,
    params::{Params, Rule},
};

/// The literal patterns of the platform; that of the address has no `-` in the host, which goes
/// through the rest (reference: qr.md §8).
const ID: &str = r"^[-_+%æøåÆØÅ\w\s]*$";
const TARGET: &str = r"^https://[\w\.]+([\w#!:.?+=&%@\-/]+)?$";
/// Seconds.
const LIFE: (i64, i64) = (300, 2_147_483_647);
/// The address of a picture works for so long; asking again gives a fresh one.
const PICTURE_LIFE: SignedDuration = SignedDuration::from_hours(1);
/// Codes are read in portions of so many.
const PORTION: usize = 500;
const NAMED: &str = "redirect/";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Code<'a> {
    id: &'a str,
    url: String,
    redirect_url: &'a str,
    expires_in: i64,
}

pub(super) async fn make(call: &mut Call<'_>, caller: &Caller, sent: &Json) -> Result<Answer, Why> {
    let mut params = Params::default();
    let wish = wish(call, &mut params)?;
    let read = params.root(sent).map(|root| {
        let rules = [Rule::Most(128), Rule::Pattern(ID, is_id)];
        let id = params.text(&root, "id", true, &rules);
        let target = params.text(&root, "redirectUrl", true, &[TARGET_RULE]);
        let ttl = params.integer(&root, "ttl", false, LIFE);
        id.zip(target).map(|(id, target)| (id, target, ttl))
    });
    let read = wish.zip(read.flatten());
    let (wish, (id, target, ttl)) = params.into_result(read)?;
    call.trace.passed(Step::Fields, "all allowed");
    let engine = &call.platform.engine;
    let serial = engine.chance.uuid().simple().to_string();
    let made = engine
        .change_kept::<RedirectCode, _>(&caller.unit, &kept_as(&id), |before, now| {
            if before.is_some_and(|code| code.is_alive(now)) {
                return Err(QrCause::IdExists { id: id.clone() });
            }
            let code = RedirectCode {
                target: target.clone(),
                serial: serial.clone(),
                expires_at: ttl.and_then(|ttl| {
                    let life = SignedDuration::from_secs(ttl);
                    now.checked_add(life).ok()
                }),
                deleted: false,
            };
            Ok(RedirectEvent::Made { code })
        })
        .await?
        .map_err(Why::Qr)?;
    call.trace.passed(Step::Rules, "made");
    Ok(json(&shown(call, &caller.unit, &id, &made, wish)))
}

const TARGET_RULE: Rule<'_> = Rule::Pattern(TARGET, is_target);

pub(super) async fn point(
    call: &mut Call<'_>,
    caller: &Caller,
    id: &str,
    sent: &Json,
) -> Result<Answer, Why> {
    let mut params = Params::default();
    let wish = wish(call, &mut params)?;
    let root = params.root(sent);
    let target = root.and_then(|root| params.text(&root, "redirectUrl", true, &[TARGET_RULE]));
    let (wish, target) = params.into_result(wish.zip(target))?;
    call.trace.passed(Step::Fields, "all allowed");
    let event = RedirectEvent::Pointed { target };
    let code = change(call, caller, id, &event).await?;
    Ok(json(&shown(call, &caller.unit, id, &code, wish)))
}

pub(super) async fn delete(call: &mut Call<'_>, caller: &Caller, id: &str) -> Result<Answer, Why> {
    change(call, caller, id, &RedirectEvent::Deleted).await?;
    Ok(Answer::empty(200))
}

async fn change(
    call: &mut Call<'_>,
    caller: &Caller,
    id: &str,
    event: &RedirectEvent,
) -> Result<RedirectCode, Why> {
    let engine = &call.platform.engine;
    let code = engine
        .change_kept::<RedirectCode, _>(&caller.unit, &kept_as(id), |before, now| match before {
            Some(code) if code.is_alive(now) => Ok(event.clone()),
            Some(_) | None => Err(QrCause::IdUnknown),
        })
        .await?
        .map_err(Why::Qr)?;
    call.trace.passed(Step::Rules, "changed");
    Ok(code)
}

pub(super) async fn get(call: &mut Call<'_>, caller: &Caller, id: &str) -> Result<Answer, Why> {
    let mut params = Params::default();
    let wish = wish(call, &mut params)?;
    let wish = params.into_result(wish)?;
    let found = alive(&call.platform.engine, &caller.unit, id).await?;
    let code = found.ok_or(Why::Qr(QrCause::IdUnknown))?;
    call.trace.passed(Step::Rules, "it is there");
    Ok(json(&shown(call, &caller.unit, id, &code, wish)))
}

pub(super) async fn list(call: &mut Call<'_>, caller: &Caller) -> Result<Answer, Why> {
    let mut params = Params::default();
    let wish = wish(call, &mut params)?;
    let wish = params.into_result(wish)?;
    let engine = &call.platform.engine;
    let now = engine.now(&caller.unit);
    let mut codes: Vec<(String, RedirectCode)> = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let found = engine
            .all_kept::<RedirectCode>(&caller.unit, NAMED, after.as_deref(), PORTION)
            .await
            .map_err(|error| Why::Fault(error.to_string()))?;
        let is_last = found.len() < PORTION;
        after = found.last().map(|(name, _)| name.clone());
        codes.extend(found.into_iter().filter(|(_, code)| code.is_alive(now)));
        if is_last {
            break;
        }
    }
    call.trace
        .passed(Step::Rules, format!("{} codes", codes.len()));
    let shown: Vec<Code<'_>> = codes
        .iter()
        .map(|(name, code)| {
            let id = name.strip_prefix(NAMED).unwrap_or_default();
            shown(call, &caller.unit, id, code, wish)
        })
        .collect();
    Ok(json(&shown))
}

fn shown<'a>(
    call: &Call<'_>,
    unit: &Unit,
    id: &'a str,
    code: &'a RedirectCode,
    wish: Wish,
) -> Code<'a> {
    let now = call.platform.engine.now(unit);
    let until = now.checked_add(PICTURE_LIFE).unwrap_or(Timestamp::MAX);
    let base = call.platform.base(call.environment);
    let print = Shows::Print(print(base, unit, id, &code.serial));
    Code {
        id,
        url: address(call, unit, print, wish, until),
        redirect_url: &code.target,
        // −1 is for ever.
        expires_in: code.expires_in(now).unwrap_or(-1),
    }
}

/// The code of this id, as long as it leads somewhere.
pub(super) async fn alive(
    engine: &Engine,
    unit: &Unit,
    id: &str,
) -> Result<Option<RedirectCode>, Why> {
    let found = engine
        .kept::<RedirectCode>(unit, &kept_as(id))
        .await
        .map_err(|error| Why::Fault(error.to_string()))?;
    Ok(found.filter(|code| code.is_alive(engine.now(unit))))
}

fn kept_as(id: &str) -> String {
    format!("{NAMED}{id}")
}

/// What is printed. The serial tells it from an earlier code of the same id.
fn print(base: &str, unit: &Unit, id: &str, serial: &str) -> String {
    let id = URL_SAFE_NO_PAD.encode(id);
    format!("{base}/q/r/{}/{id}.{serial}", unit.facts.msn)
}

/// Id and serial of what was printed.
pub(super) fn read_code(code: &str) -> Option<(String, String)> {
    let (id, serial) = code.split_once('.')?;
    let id = String::from_utf8(URL_SAFE_NO_PAD.decode(id).ok()?).ok()?;
    Some((id, serial.to_owned()))
}

/// `\w`, which has no letters but these: the pattern of ids names six others.
fn is_word(it: char) -> bool {
    it.is_ascii_alphanumeric() || it == '_'
}

/// [`ID`].
fn is_id(text: &str) -> bool {
    let allowed = |it: char| is_word(it) || it.is_whitespace() || "-+%æøåÆØÅ".contains(it);
    text.chars().all(allowed)
}

/// [`TARGET`].
fn is_target(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("https://") else {
        return false;
    };
    let in_rest = |it: char| is_word(it) || "#!:.?+=&%@-/".contains(it);
    let begins = rest
        .chars()
        .next()
        .is_some_and(|it| is_word(it) || it == '.');
    begins && rest.chars().all(in_rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_follow_the_literal_pattern() {
        for (text, fine) in [
            ("https://example.com/myProduct", true),
            ("https://my-shop.no", true),
            ("https://example.com/blåbær", false),
            ("https://example.com:8080/a?b=c&d=%20#e", true),
            ("http://example.com", false),
            ("https://", false),
            ("https:///a", false),
            ("https://example.com/a b", false),
            ("https://example.com/~kari", false),
            ("ftp://example.com", false),
        ] {
            assert_eq!(is_target(text), fine, "{text}");
        }
        assert!(is_id("billboard_1") && is_id("Kasse 1 på Økern+%") && is_id("a-b"));
        assert!(!is_id("a/b") && !is_id("a.b"));
    }
}
