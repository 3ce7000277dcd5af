//! Phones over a platform in memory: a browser with its cookies, shops, and what is seen.

mod flow;
mod safety;

use std::collections::BTreeMap;

use axum::body::Body;
use http::{HeaderMap, Request, header};
use http_body_util::BodyExt;
use parking_lot::Mutex;
use sandkasse_domain::person::Person;
use sandkasse_engine::Act;
use sandkasse_testkit::Shop;
use serde_json::Value;

use super::sessions;
use crate::testing::{House, PORTAL};

/// A browser that keeps its cookies.
pub(super) struct Browser<'a> {
    pub(super) house: &'a House,
    cookies: Mutex<BTreeMap<String, String>>,
}

/// What it shows.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) html: String,
}

impl Seen {
    #[track_caller]
    pub(super) fn shows(&self, words: &[&str]) {
        assert_eq!(self.status, 200, "{}", self.html);
        for word in words {
            assert!(self.html.contains(word), "{word}: {}", self.html);
        }
    }

    #[track_caller]
    pub(super) fn hides(&self, words: &[&str]) {
        for word in words {
            assert!(!self.html.contains(word), "{word}: {}", self.html);
        }
    }

    fn location(&self) -> &str {
        self.headers["location"].to_str().unwrap()
    }
}

impl<'a> Browser<'a> {
    pub(super) fn new(house: &'a House) -> Browser<'a> {
        Browser {
            house,
            cookies: Mutex::default(),
        }
    }

    /// One in which this person is logged in.
    pub(super) async fn of(house: &'a House, person: &Person) -> Browser<'a> {
        let browser = Browser::new(house);
        browser.log_in(person).await;
        browser
    }

    pub(super) async fn log_in(&self, person: &Person) {
        let home = home(person);
        let done = self
            .post(&format!("{home}/unlock"), &[("pin", "1236")])
            .await;
        assert_eq!((done.status, done.location()), (303, home.as_str()));
    }

    pub(super) async fn get(&self, path: &str) -> Seen {
        self.send("GET", path, String::new()).await
    }

    /// Sends exactly these fields.
    pub(super) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let mut form = form_urlencoded::Serializer::new(String::new());
        self.send("POST", path, form.extend_pairs(fields).finish())
            .await
    }

    /// Taps on the phone as its own page does.
    pub(super) async fn tap(&self, person: &Person, act: &str, fields: &[(&str, &str)]) -> Seen {
        let csrf = self.csrf(person).await;
        let mut all = vec![("_csrf", csrf.as_str())];
        all.extend(fields);
        let done = self.post(&format!("{}/{act}", home(person)), &all).await;
        assert_eq!(done.status, 303, "{act}: {}", done.html);
        self.get(done.location()).await
    }

    /// What the forms of a phone send back.
    pub(super) async fn csrf(&self, person: &Person) -> String {
        let page = self.get(&home(person)).await;
        let (_, rest) = page.html.split_once(r#"name="_csrf" value=""#).unwrap();
        rest.split('"').next().unwrap().to_owned()
    }

    pub(super) async fn look(&self, person: &Person) -> Seen {
        self.get(&home(person)).await
    }

    async fn send(&self, method: &str, path: &str, body: String) -> Seen {
        let cookies: Vec<String> = {
            let cookies = self.cookies.lock();
            cookies
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect()
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, PORTAL)
            .header(header::ORIGIN, format!("http://{PORTAL}"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::COOKIE, cookies.join("; "))
            .body(Body::from(body))
            .unwrap();
        let (parts, body) = self.house.portal.answer(request).await.into_parts();
        for line in parts.headers.get_all(header::SET_COOKIE) {
            let (pair, _) = line.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies
                .lock()
                .insert(name.to_owned(), value.to_owned());
        }
        let body = body.collect().await.unwrap().to_bytes();
        Seen {
            status: parts.status.as_u16(),
            headers: parts.headers,
            html: String::from_utf8(body.to_vec()).unwrap(),
        }
    }
}

pub(super) fn home(person: &Person) -> String {
    format!("/phone/{}", person.phone)
}

/// The request shows in this person's app.
pub(super) async fn show(shop: &Shop, order: &str, person: &Person) {
    let phone = person.phone.clone();
    shop.person(order, Act::Show { phone }).await.unwrap();
}

/// A payment request that waits for this person.
pub(super) async fn ask(shop: &Shop, order: &str, amount: i64, person: &Person) {
    shop.initiate(order, amount).await.ok();
    show(shop, order, person).await;
}

/// The fields that name a request.
pub(super) fn which<'a>(shop: &'a Shop, order: &'a str) -> [(&'a str, &'a str); 2] {
    [("msn", shop.msn.as_str()), ("order", order)]
}

/// The operations of a payment, the newest first.
pub(super) async fn log(shop: &Shop, order: &str) -> Vec<String> {
    shop.log(order).await
}

/// A copy with markup planted.
pub(super) const NASTY: &str = "\"><script>alert(1)</script>";

/// What the control API says.
pub(super) async fn of_control(house: &House, path: &str) -> Value {
    let (status, body) = house.get(path).await;
    assert_eq!(status, 200, "{body}");
    body
}
