//! The live page: one document without outside resources, which is complete without JavaScript.
//!
//! The server renders every section, for the document and for the events that replace a section in it,
//! so that there is one renderer and no second one in JavaScript. Whatever comes from a request passes
//! through [`escape`]; the policy of the page allows exactly its own style and its own script, by their
//! hashes, so that even a mistake there runs nothing.

mod plot;
mod sections;

use std::time::Duration;

use crate::telemetry::in_words::printable;
pub(super) use sections::{Section, sections};

const DOCUMENT: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The Content-Security-Policy of the page (CSP Level 3 §6.7). `tests/tidy` compares the hashes with
/// the files.
pub(super) const POLICY: &str = "default-src 'none'; \
    style-src 'sha256-nF+M8LyfYmFDyVDy8e1642ZFSzGmwHnMFCDPOKYNE0Y='; \
    script-src 'sha256-c+N2I0wQ9KEaZK5jjK5K+TC6vMysMVbAXXn+8awODRw='; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// How often the page loads itself again without JavaScript.
const REFRESH: &str = "<noscript><meta http-equiv=\"refresh\" content=\"5\"></noscript>\n";

/// The whole document. One with stacks is there to be read, and does not load itself again.
pub(super) fn document(sections: Vec<(Section, String)>, stacks: Option<Duration>) -> String {
    let refresh = if stacks.is_some() { "" } else { REFRESH };
    let mut document = DOCUMENT
        .replace("<!--refresh-->\n", refresh)
        .replace("/*style*/", STYLE)
        .replace("/*script*/", SCRIPT);
    // Last, because their text may be anything.
    for (section, html) in sections {
        let place = format!("<!--{}-->", section.name());
        let (before, after) = document.split_once(&place).unwrap_or((&document, ""));
        document = format!("{before}{html}{after}");
    }
    document
}

/// Text for the content of an element or for an attribute in double quotes.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(character),
            _ => escaped.push(printable(character)),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::history::History;
    use crate::telemetry::overview::{Overview, RequestOverview, WorkerOverview};

    const HOSTILE: &str = "/<script>alert(1)</script>\"'&\u{202e}\0<!--threads--><!--failures-->";

    fn shown(overview: &Overview) -> String {
        document(sections(overview, &History::default()), None)
    }

    fn with_request(text: &str) -> Overview {
        let request = RequestOverview {
            thread: "maitred-0".into(),
            method: text.into(),
            path: text.into(),
            client: Some(text.into()),
            request_id: Some(text.into()),
            stack: Some(text.into()),
            ..RequestOverview::default()
        };
        let worker = WorkerOverview { running: vec![request], ..WorkerOverview::default() };
        Overview { workers: vec![worker], state: text.into(), ..Overview::default() }
    }

    #[test]
    fn nothing_of_a_request_is_markup() {
        let page = shown(&with_request(HOSTILE));
        assert!(!page.contains("<script>alert"), "{page}");
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;"), "{page}");
        assert!(!page.contains(['\u{202e}', '\0']));
        assert_eq!(page.matches("<script").count(), 1);
    }

    #[test]
    fn every_section_stands_in_its_place() {
        let page = shown(&Overview::default());
        assert!(
            !page.contains("<!--") && !page.contains("/*style*/") && !page.contains("/*script*/")
        );
        for section in Section::ALL {
            assert!(page.contains(&format!("id=\"{}\"", section.name())), "{}", section.name());
        }
    }
}
