//! Which path is which operation.

use http::Method;

use crate::routes::Names;

/// An operation of the Report API, with the names in its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// `GET /settlement/v1/ledgers`
    Ledgers,
    /// `GET /report/v2/ledgers/{ledgerId}/{topic}/dates/{ledgerDate}`
    Date {
        /// Which ledger, as sent.
        ledger: String,
        /// Which account, as sent.
        topic: String,
        /// Which date, as sent.
        date: String,
    },
    /// `GET /report/v2/ledgers/{ledgerId}/{topic}/feed`
    Feed {
        /// Which ledger, as sent.
        ledger: String,
        /// Which account, as sent.
        topic: String,
    },
}

impl Asked {
    /// For traces and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Asked::Ledgers => "GET /settlement/v1/ledgers",
            Asked::Date { .. } => "GET /report/v2/ledgers/{ledgerId}/{topic}/dates/{ledgerDate}",
            Asked::Feed { .. } => "GET /report/v2/ledgers/{ledgerId}/{topic}/feed",
        }
    }
}

/// The operations at a path below `report/v2`, each with its method.
pub(crate) fn find(words: &[&str], name: Names<'_>) -> Option<Vec<(Method, Asked)>> {
    let (ledger, topic) = (name(3), name(4));
    let asked = match words {
        ["ledgers", _, _, "dates", _] => Asked::Date {
            ledger,
            topic,
            date: name(6),
        },
        ["ledgers", _, _, "feed"] => Asked::Feed { ledger, topic },
        _ => return None,
    };
    Some(vec![(Method::GET, asked)])
}
