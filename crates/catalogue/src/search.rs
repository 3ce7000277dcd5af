//! Finding a page by whatever a developer has at hand: a code, a text from a log, a check's number.

use crate::{Catalogue, Cause, Page, pattern};

/// A page that was found.
#[derive(Clone, Copy, Debug)]
pub struct Hit<'a> {
    /// The page.
    pub page: &'a Page,
    /// The cause that was asked for, when it was one of several.
    pub cause: Option<&'a Cause>,
}

/// How well a page fits; the first is the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// Its slug or its code.
    Code,
    /// A code that is or was another name for it.
    AnotherCode,
    /// A cause or a check.
    Number,
    /// Its text.
    Text,
    /// Part of its text, or its title.
    Part,
    /// Every word stands somewhere on it.
    Words,
}

impl Catalogue {
    /// The pages that fit, the best first. Letters' case does not matter; a body out of a log may
    /// be given as it is, and then its text is looked for.
    pub fn search(&self, sought: &str) -> Vec<Hit<'_>> {
        let sought = sought.trim().to_lowercase();
        let sought = said_in(&sought).unwrap_or(&sought);
        if sought.is_empty() {
            return Vec::new();
        }
        let found = |page| Some((fit(page, sought)?, page));
        let mut hits: Vec<_> = self.pages().iter().filter_map(found).collect();
        hits.sort_by_key(|(fit, _)| *fit);
        hits.into_iter()
            .map(|(_, page)| Hit {
                page,
                cause: page.causes.iter().find(|cause| is_named(cause, sought)),
            })
            .collect()
    }
}

/// The text in the body of an answer, in lower case; `None` when it looks like none.
fn said_in(body: &str) -> Option<&str> {
    if !body.starts_with(['{', '[']) {
        return None;
    }
    let members = [
        "errormessage",
        "message",
        "detail",
        "error_description",
        "responsemessage",
    ];
    members.iter().find_map(|name| {
        let (_, after) = body.split_once(&format!("\"{name}\""))?;
        let value = after.trim_start().strip_prefix(':')?.trim_start();
        let value = value.strip_prefix('"')?.split('"').next()?;
        // The identity provider goes on with ids and a moment.
        value.split("\\r\\n").next()
    })
}

fn fit(page: &Page, sought: &str) -> Option<Fit> {
    let is = |text: &str| text.to_lowercase() == sought;
    let is_code = |code: &str| pattern::matches(&code.to_lowercase(), sought);
    if is(&page.slug) || page.code.as_deref().is_some_and(is_code) {
        return Some(Fit::Code);
    }
    if page.also.iter().any(|code| is(code)) {
        return Some(Fit::AnotherCode);
    }
    let checks = &page.evidence.checks;
    if checks.iter().any(|it| is(it)) || page.causes.iter().any(|it| is_named(it, sought)) {
        return Some(Fit::Number);
    }
    let texts: Vec<String> = page.texts.each().map(|(_, it)| it.to_lowercase()).collect();
    // A pattern that is nothing but a placeholder would fit everything.
    let whole = |text: &String| text.len() > 20 && pattern::matches(text, sought);
    if texts.iter().any(whole) {
        return Some(Fit::Text);
    }
    if is(&page.title) || texts.iter().any(|text| text.contains(sought)) {
        return Some(Fit::Part);
    }
    let all = everything(page);
    let mut words = sought.split_whitespace();
    words.all(|word| all.contains(word)).then_some(Fit::Words)
}

fn is_named(cause: &Cause, sought: &str) -> bool {
    cause.id == sought || cause.faq.iter().any(|row| row.to_lowercase() == sought)
}

/// All that stands on a page, in lower case.
fn everything(page: &Page) -> String {
    let mut all = vec![page.slug.as_str(), &page.title, &page.prose];
    all.extend(page.code.as_deref());
    all.extend(page.group.as_deref());
    all.extend(page.texts.each().map(|(_, text)| text));
    for cause in &page.causes {
        all.extend([cause.id.as_str(), &cause.means, &cause.tell, cause.remedy()]);
    }
    all.join("\n").to_lowercase()
}
