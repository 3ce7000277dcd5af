//! Which path is which operation.

use http::Method;

use crate::routes::Names;

/// An operation of the QR API, with the names in its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// `POST /qr/v1`: a code for one payment.
    OneTime,
    /// `POST /qr/v1/merchant-redirect`
    Make,
    /// `GET /qr/v1/merchant-redirect`
    List,
    /// `GET /qr/v1/merchant-redirect/{id}`
    Get {
        /// Which.
        id: String,
    },
    /// `PUT /qr/v1/merchant-redirect/{id}`
    Point {
        /// Which.
        id: String,
    },
    /// `DELETE /qr/v1/merchant-redirect/{id}`
    Delete {
        /// Which.
        id: String,
    },
    /// `GET /q/image`: the picture of a code, for whoever has its address.
    Picture,
    /// `GET /q/r/{msn}/{code}`: what a phone opens that scanned a printed code.
    Scan {
        /// Of the sales unit.
        msn: String,
        /// Id and serial.
        code: String,
    },
}

impl Asked {
    /// For traces and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Asked::OneTime => "POST /qr/v1",
            Asked::Make => "POST /qr/v1/merchant-redirect",
            Asked::List => "GET /qr/v1/merchant-redirect",
            Asked::Get { .. } => "GET /qr/v1/merchant-redirect/{id}",
            Asked::Point { .. } => "PUT /qr/v1/merchant-redirect/{id}",
            Asked::Delete { .. } => "DELETE /qr/v1/merchant-redirect/{id}",
            Asked::Picture => "GET /q/image",
            Asked::Scan { .. } => "GET /q/r/{msn}/{code}",
        }
    }
}

/// The operations at a path below `qr`, each with its method.
pub(crate) fn find(words: &[&str], name: Names<'_>) -> Option<Vec<(Method, Asked)>> {
    Some(match words {
        ["v1"] => vec![(Method::POST, Asked::OneTime)],
        ["v1", "merchant-redirect"] => {
            vec![(Method::POST, Asked::Make), (Method::GET, Asked::List)]
        }
        ["v1", "merchant-redirect", _] => vec![
            (Method::GET, Asked::Get { id: name(3) }),
            (Method::PUT, Asked::Point { id: name(3) }),
            (Method::DELETE, Asked::Delete { id: name(3) }),
        ],
        _ => return None,
    })
}

/// The same below `q`, where codes and their pictures lead.
pub(crate) fn find_printed(words: &[&str], name: Names<'_>) -> Option<Vec<(Method, Asked)>> {
    Some(match words {
        ["image"] => vec![(Method::GET, Asked::Picture)],
        ["r", _, _] => {
            let (msn, code) = (name(2), name(3));
            vec![(Method::GET, Asked::Scan { msn, code })]
        }
        _ => return None,
    })
}
