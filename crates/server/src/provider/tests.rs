//! Signing in with a small provider on loopback, whose tokens are signed with a key made here.

use std::{collections::BTreeMap, sync::Arc};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use axum::{Json, Router, body::Body, routing::get, routing::post};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, Request, header};
use http_body_util::BodyExt;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use parking_lot::Mutex;
use sandkasse_testkit::minutes;
use serde_json::{Value, json};

use super::{BACK, Provider};
use crate::{
    config::Options,
    portal::visitor::{BROWSER_COOKIE, COOKIE},
    testing::{House, PORTAL, Rules},
};

const CLIENT: &str = "sandkasse at work";
const SECRET: &str = "s&cret";

/// The `Authorization` and the form of a call.
type Sent = (String, BTreeMap<String, String>);

/// The provider: what it hands out, and what it was sent.
struct Elsewhere {
    base: String,
    key: EncodingKey,
    token: Arc<Mutex<String>>,
    sent: Arc<Mutex<Vec<Sent>>>,
}

fn key() -> (EncodingKey, Value) {
    let random = SystemRandom::new();
    let pair = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let public = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pair.as_ref()).unwrap();
    let point = public.public_key().as_ref().to_vec();
    let part = |from: usize| URL_SAFE_NO_PAD.encode(&point[from..from + 32]);
    let jwk = json!({
        "kty": "EC", "crv": "P-256", "kid": "k1", "use": "sig", "alg": "ES256", "x": part(1), "y": part(33),
    });
    (EncodingKey::from_ec_der(pair.as_ref()), jwk)
}

impl Elsewhere {
    async fn start() -> Elsewhere {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (key, jwk) = key();
        let token = Arc::new(Mutex::new(String::new()));
        let sent = Arc::new(Mutex::new(Vec::new()));
        let description = json!({
            "issuer": base,
            "authorization_endpoint": format!("{base}/authorize?tenant=1"),
            "token_endpoint": format!("{base}/token"),
            "jwks_uri": format!("{base}/keys"),
        });
        let (handed, noted) = (token.clone(), sent.clone());
        let exchange = move |headers: HeaderMap, body: String| {
            assert_eq!(
                headers[header::CONTENT_TYPE],
                "application/x-www-form-urlencoded"
            );
            let authorization = headers.get(header::AUTHORIZATION);
            let authorization = authorization
                .map_or("", |it| it.to_str().unwrap())
                .to_owned();
            let form = form_urlencoded::parse(body.as_bytes())
                .into_owned()
                .collect();
            noted.lock().push((authorization, form));
            let answer =
                json!({"token_type": "Bearer", "access_token": "x", "id_token": *handed.lock()});
            async move { Json(answer) }
        };
        let keys = json!({"keys": [jwk]});
        let router = Router::new()
            .route(
                "/.well-known/openid-configuration",
                get(move || async move { Json(description) }),
            )
            .route("/keys", get(move || async move { Json(keys) }))
            .route("/token", post(exchange));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Elsewhere {
            base,
            key,
            token,
            sent,
        }
    }

    fn hands_out(&self, claims: &Value) {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some("k1".to_owned());
        *self.token.lock() = encode(&header, claims, &self.key).unwrap();
    }
}

async fn house(elsewhere: &Elsewhere) -> House {
    let text = format!(
        "provider_secret = '{SECRET}'\n[provider]\nissuer = '{}'\nclient_id = '{CLIENT}'\nname = 'Work'\n\
         admin = ['ops', 'owners']\ndeveloper = ['dev']",
        elsewhere.base
    );
    let options = Options::from_toml(&text).unwrap();
    let base = format!("http://{PORTAL}");
    let provider = Provider::new(options.provider.unwrap(), options.provider_secret, &base);
    House::under(Rules {
        token: Some("the-administrators-token".to_owned()),
        provider: Some(provider),
        ..Rules::default()
    })
    .await
}

