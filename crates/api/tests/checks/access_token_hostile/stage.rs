//! A shop with an order, and a call about it that lacks nothing but a token.

use sandkasse_domain::Environment;
use sandkasse_testkit::{Ask, Format, Jwt, Shop, TOKEN_REJECTED, World};

const PATH: &str = "/ecomm/v2/payments/acme-1/details";

pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) shop: Shop,
    /// One that is accepted.
    pub(crate) token: String,
    pub(crate) ask: Ask,
}

impl Stage {
    pub(crate) async fn new() -> Stage {
        let world = World::new().await;
        let shop = world.shop(|_| {}).await;
        shop.initiate("acme-1", 49_900).await.ok();
        let (token, ask) = (shop.token().await, shop.ask("GET", PATH).await);
        Stage {
            world,
            shop,
            token,
            ask,
        }
    }

    pub(crate) fn jwt(&self) -> Jwt {
        Jwt::read(&self.token)
    }

    /// The answer to an `Authorization` of this value is a refusal for this cause.
    pub(crate) async fn refuses(&self, authorization: &str, cause: &str) {
        let ask = self.ask.clone().header("Authorization", authorization);
        let got = ask.send().await;
        let shown: String = authorization.chars().take(80).collect();
        assert_eq!((got.status, got.cause()), (401, cause), "{shown}");
        got.answered(401, TOKEN_REJECTED, cause);
        assert_eq!(got.format(), Format::B);
    }

    pub(crate) async fn refuses_token(&self, token: &str, cause: &str) {
        self.refuses(&format!("Bearer {token}"), cause).await;
    }

    pub(crate) async fn accepts(&self, token: &str) {
        let ask = self.ask.clone();
        let ask = ask.header("Authorization", &format!("Bearer {token}"));
        ask.send().await.ok();
    }

    pub(crate) async fn key_set(&self, environment: Environment) -> serde_json::Value {
        let ask = self.world.ask(environment, "GET", "/discovery/keys");
        ask.send().await.ok()
    }
}
