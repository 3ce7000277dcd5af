//! Feeds of a status page: Atom (RFC 4287) and RSS 2.0. An entry is an incident; its id stays the
//! same, and its moment is that of its last update.

use sandkasse_domain::{Timestamp, incident::Incident};

use super::{Board, said};

pub(super) fn atom(board: &Board, base: &str) -> String {
    let page = format!("{base}/status/{}", board.environment);
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n");
    out.push_str("<feed xmlns=\"http://www.w3.org/2005/Atom\">\n");
    line(&mut out, "title", &title(board));
    line(&mut out, "subtitle", board.state.words());
    line(&mut out, "id", &page);
    line(&mut out, "updated", &updated(board).to_string());
    out.push_str("<author><name>Sandkasse</name></author>\n");
    for (kind, href) in [
        ("alternate", page.clone()),
        ("self", format!("{page}.atom")),
    ] {
        out.push_str(&format!(
            "<link rel=\"{kind}\" href=\"{}\"/>\n",
            escaped(&href)
        ));
    }
    for it in all(board) {
        let place = format!("{page}#{}", it.id.0);
        out.push_str("<entry>\n");
        line(&mut out, "title", &it.title);
        line(&mut out, "id", &place);
        line(&mut out, "published", &it.opened.at.to_string());
        line(&mut out, "updated", &it.latest().at.to_string());
        out.push_str(&format!("<link href=\"{}\"/>\n", escaped(&place)));
        out.push_str(&format!("<category term=\"{}\"/>\n", it.kind.name()));
        out.push_str(&format!(
            "<content type=\"text\">{}</content>\n",
            escaped(&words(it))
        ));
        out.push_str("</entry>\n");
    }
    out.push_str("</feed>\n");
    out
}

pub(super) fn rss(board: &Board, base: &str) -> String {
    let page = format!("{base}/status/{}", board.environment);
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n");
    out.push_str("<rss version=\"2.0\"><channel>\n");
    line(&mut out, "title", &title(board));
    line(&mut out, "link", &page);
    line(&mut out, "description", board.state.words());
    line(&mut out, "lastBuildDate", &rfc822(updated(board)));
    for it in all(board) {
        let place = format!("{page}#{}", it.id.0);
        out.push_str("<item>\n");
        line(&mut out, "title", &it.title);
        line(&mut out, "link", &place);
        out.push_str(&format!(
            "<guid isPermaLink=\"false\">{}</guid>\n",
            escaped(&place)
        ));
        line(&mut out, "pubDate", &rfc822(it.latest().at));
        line(&mut out, "category", it.kind.name());
        line(&mut out, "description", &words(it));
        out.push_str("</item>\n");
    }
    out.push_str("</channel></rss>\n");
    out
}

fn all(board: &Board) -> impl Iterator<Item = &Incident> {
    board.open.iter().chain(&board.past).map(AsRef::as_ref)
}

fn title(board: &Board) -> String {
    format!("Sandkasse status, {} environment", board.environment)
}

/// When the feed changed last; long ago while nothing was ever told.
fn updated(board: &Board) -> Timestamp {
    let moments = all(board).map(|it| it.latest().at);
    moments.max().unwrap_or(Timestamp::UNIX_EPOCH)
}

fn words(incident: &Incident) -> String {
    let updates = incident.said().map(|it| {
        let (at, stage) = (said::moment(it.at), it.stage.words());
        format!("{at} UTC, {stage}: {}", it.text)
    });
    updates.collect::<Vec<_>>().join("\n\n")
}

fn rfc822(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn line(out: &mut String, tag: &str, text: &str) {
    out.push_str(&format!("<{tag}>{}</{tag}>\n", escaped(text)));
}

/// Text as XML can hold it; what it cannot is left out.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for it in text.chars() {
        match it {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(it),
            '\u{FFFE}' | '\u{FFFF}' => {}
            it if it.is_control() => {}
            it => out.push(it),
        }
    }
    out
}
