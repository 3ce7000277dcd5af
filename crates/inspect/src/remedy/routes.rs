//! The operation that was probably meant.

use sandkasse_api::OPERATIONS;
use sandkasse_gate::distance;

/// So many letters of a path may be wrong.
const LETTERS_OFF: usize = 8;
/// So many parts of a path may be wrong.
const PARTS_OFF: usize = 2;

/// Method and path of the operation that is nearest to what was sent; names in the path stay.
pub(crate) fn nearest(method: &str, path: &str) -> Option<(&'static str, String)> {
    let sent: Vec<&str> = path.trim_matches('/').split('/').collect();
    OPERATIONS
        .iter()
        .filter_map(|(with, template)| {
            let parts: Vec<&str> = template.trim_matches('/').split('/').collect();
            if parts.len() != sent.len() {
                return None;
            }
            let off: Vec<usize> = parts
                .iter()
                .zip(&sent)
                .map(|(part, sent)| {
                    if part.starts_with('{') {
                        0
                    } else {
                        distance(part, &sent.to_ascii_lowercase())
                    }
                })
                .collect();
            // A part of which no letter is right was not meant.
            let meant = |(part, off): (&&str, &usize)| *off < part.len().max(1);
            if !parts.iter().zip(&off).all(meant) {
                return None;
            }
            let letters: usize = off.iter().sum();
            let wrong = off.iter().filter(|off| **off > 0).count();
            let near = letters <= LETTERS_OFF && wrong <= PARTS_OFF;
            let filled: Vec<&str> = parts
                .iter()
                .zip(&sent)
                .map(|(part, sent)| if part.starts_with('{') { *sent } else { *part })
                .collect();
            near.then(|| {
                (
                    letters,
                    *with != method,
                    *with,
                    format!("/{}", filled.join("/")),
                )
            })
        })
        .min()
        .map(|(_, _, method, path)| (method, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_operation_keeps_the_names_in_its_path() {
        for (sent, expected) in [
            ("POST /ecom/v2/payments", Some("POST /ecomm/v2/payments")),
            ("POST /ecomm/v3/payments", Some("POST /ecomm/v2/payments")),
            (
                "GET /ecom/v2/payments/Acme-1/detail",
                Some("GET /ecomm/v2/payments/Acme-1/details"),
            ),
            ("POST /accesstoken/gt", Some("POST /accesstoken/get")),
            (
                "POST /ecomm/v2/payments/a/cancel",
                Some("PUT /ecomm/v2/payments/a/cancel"),
            ),
            ("GET /", None),
            ("GET /something/else/entirely", None),
            ("GET /ecomm/v2", None),
        ] {
            let (method, path) = sent.split_once(' ').unwrap();
            let found = nearest(method, path).map(|(method, path)| format!("{method} {path}"));
            assert_eq!(found.as_deref(), expected, "{sent}");
        }
    }
}
