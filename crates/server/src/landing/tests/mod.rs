//! The payer's pages over a platform in memory.

mod card;
mod epay;
mod flow;
mod follow;
mod safety;

use bytes::Bytes;
use sandkasse_domain::person::{Acts, CardState, Person};
use sandkasse_testkit::{Shop, World, minutes, seconds};
use serde_json::Value;

use super::*;

/// A shop's payment and whoever holds its link.
struct Visitor {
    world: World,
    shop: Shop,
    token: String,
    language: &'static str,
}

impl Visitor {
    async fn new(change: impl FnOnce(&mut Value)) -> Visitor {
        let world = World::new().await;
        let shop = world.shop(|unit| unit.skip_landing_page = true).await;
        Visitor::of(world, shop, change).await
    }

    async fn of(world: World, shop: Shop, change: impl FnOnce(&mut Value)) -> Visitor {
        let initiated = shop.initiate_but("acme-1", 49_900, change).await.ok();
        let url = initiated["url"].as_str().unwrap();
        let token = url.split('=').next_back().unwrap().to_owned();
        Visitor {
            world,
            shop,
            token,
            language: "en",
        }
    }

    async fn ask(&self, method: Method, path: &str, query: &str, body: &str) -> Page {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, self.language.parse().unwrap());
        let visit = Visit {
            environment: Environment::Test,
            method: &method,
            path,
            query: Some(query),
            headers: &headers,
            body: body.as_bytes(),
        };
        Page(answer(&self.world.platform, &surroundings(), &visit).await)
    }

    async fn look(&self) -> Page {
        let query = format!("v=2&token={}", self.token);
        self.ask(Method::GET, PATH, &query, "").await
    }

    async fn submit(&self, body: &str) -> Page {
        let query = format!("v=2&token={}", self.token);
        self.ask(Method::POST, PATH, &query, body).await
    }

    async fn give(&self, person: &Person) -> Page {
        self.submit(&format!("phone={}", person.phone)).await
    }
}

#[derive(Debug)]
struct Page(Answer);

impl Page {
    fn status(&self) -> u16 {
        self.0.status.as_u16()
    }

    fn html(&self) -> &str {
        std::str::from_utf8(&self.0.body).unwrap()
    }

    fn bytes(&self) -> Bytes {
        self.0.body.clone()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.0
            .headers
            .get(name)
            .map(|value| value.to_str().unwrap())
    }

    #[track_caller]
    fn shows(&self, status: u16, words: &[&str]) {
        assert_eq!(self.status(), status, "{}", self.html());
        for word in words {
            assert!(self.html().contains(word), "{word}: {}", self.html());
        }
    }

    #[track_caller]
    fn leads_to(&self, url: &str) {
        assert_eq!(self.status(), 303, "{}", self.html());
        assert_eq!(self.header("location"), Some(url));
    }
}

fn surroundings() -> Surroundings {
    Surroundings {
        portal: "http://127.0.0.1:7482".to_owned(),
        control: Some("http://127.0.0.1:7482".to_owned()),
        stop: watch::channel(false).1,
    }
}
