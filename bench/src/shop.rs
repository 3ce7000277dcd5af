//! What a shop sends: the requests, and the jobs that repeat them.
//!
//! The ceilings get the very same bytes as the platform, from a shop with made-up keys.

use std::net::SocketAddr;
use std::rc::Rc;

use anyhow::Context as _;
use serde::Deserialize;

use crate::http::{self, Connection};
use crate::load::Job;

/// The sales unit in requests to the ceilings.
pub(crate) const CEILING_MSN: &str = "123456";

pub(crate) const PAYMENTS: &str = "/ecomm/v2/payments";

/// A sales unit with its keys, and where its callbacks go.
pub(crate) struct Shop {
    msn: String,
    /// All headers but the length of the body.
    headers: String,
    callback: SocketAddr,
    /// Of a person who can pay.
    phone: String,
}

/// What the API gives to a sales unit.
#[derive(Clone, Deserialize)]
pub(crate) struct Keys {
    pub(crate) msn: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) primary_subscription_key: String,
}

impl Shop {
    pub(crate) fn new(keys: &Keys, token: &str, phone: &str, callback: SocketAddr) -> Rc<Self> {
        let Keys {
            msn,
            primary_subscription_key: key,
            ..
        } = keys;
        let headers = format!(
            "Host: 127.0.0.1\r\nAuthorization: Bearer {token}\r\nOcp-Apim-Subscription-Key: {key}\r\n\
             Merchant-Serial-Number: {msn}\r\nContent-Type: application/json\r\nVipps-System-Name: bench\r\n"
        );
        Rc::new(Self {
            msn: msn.clone(),
            headers,
            callback,
            phone: phone.to_owned(),
        })
    }

    /// A shop for the ceilings, whose requests are as long as those to the platform.
    pub(crate) fn without_keys(callback: SocketAddr) -> Rc<Self> {
        let keys = Keys {
            msn: CEILING_MSN.to_owned(),
            client_id: String::new(),
            client_secret: String::new(),
            primary_subscription_key: "0123456789abcdef0123456789abcdef".to_owned(),
        };
        Self::new(
            &keys,
            &"eyJhbGciOiJSUzI1NiJ9".repeat(42),
            "4790000000",
            callback,
        )
    }

    pub(crate) fn initiate(&self, order: &str) -> Vec<u8> {
        let Self { msn, callback, .. } = self;
        let body = format!(
            r#"{{"customerInfo":{{}},"merchantInfo":{{"merchantSerialNumber":"{msn}","callbackPrefix":"http://{callback}/cb","fallBack":"https://example.com/vipps/result/{order}","authToken":"Basic abc","isApp":false,"paymentType":"eComm Regular Payment"}},"transaction":{{"orderId":"{order}","amount":49900,"transactionText":"One pair of socks"}}}}"#
        );
        self.request("POST", PAYMENTS, "", &body)
    }

    pub(crate) fn details(&self, order: &str) -> Vec<u8> {
        self.request("GET", &format!("{PAYMENTS}/{order}/details"), "", "")
    }

    fn approve(&self, order: &str, token: &str) -> Vec<u8> {
        let path = format!("/ecomm/v2/integration-test/payments/{order}/approve");
        let phone = &self.phone;
        let body = format!(r#"{{"customerPhoneNumber":"{phone}","token":"{token}"}}"#);
        self.request("POST", &path, "", &body)
    }

    /// A capture or a refund of everything.
    fn change(&self, order: &str, what: &str) -> Vec<u8> {
        let msn = &self.msn;
        let body = format!(
            r#"{{"merchantInfo":{{"merchantSerialNumber":"{msn}"}},"transaction":{{"amount":49900,"transactionText":"Socks"}}}}"#
        );
        let id = format!("X-Request-Id: {order}-{what}\r\n");
        self.request("POST", &format!("{PAYMENTS}/{order}/{what}"), &id, &body)
    }

    pub(crate) fn request(&self, method: &str, path: &str, header: &str, body: &str) -> Vec<u8> {
        let headers = &self.headers;
        http::request(method, path, format_args!("{headers}{header}"), body)
    }
}

/// The orders of one connection: numbered, so that what was made can be found again without a list.
#[derive(Clone)]
pub(crate) struct Orders {
    tag: String,
    pub(crate) made: u64,
}

impl Orders {
    /// One series for each of so many connections.
    pub(crate) fn series(tag: &str, connections: usize) -> Vec<Self> {
        let tags = (0..connections).map(|connection| format!("bench-{tag}-{connection:02}"));
        tags.map(|tag| Self { tag, made: 0 }).collect()
    }