/// A browser, as far as signing in needs one.
struct Browser<'a> {
    house: &'a House,
    cookies: BTreeMap<String, String>,
}

struct Got {
    status: u16,
    to: String,
    html: String,
}

impl<'a> Browser<'a> {
    fn new(house: &'a House) -> Browser<'a> {
        Browser {
            house,
            cookies: BTreeMap::new(),
        }
    }

    /// Follows a link, as one that leads here from another site.
    async fn get(&mut self, path: &str) -> Got {
        let mut request = Request::get(path)
            .header(header::HOST, PORTAL)
            .header("sec-fetch-site", "cross-site")
            .header("sec-fetch-mode", "navigate")
            .header("sec-fetch-dest", "document");
        for (name, value) in &self.cookies {
            request = request.header(header::COOKIE, format!("{name}={value}"));
        }
        let request = request.body(Body::empty()).unwrap();
        let response = self.house.portal.answer(request).await;
        for line in response.headers().get_all(header::SET_COOKIE) {
            let (pair, flags) = line.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
            if flags.contains("Max-Age=0") {
                self.cookies.remove(name);
            }
        }
        let to = response.headers().get(header::LOCATION);
        let to = to.map_or("", |to| to.to_str().unwrap()).to_owned();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let html = String::from_utf8(body.to_vec()).unwrap();
        Got { status, to, html }
    }

    /// Goes there; what the provider was asked.
    async fn begin(&mut self, query: &str) -> BTreeMap<String, String> {
        let led = self.get(&format!("/sign-in/provider?{query}")).await;
        assert_eq!(led.status, 303, "{}", led.html);
        let (place, query) = led.to.split_once('?').unwrap();
        assert!(place.ends_with("/authorize"), "{place}");
        form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect()
    }

    async fn come_back(&mut self, asked: &BTreeMap<String, String>) -> Got {
        self.get(&format!("{BACK}?code=c0de&state={}", asked["state"]))
            .await
    }
}

fn claims(house: &House, elsewhere: &Elsewhere, asked: &BTreeMap<String, String>) -> Value {
    let now = house.world.now().as_second();
    json!({
        "iss": elsewhere.base, "aud": CLIENT, "sub": "user 1", "name": "Ola <b>", "groups": ["dev", "ops"],
        "iat": now, "exp": now + 300, "auth_time": now, "nonce": asked["nonce"],
    })
}

#[tokio::test]
async fn somebody_signs_in_with_an_account_elsewhere() {
    let elsewhere = Elsewhere::start().await;
    let house = house(&elsewhere).await;
    let mut browser = Browser::new(&house);
    let choice = browser.get("/sign-in?next=/users").await;
    assert!(choice.html.contains("Sign in with Work"));
    let asked = browser.begin("next=/users").await;
    for (name, value) in [
        ("tenant", "1"),
        ("response_type", "code"),
        ("client_id", CLIENT),
        ("scope", "openid profile"),
        (
            "redirect_uri",
            "http://127.0.0.1:7482/sign-in/provider/back",
        ),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(asked[name], value, "{name}");
    }
    assert!(!asked.contains_key("prompt"));
    elsewhere.hands_out(&claims(&house, &elsewhere, &asked));
    let back = browser.come_back(&asked).await;
    assert_eq!(
        (back.status, back.to.as_str()),
        (303, "/users"),
        "{}",
        back.html
    );
    assert!(!browser.cookies.contains_key(BROWSER_COOKIE));
    let users = browser.get("/users").await;
    assert!(users.html.contains("Ola &#60;b&#62;"), "an admin by `ops`");

    let (authorization, form) = elsewhere.sent.lock()[0].clone();
    let basic = base64::engine::general_purpose::STANDARD.encode("sandkasse+at+work:s%26cret");
    assert_eq!(authorization, format!("Basic {basic}"));
    assert_eq!(form["grant_type"], "authorization_code");
    assert_eq!(form["code"], "c0de");
    assert_eq!(form["redirect_uri"], asked["redirect_uri"]);
    let challenge =
        aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, form["code_verifier"].as_bytes());
    assert_eq!(asked["code_challenge"], URL_SAFE_NO_PAD.encode(challenge));
    assert!(!form.contains_key("client_secret"));
    // What came back once does not come back again.
    let again = browser.come_back(&asked).await;
    assert_eq!(again.status, 403);
    assert!(again.html.contains("nobody has begun this"));
    let lines = house.engine().audit.lines(None, 5).await.unwrap();
    assert_eq!((lines.len(), lines[0].entry.actor.as_str()), (1, "Ola <b>"));
}

