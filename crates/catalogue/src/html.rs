//! A page as a fragment of HTML. Whatever a page says, no tag of its own reaches a browser.

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html};

use crate::{Cause, Page};

impl Page {
    /// The page as an `<article>`; headings begin at `h1`, each cause is a `<section>` with its id.
    /// Links to other pages are relative to an address that ends in the page's slug.
    pub fn html(&self) -> String {
        let mut out = String::from("<article class=\"refusal\">\n");
        line(&mut out, "h1", &self.title);
        line(&mut out, "p", &self.headline());
        for (from, text) in self.texts.each() {
            out.push_str("<blockquote><code>");
            out.push_str(&escaped(text));
            out.push_str("</code>");
            if !from.is_empty() {
                out.push_str(&format!(" <small>{}</small>", escaped(from)));
            }
            out.push_str("</blockquote>\n");
        }
        out.push_str(&prose(&self.prose));
        for cause in &self.causes {
            out.push_str(&of_cause(cause));
        }
        line(&mut out, "footer", &self.provenance());
        out.push_str("</article>\n");
        out
    }
}

fn of_cause(cause: &Cause) -> String {
    let mut out = format!(
        "<section id=\"{}\">\n<h2><code>{}</code></h2>\n",
        escaped(&cause.id),
        escaped(&cause.id)
    );
    out.push_str(&prose(&cause.means));
    out.push_str("<dl>\n");
    let remedy = if cause.mendable { "Fix" } else { "Instead" };
    for (term, text) in [
        ("How to tell", cause.tell.as_str()),
        (remedy, cause.remedy()),
    ] {
        out.push_str(&format!("<dt>{term}</dt><dd>{}</dd>\n", prose(text).trim()));
    }
    out.push_str("</dl>\n");
    if let Some(request) = &cause.request {
        let given: String = cause.given.iter().map(|it| format!("# {it}\n")).collect();
        let request = escaped(&format!("{given}{}", request.trim()));
        out.push_str(&format!("<pre><code>{request}</code></pre>\n"));
    }
    out.push_str("</section>\n");
    out
}

/// Markdown, of which raw HTML is shown as the text it is, and links lead only to `https` or to
/// other pages.
fn prose(markdown: &str) -> String {
    let is_safe = |url: &str| url.starts_with("https://") || !url.contains(':');
    let mut dropped = false;
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "what another library adds is ordinary Markdown"
    )]
    let events = Parser::new_ext(markdown, Options::empty()).filter_map(|event| match event {
        Event::Html(text) | Event::InlineHtml(text) => Some(Event::Text(text)),
        Event::Start(Tag::HtmlBlock) => Some(Event::Start(Tag::Paragraph)),
        Event::End(TagEnd::HtmlBlock) => Some(Event::End(TagEnd::Paragraph)),
        Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => None,
        // Links do not nest.
        Event::Start(Tag::Link { ref dest_url, .. }) if !is_safe(dest_url) => {
            dropped = true;
            None
        }
        Event::End(TagEnd::Link) if dropped => {
            dropped = false;
            None
        }
        Event::SoftBreak => Some(Event::Text(CowStr::Borrowed("\n"))),
        other => Some(other),
    });
    let mut out = String::new();
    html::push_html(&mut out, events);
    out
}

fn line(out: &mut String, tag: &str, text: &str) {
    out.push_str(&format!("<{tag}>{}</{tag}>\n", escaped(text)));
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for it in text.chars() {
        match it {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_tag_of_a_page_reaches_the_browser() {
        for hostile in [
            "<script>alert(1)</script>",
            "a <img src=x onerror=alert(1)> b",
            "[a](javascript:alert(1))",
            "![a](data:text/html,x)",
            "<div>\n\n<b>\n\n</div>",
        ] {
            let html = prose(hostile);
            for tag in [
                "<script",
                "<img",
                "<div",
                "<b>",
                "href=\"javascript",
                "data:text",
            ] {
                assert!(!html.contains(tag), "{hostile}: {html}");
            }
        }
        assert_eq!(
            prose("`a<b` [c](https://example.com)"),
            "<p><code>a&lt;b</code> <a href=\"https://example.com\">c</a></p>\n"
        );
        assert_eq!(escaped("<\"'&>"), "&lt;&quot;&#39;&amp;&gt;");
    }
}