    pub(crate) fn name(&self, number: u64) -> String {
        format!("{}-{number:07}", self.tag)
    }

    fn next(&mut self) -> String {
        let name = self.name(self.made);
        self.made += 1;
        name
    }
}

/// Makes payments that nobody approves, at most so many.
pub(crate) struct Initiating {
    pub(crate) shop: Rc<Shop>,
    pub(crate) orders: Orders,
    pub(crate) most: u64,
}

impl Job for Initiating {
    async fn once(&mut self, connection: &mut Connection) -> anyhow::Result<()> {
        let request = self.shop.initiate(&self.orders.next());
        connection.exchange(&request).await?.expect(200, "initiate")
    }

    fn is_done(&self) -> bool {
        self.orders.made >= self.most
    }
}

/// Looks at payments made before, never at the same one twice in a row.
pub(crate) struct Looking {
    pub(crate) shop: Rc<Shop>,
    pub(crate) made: Rc<Vec<Orders>>,
    /// Where to begin, a different place for each connection.
    pub(crate) at: u64,
}

impl Job for Looking {
    async fn once(&mut self, connection: &mut Connection) -> anyhow::Result<()> {
        // A large prime as the step spreads the looks over all orders.
        self.at += 7919;
        let series = usize::try_from(self.at)? % self.made.len().max(1);
        let orders = self.made.get(series).context("no orders to look at")?;
        let order = orders.name(self.at % orders.made.max(1));
        let request = self.shop.details(&order);
        connection.exchange(&request).await?.expect(200, "details")
    }
}

/// Whole lives of payments: initiate, force approve, capture, refund.
pub(crate) struct Living {
    pub(crate) shop: Rc<Shop>,
    pub(crate) orders: Orders,
}

impl Job for Living {
    async fn once(&mut self, connection: &mut Connection) -> anyhow::Result<()> {
        let (shop, order) = (&self.shop, self.orders.next());
        let answer = connection.exchange(&shop.initiate(&order)).await?;
        answer.expect(200, "initiate")?;
        let token = token(answer.body)?;
        for (what, request) in [
            ("force approve", shop.approve(&order, &token)),
            ("capture", shop.change(&order, "capture")),
            ("refund", shop.change(&order, "refund")),
        ] {
            connection.exchange(&request).await?.expect(200, what)?;
        }
        Ok(())
    }
}

/// The token in the URL that initiate returns: what follows its second `=`, as shops have always read it.
fn token(body: &[u8]) -> anyhow::Result<String> {
    #[derive(Deserialize)]
    struct Initiated {
        url: String,
    }
    let Initiated { url } = serde_json::from_slice(body)?;
    let token = url.split('=').nth(2);
    Ok(token
        .context("the url of initiate has no token")?
        .to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_json_and_lengths_are_right() {
        let shop = Shop::without_keys(SocketAddr::from(([127, 0, 0, 1], 9)));
        for request in [
            shop.initiate("bench-a-00-0000001"),
            shop.approve("a", "eyJ"),
            shop.change("a", "capture"),
        ] {
            let text = String::from_utf8(request).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(
                head.ends_with(&format!("Content-Length: {}", body.len())),
                "{head}"
            );
            serde_json::from_str::<serde_json::Value>(body).unwrap();
        }
    }

    #[test]
    fn the_token_is_the_third_piece_of_the_url() {
        let body = br#"{"orderId":"a","url":"http://127.0.0.1:1/gateway?v=2&token=eyJ.b.c"}"#;
        assert_eq!(token(body).unwrap(), "eyJ.b.c");
        assert!(token(br#"{"url":"http://127.0.0.1:1/gateway"}"#).is_err());
    }
}