#[tokio::test]
async fn s_14_what_one_browser_began_elsewhere_no_other_finishes() {
    let elsewhere = Elsewhere::start().await;
    let house = house(&elsewhere).await;
    let (mut attacker, mut victim) = (Browser::new(&house), Browser::new(&house));
    let asked = attacker.begin("").await;
    elsewhere.hands_out(&claims(&house, &elsewhere, &asked));
    for _ in 0..2 {
        let seen = victim.come_back(&asked).await;
        assert_eq!(seen.status, 403);
        assert!(seen.html.contains("begun in another browser"));
        assert!(!victim.cookies.contains_key(COOKIE));
        victim.begin("").await;
    }
    house.world.clock.advance(minutes(10));
    let late = attacker.come_back(&asked).await;
    assert!(
        late.html.contains("longer than ten minutes"),
        "{}",
        late.html
    );
    let unknown = attacker.get(&format!("{BACK}?code=c&state=x")).await;
    assert_eq!(unknown.status, 403);
    let asked = attacker.begin("").await;
    let no = format!("{BACK}?error=access_denied&state={}", asked["state"]);
    assert!(
        attacker
            .get(&no)
            .await
            .html
            .contains("the provider said no")
    );
}

#[tokio::test]
async fn a_token_that_fails_one_check_lets_nobody_in() {
    type Change = fn(&mut Value);
    let elsewhere = Elsewhere::start().await;
    let house = house(&elsewhere).await;
    let rows: [(Change, Option<&str>); 17] = [
        (|_| {}, None),
        (|it| it["aud"] = json!([CLIENT]), None),
        (
            |it| it["exp"] = json!(it["iat"].as_i64().unwrap() - 59),
            None,
        ),
        (|it| it["groups"] = json!("dev"), None),
        (
            |it| it["iss"] = json!("https://evil.example.com"),
            Some("somebody else made it"),
        ),
        (|it| it["aud"] = json!("another"), Some("for somebody else")),
        (
            |it| it["aud"] = json!([CLIENT, "another"]),
            Some("for somebody else"),
        ),
        (|it| it["azp"] = json!("another"), Some("for somebody else")),
        (
            |it| it["exp"] = json!(it["iat"].as_i64().unwrap() - 60),
            Some("it is over"),
        ),
        (
            |it| it["iat"] = json!(it["iat"].as_i64().unwrap() + 61),
            Some("not valid yet"),
        ),
        (
            |it| it["nbf"] = json!(it["iat"].as_i64().unwrap() + 61),
            Some("not valid yet"),
        ),
        (|it| it["nonce"] = json!("another"), Some("not the answer")),
        (
            |it| drop(it.as_object_mut().unwrap().remove("nonce")),
            Some("not the answer"),
        ),
        (
            |it| drop(it.as_object_mut().unwrap().remove("exp")),
            Some("signature or content"),
        ),
        (
            |it| drop(it.as_object_mut().unwrap().remove("sub")),
            Some("signature or content"),
        ),
        (
            |it| it["groups"] = json!(["others"]),
            Some("your account has no role here"),
        ),
        (
            |it| drop(it.as_object_mut().unwrap().remove("groups")),
            Some("no role here"),
        ),
    ];
    for (number, (change, words)) in rows.into_iter().enumerate() {
        let mut browser = Browser::new(&house);
        let asked = browser.begin("").await;
        let mut claims = claims(&house, &elsewhere, &asked);
        change(&mut claims);
        elsewhere.hands_out(&claims);
        let seen = browser.come_back(&asked).await;
        match words {
            None => assert_eq!(seen.status, 303, "{number}: {}", seen.html),
            Some(words) => {
                assert_eq!(seen.status, 403, "{number}");
                assert!(seen.html.contains(words), "{number}: {}", seen.html);
            }
        }
        assert_eq!(
            browser.cookies.contains_key(COOKIE),
            words.is_none(),
            "{number}"
        );
    }
}

