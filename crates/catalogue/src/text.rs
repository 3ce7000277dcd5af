//! A page as plain text for a terminal.

use crate::{Cause, Page};

impl Page {
    /// Status, format, group and code in one line.
    pub fn headline(&self) -> String {
        let status = self.status.map(|status| status.to_string());
        let parts = [
            status.as_deref(),
            Some(self.format.name()),
            self.group.as_deref(),
            self.code.as_deref(),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
    }

    /// Where the knowledge is from.
    pub(crate) fn provenance(&self) -> String {
        let evidence = &self.evidence;
        let mut line = format!("{}: {}", capitalised(evidence.kind.name()), evidence.source);
        if !evidence.checks.is_empty() {
            line.push_str(&format!(" ({})", evidence.checks.join(", ")));
        }
        line
    }

    /// The page as plain text, no line longer than `width` unless a single word is.
    pub fn text(&self, width: usize) -> String {
        let mut out = self.lines(width);
        out.wrap("", "", &self.title);
        out.wrap("", "", &format!("{} · {}", self.headline(), self.slug));
        out.gap();
        for (from, text) in self.texts.each() {
            let from = if from.is_empty() {
                String::new()
            } else {
                format!("  ({from})")
            };
            out.wrap("  ", "  ", &format!("“{text}”{from}"));
        }
        for paragraph in self.prose.split("\n\n") {
            out.gap();
            out.paragraph("", paragraph);
        }
        for cause in &self.causes {
            out.gap();
            out.cause(cause);
        }
        out.gap();
        out.wrap("", "", &self.provenance());
        out.text
    }

    /// One of its causes alone, with the request that provokes it.
    pub fn text_of(&self, cause: &Cause, width: usize) -> String {
        let mut out = self.lines(width);
        out.cause(cause);
        if let Some(request) = &cause.request {
            out.gap();
            for line in &cause.given {
                out.text.push_str(&format!("    # {line}\n"));
            }
            for line in request.trim().lines() {
                out.text.push_str(format!("    {line}").trim_end());
                out.gap();
            }
        }
        out.text
    }

    fn lines(&self, width: usize) -> Lines<'_> {
        Lines {
            folder: self.folder(),
            width,
            text: String::new(),
        }
    }
}

struct Lines<'a> {
    /// The page's, which its links start from.
    folder: &'a str,
    width: usize,
    text: String,
}

impl Lines<'_> {
    fn gap(&mut self) {
        self.text.push('\n');
    }

    fn cause(&mut self, cause: &Cause) {
        let rows = if cause.faq.is_empty() {
            String::new()
        } else {
            format!("  {}", cause.faq.join(", "))
        };
        self.wrap("", "", &format!("{}{rows}", cause.id));
        self.wrap("  ", "  ", &self.plain(&cause.means));
        self.wrap("  Tell: ", "        ", &self.plain(&cause.tell));
        let remedy = if cause.mendable {
            "  Fix:  "
        } else {
            "  Else: "
        };
        self.wrap(remedy, "        ", &self.plain(cause.remedy()));
    }

    /// A paragraph or a list of Markdown; code stays as it is.
    fn paragraph(&mut self, indent: &str, markdown: &str) {
        if markdown.starts_with("```") {
            for line in markdown.lines().filter(|line| !line.starts_with("```")) {
                self.text.push_str(&format!("    {line}\n"));
            }
            return;
        }
        let mut item = String::new();
        for line in markdown.lines() {
            if line.starts_with("- ") && !item.is_empty() {
                self.item(indent, &item);
                item.clear();
            }
            item.push_str(line);
            item.push(' ');
        }
        self.item(indent, &item);
    }

    fn item(&mut self, indent: &str, markdown: &str) {
        let text = self.plain(markdown);
        match text.strip_prefix("- ") {
            Some(text) => self.wrap(&format!("{indent}- "), &format!("{indent}  "), text),
            None => self.wrap(indent, indent, &text),
        }
    }

    /// Markdown without its marks: pages use code, emphasis, lists and links to other pages.
    fn plain(&self, markdown: &str) -> String {
        let mut pieces = markdown.split("](");
        let mut out = pieces.next().unwrap_or_default().replace('[', "");
        for piece in pieces {
            let (link, rest) = piece.split_once(')').unwrap_or((piece, ""));
            let link = match link.strip_prefix("../") {
                Some(elsewhere) => elsewhere.to_owned(),
                None => format!("{}/{link}", self.folder),
            };
            out.push_str(&format!(" ({link}){}", rest.replace('[', "")));
        }
        out.replace("**", "").replace(['`', '*'], "")
    }

    fn wrap(&mut self, first: &str, other: &str, text: &str) {
        let (mut line, mut fresh) = (first.to_owned(), true);
        for word in text.split_whitespace() {
            let length = line.chars().count() + 1 + word.chars().count();
            if !fresh && length > self.width {
                self.text.push_str(line.trim_end());
                self.text.push('\n');
                other.clone_into(&mut line);
                fresh = true;
            }
            if !fresh {
                line.push(' ');
            }
            line.push_str(word);
            fresh = false;
        }
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|it| it.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}
