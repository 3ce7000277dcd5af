//! The catalogue is true: every cause that has a request is provoked with it and answered as its
//! page says, and every cause that the platform can name has a page.

mod complete;
mod lists;
mod stage;

use sandkasse_catalogue::{Catalogue, Cause, Page, Wire, captures};
use sandkasse_domain::Wording;
use sandkasse_testkit::{Got, Spoken, Stage};

const WORDINGS: [Wording; 3] = [Wording::Faq, Wording::Guide, Wording::Recorded];

#[tokio::test(start_paused = true)]
async fn every_cause_is_answered_as_its_page_says() {
    let mut differ = Vec::new();
    let mut played = 0;
    for (page, cause) in causes().filter(|(_, cause)| cause.awaits.is_none()) {
        if cause.request.is_none() {
            continue;
        }
        for wording in WORDINGS {
            if wording != Wording::Faq && is_as_ever(page, wording) {
                continue;
            }
            let it = Stage::in_wording(wording).play(cause).await;
            played += 1;
            if let Err(how) = judge(page, cause, wording, &it.got) {
                differ.push(format!("{} {} {wording:?}: {how}", page.slug, cause.id));
            }
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
    assert!(played > 80, "{played}");
}

/// A cause that awaits something has its answer already, wherever the request can be played; only
/// the explanation knows less than the page. When it knows as much, the page is corrected.
#[tokio::test(start_paused = true)]
async fn what_awaits_something_has_not_come_yet() {
    let (mut wrong, mut played) = (Vec::new(), 0);
    for (page, cause) in causes().filter(|(_, cause)| cause.awaits.is_some()) {
        let Ok(it) = Stage::default().try_play(cause).await else {
            continue;
        };
        played += 1;
        if let Err(how) = compare(page, Wording::Faq, &it.got) {
            wrong.push(format!("{} {}: {how}", page.slug, cause.id));
        } else if it.got.cause() == cause.id {
            wrong.push(format!("{} {}: take `awaits` away", page.slug, cause.id));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{played} of those that await something can be played");
}

fn causes() -> impl Iterator<Item = (&'static Page, &'static Cause)> {
    let pages = Catalogue::get().pages().iter();
    pages.flat_map(|page| page.causes.iter().map(move |cause| (page, cause)))
}

/// Whether a wording says what the default one does.
fn is_as_ever(page: &Page, wording: Wording) -> bool {
    let said = |wording| {
        (
            page.texts.of(wording),
            page.status_in(wording),
            page.group_in(wording),
        )
    };
    said(wording) == said(Wording::Faq)
}

fn judge(page: &Page, cause: &Cause, wording: Wording, got: &Got) -> Result<(), String> {
    if got.cause() != cause.id {
        return Err(format!("refused for {:?}: {}", got.cause(), got.body));
    }
    compare(page, wording, got)?;
    let Spoken {
        status,
        media,
        code,
        text,
        ..
    } = got.spoken(page.format);
    let wire = Wire {
        status,
        media: &media,
        code: code.as_deref(),
        text: Some(&text),
    };
    match Catalogue::get().of_answer(&cause.id, wire) {
        Some((found, _)) if found.slug == page.slug => Ok(()),
        found => Err(format!("leads to {:?}", found.map(|(page, _)| &page.slug))),
    }
}

/// The answer alone, whatever it was given for.
fn compare(page: &Page, wording: Wording, got: &Got) -> Result<(), String> {
    let Spoken {
        status,
        media,
        group,
        code,
        text,
    } = got.spoken(page.format);
    if Some(status) != page.status_in(wording) {
        return Err(format!("status {status}"));
    }
    if Some(media.as_str()) != page.format.media_type() {
        return Err(format!("media type {media}"));
    }
    if group.as_deref() != page.group_in(wording) {
        return Err(format!("group {group:?}"));
    }
    if let Some(expected) = &page.code
        && !fits(expected, code.as_deref().unwrap_or_default())
    {
        return Err(format!("code {code:?}"));
    }
    if !fits(page.texts.of(wording), &text) {
        return Err(format!("text {text:?}"));
    }
    Ok(())
}

/// Whether a text is this pattern, with a value of the right kind for each placeholder.
fn fits(pattern: &str, text: &str) -> bool {
    let Some(found) = captures(pattern, text) else {
        return false;
    };
    found.iter().all(|(name, value)| match *name {
        "msn" => (4..=7).contains(&value.len()) && value.bytes().all(|it| it.is_ascii_digit()),
        "seconds" => value.parse::<u32>().is_ok_and(|it| (1..=60).contains(&it)),
        "least" | "most" | "i" => value.parse::<u32>().is_ok(),
        _ => !value.is_empty() && value.chars().count() <= 100,
    })
}