#[tokio::test]
async fn a_token_that_another_key_signed_or_none_is_refused() {
    let elsewhere = Elsewhere::start().await;
    let house = house(&elsewhere).await;
    for forged in [
        "another key",
        "no signature",
        "the public key as a secret",
        "changed",
    ] {
        let mut browser = Browser::new(&house);
        let asked = browser.begin("").await;
        let claims = claims(&house, &elsewhere, &asked);
        elsewhere.hands_out(&claims);
        let good = elsewhere.token.lock().clone();
        let parts: Vec<&str> = good.split('.').collect();
        let head = |header: Value| URL_SAFE_NO_PAD.encode(header.to_string());
        let token = match forged {
            "another key" => {
                let mut header = Header::new(Algorithm::ES256);
                header.kid = Some("k1".to_owned());
                encode(&header, &claims, &key().0).unwrap()
            }
            "no signature" => format!("{}.{}.", head(json!({"alg": "none"})), parts[1]),
            "the public key as a secret" => {
                let secret = EncodingKey::from_secret(b"k1");
                let mut header = Header::new(Algorithm::HS256);
                header.kid = Some("k1".to_owned());
                encode(&header, &claims, &secret).unwrap()
            }
            _ => {
                let mut changed = claims.clone();
                changed["groups"] = json!(["owners"]);
                format!("{}.{}.{}", parts[0], head(changed), parts[2])
            }
        };
        *elsewhere.token.lock() = token;
        let seen = browser.come_back(&asked).await;
        assert_eq!(seen.status, 403, "{forged}");
        assert!(seen.html.contains("cannot be trusted"), "{forged}");
        assert!(!browser.cookies.contains_key(COOKIE), "{forged}");
    }
}

#[tokio::test]
async fn s_14_who_signs_again_elsewhere_has_signed_in_there_anew() {
    let elsewhere = Elsewhere::start().await;
    let house = house(&elsewhere).await;
    let mut browser = Browser::new(&house);
    let asked = browser.begin("").await;
    elsewhere.hands_out(&claims(&house, &elsewhere, &asked));
    browser.come_back(&asked).await;
    let session = |browser: &Browser<'_>| {
        let now = house.engine().clock.now();
        house
            .control
            .visitors
            .of(&browser.cookies[COOKIE], now)
            .unwrap()
    };
    house.world.clock.advance(minutes(6));
    let page = browser.get("/sign-in/again?next=/users").await;
    assert!(page.html.contains("Sign again with Work"));
    for (change, signed) in [("old", false), ("other", false), ("", true)] {
        let asked = browser.begin("again=yes&next=/users").await;
        assert_eq!(
            (asked["prompt"].as_str(), asked["max_age"].as_str()),
            ("login", "0")
        );
        let mut claims = claims(&house, &elsewhere, &asked);
        match change {
            "old" => claims["auth_time"] = json!(claims["iat"].as_i64().unwrap() - 360),
            "other" => claims["sub"] = json!("user 2"),
            _ => {}
        }
        elsewhere.hands_out(&claims);
        let seen = browser.come_back(&asked).await;
        assert_eq!(seen.status, if signed { 303 } else { 403 }, "{change}");
        let now = house.engine().clock.now();
        assert_eq!(session(&browser).signed_lately(now), signed, "{change}");
    }
}
