//! Secrets at rest, in logs and in what is shown (RELIABILITY S-11, S-12 of the issue that asked
//! for it).
//!
//! A platform with demo data and 200 more sales units is used and misused, with the finest log,
//! and ended once in order and once by `kill -9`. Then its whole folder, its outputs, its journal,
//! its explanations and its catalogue are searched for every secret that was ever issued: as it
//! stands, in hexadecimal, in Base64 at every offset, and escaped for URLs. A control shows that
//! the search finds each of these.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at what it did not expect"
)]

#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs::{self, File, OpenOptions},
    path::Path,
    process::{Command, Stdio},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use support::{Receiver, Server, wait_for};

const ADMIN_TOKEN: &str = "only-for-the-administrator-0001";
/// So many sales units are made besides those of the demo data.
const UNITS: usize = 200;
/// So many callbacks are owed when the process is killed; more than are begun at one time.
const OWED: usize = 48;
/// A hit of fewer bytes may be chance.
const SHORTEST: usize = 8;

/// What must not be found, and in what forms.
#[derive(Default)]
struct Search {
    /// By their first bytes: what to look for, and what it is.
    needles: HashMap<[u8; SHORTEST], Vec<(Vec<u8>, String)>>,
    /// Whether a needle begins with these two bytes: most places are passed by quickly.
    begins: Vec<bool>,
    secrets: BTreeSet<String>,
}

impl Search {
    fn add(&mut self, what: &str, secret: &str) {
        if !self.secrets.insert(secret.to_owned()) {
            return;
        }
        for (form, needle) in forms(secret.as_bytes()) {
            self.needle(format!("{what}, {form}"), needle);
        }
        // What the text stands for.
        if let Ok(bytes) = STANDARD.decode(secret) {
            self.needle(format!("{what}, decoded"), bytes);
        }
        self.needle(
            format!("{what}, escaped"),
            secret.replace('=', "%3D").into_bytes(),
        );
    }

    fn needle(&mut self, what: String, needle: Vec<u8>) {
        let start = needle[..SHORTEST].try_into().unwrap();
        self.begins.resize(1 << 16, false);
        self.begins[usize::from(u16::from_be_bytes([needle[0], needle[1]]))] = true;
        self.needles.entry(start).or_default().push((needle, what));
    }

    /// All that is found, and where.
    fn hits(&self, bytes: &[u8]) -> BTreeMap<&str, usize> {
        let mut found = BTreeMap::new();
        for (at, start) in bytes.windows(SHORTEST).enumerate() {
            if !self.begins[usize::from(u16::from_be_bytes([start[0], start[1]]))] {
                continue;
            }
            let start: [u8; SHORTEST] = start.try_into().unwrap();
            for (needle, what) in self.needles.get(&start).into_iter().flatten() {
                if bytes[at..].starts_with(needle) {
                    found.insert(what.as_str(), at);
                }
            }
        }
        found
    }

    #[track_caller]
    fn finds_nothing(&self, place: &str, bytes: &[u8]) {
        let hits = self.hits(bytes);
        let around = |at: usize| {
            let range = at.saturating_sub(100)..bytes.len().min(at + 60);
            String::from_utf8_lossy(&bytes[range]).into_owned()
        };
        let shown: Vec<_> = hits.iter().map(|(what, at)| (what, around(*at))).collect();
        assert!(shown.is_empty(), "{place}: {shown:#?}");
    }

    /// Searches every file of a folder but the master key's; answers how many bytes that were.
    fn finds_nothing_in(&self, folder: &Path) -> usize {
        let mut searched = 0;
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            if path.file_name().unwrap() != "master.key" {
                self.finds_nothing(&path.display().to_string(), &bytes);
                searched += bytes.len();
            }
        }
        searched
    }
}

/// How a secret may stand somewhere.
fn forms(secret: &[u8]) -> Vec<(String, Vec<u8>)> {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![
        ("raw".to_owned(), secret.to_vec()),
        ("upper case".to_owned(), secret.to_ascii_uppercase()),
        ("hex".to_owned(), hex.clone().into_bytes()),
        ("HEX".to_owned(), hex.to_uppercase().into_bytes()),
    ];
    // In the middle of something that is encoded: without the ends, which others have a part in.
    for offset in 0..3 {
        let encoded = STANDARD.encode([&[b' '; 2][..offset], secret].concat());
        let inside = &encoded[if offset == 0 { 0 } else { 4 }..];
        let inside = inside.trim_end_matches('=');
        let whole = inside.len() / 4 * 4 - if encoded.ends_with('=') { 4 } else { 0 };
        forms.push((
            format!("Base64 at {offset}"),
            inside.as_bytes()[..whole.min(inside.len())].to_vec(),
        ));
    }
    forms
}

/// A client of everything, which learns every secret that it sees.
struct Client {
    agent: ureq::Agent,
    search: Search,
    /// Phone numbers and national ids: not for the log.
    people: Search,
}

struct Answer {
    status: u16,
    explain: Option<String>,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{} {}", self.status, self.body))
    }
}

type Headers<'a> = &'a [(&'a str, &'a str)];

impl Client {
    fn send(&self, method: &str, url: &str, headers: Headers<'_>, body: &str) -> Answer {
        let mut request = ureq::http::Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let sent = match method {
            "POST" | "PUT" | "PATCH" => self.agent.run(request.body(body.to_owned()).unwrap()),
            _ => self.agent.run(request.body(()).unwrap()),
        };
        let mut answer = sent.unwrap();
        let explain = answer.headers().get("explain");
        Answer {
            status: answer.status().as_u16(),
            explain: explain.map(|it| it.to_str().unwrap().to_owned()),
            body: answer.body_mut().read_to_string().unwrap(),
        }
    }

    fn control(&self, server: &Server, method: &str, path: &str, body: &Value) -> Value {
        let bearer = format!("Bearer {ADMIN_TOKEN}");
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Content-Type", "application/json"),
        ];
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let url = format!("{}/control/v1{path}", server.portal);
        let answer = self.send(method, &url, &headers, &body);
        assert!(answer.status < 300, "{path}: {}", answer.body);
        answer.json()
    }

    /// A sales unit's keys, by the control API.
    fn keys(&mut self, whose: &str, keys: &Value) -> Keys {
        let text = |name: &str| keys[name].as_str().unwrap().to_owned();
        let keys = Keys {
            environment: text("environment"),
            msn: text("msn"),
            id: text("client_id"),
            secret: text("client_secret"),
            primary: text("primary_subscription_key"),
            secondary: text("secondary_subscription_key"),
        };
        for secret in [&keys.secret, &keys.primary, &keys.secondary] {
            self.search.add(&format!("a key of {whose}"), secret);
        }
        keys
    }

    fn regenerated(&mut self, server: &Server, keys: &Keys) -> Keys {
        let path = format!("/sales-units/{}/{}/keys", keys.environment, keys.msn);
        let mut fresh = Value::Null;
        for name in ["client_secret", "primary_subscription_key"] {
            fresh = self.control(
                server,
                "POST",
                &format!("{path}/{name}/regenerate"),
                &Value::Null,
            );
        }
        self.keys(&format!("{}, regenerated", keys.msn), &fresh)
    }

    fn token(&mut self, server: &Server, keys: &Keys) -> String {
        let url = format!("{}/accesstoken/get", keys.base(server));
        let headers = [
            ("client_id", keys.id.as_str()),
            ("client_secret", &keys.secret),
            ("Ocp-Apim-Subscription-Key", &keys.primary),
        ];
        let answer = self.send("POST", &url, &headers, "");
        let token = answer.json()["access_token"].as_str().unwrap().to_owned();
        self.learn_jwt("an access token", &token);
        token
    }

    /// A JWT without its signature is no secret, and its header is the same in all.
    fn learn_jwt(&mut self, what: &str, jwt: &str) {
        let parts: Vec<&str> = jwt.split('.').collect();
        self.search.add(what, parts[2]);
        self.search.add(what, parts[1]);
    }
}

struct Keys {
    environment: String,
    msn: String,
    id: String,
    secret: String,
    primary: String,
    secondary: String,
}

impl Keys {
    fn base<'a>(&self, server: &'a Server) -> &'a str {
        match self.environment.as_str() {
            "test" => &server.test,
            _ => &server.production,
        }
    }
}

/// Starts on a folder; everything it says goes to files beside it, in another folder.
fn start(folder: &Path, said: &Path) -> Server {
    let file = |name: &str| -> File {
        let path = said.join(name);
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .unwrap()
    };
    Server::start_with(folder, |command| {
        command
            .env("SANDKASSE_ADMIN_TOKEN", ADMIN_TOKEN)
            .env("SANDKASSE_LOG", "debug")
            .stdout(file("stdout"))
            .stderr(file("stderr"));
    })
}

#[test]
fn nothing_that_is_kept_or_shown_holds_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let said = tempfile::tempdir().unwrap();
    let server = start(folder.path(), said.path());
    let mut client = Client {
        agent: support::agent(),
        search: Search::default(),
        people: Search::default(),
    };
    client.search.add("the administrator's token", ADMIN_TOKEN);
    client
        .search
        .needle("a private key".to_owned(), b"PRIVATE KEY".to_vec());
    let master = fs::read_to_string(folder.path().join("master.key")).unwrap();
    client.search.add("the master key", master.trim());

    let demo = learn_all(&mut client, &server);
    let shop = new_units(&mut client, &server);
    let receiver = Receiver::start();
    use_it(&mut client, &server, &shop, &receiver.prefix());
    let old = Keys { ..shop };
    let shop = client.regenerated(&server, &old);
    let mut explained = misuse(&mut client, &server, &demo[0], None);
    explained += misuse(&mut client, &server, &shop, Some(&old));
    let production = demo.iter().find(|keys| keys.environment == "production");
    explained += misuse(&mut client, &server, production.unwrap(), Some(&demo[0]));
    assert!(explained > 100, "{explained}");
    let shown = nothing_shown(&client, &server);
    assert_eq!(server.terminate(), Some(0), "SIGTERM ends it well");
    let searched = client.search.finds_nothing_in(folder.path());

    // Calls are owed when it is killed: to a merchant who accepts connections and says nothing.
    let server = start(folder.path(), said.path());
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    for at in 0..OWED {
        let order = format!("owed-{at}");
        let prefix = format!("http://{address}/callback");
        pay(&mut client, &server, &shop, &prefix, &order);
    }
    server.kill();
    drop(silent);
    let killed = client.search.finds_nothing_in(folder.path());

    let receiver = Receiver::start_at(&address);
    let server = start(folder.path(), said.path());
    let recovered = wait_for("callbacks after the restart", || {
        let with_authorization = (0..OWED)
            .filter_map(|at| {
                let order = format!("owed-{at}");
                let sent = receiver.authorization(&order)?;
                assert_eq!(sent, auth_token(&order));
                Some(order)
            })
            .count();
        (with_authorization > 0).then_some(with_authorization)
    });
    server.kill();
    client.search.finds_nothing_in(folder.path());

    let log = fs::read(said.path().join("stderr")).unwrap();
    client.search.finds_nothing("the log", &log);
    client.people.finds_nothing("the log", &log);
    assert!(!client.people.hits(b"phone=4741000001 x").is_empty());
    let log = String::from_utf8(log).unwrap();
    for word in ["DEBUG", "INFO", "refused", "refusal"] {
        assert!(log.contains(word), "the log does not say {word}");
    }
    // The banner shows the first call with the demo unit's keys, which everybody knows.
    let stdout = fs::read(said.path().join("stdout")).unwrap();
    for hit in client.search.hits(&stdout).into_keys() {
        assert!(hit.starts_with("a key of the demo unit"), "stdout: {hit}");
    }
    println!(
        "{} secrets; {searched} bytes at rest after SIGTERM, {killed} after kill -9, {} of log, \
         {shown} pages; {explained} refusals; {recovered} callbacks recovered",
        client.search.secrets.len(),
        log.len(),
    );
}

/// The keys of the demo data, and its people.
fn learn_all(client: &mut Client, server: &Server) -> Vec<Keys> {
    let mut all = Vec::new();
    let list = client.control(server, "GET", "/sales-units", &Value::Null);
    for unit in list["sales_units"].as_array().unwrap() {
        let (environment, msn) = (&unit["environment"], &unit["msn"]);
        let path = format!(
            "/sales-units/{}/{}/keys",
            environment.as_str().unwrap(),
            msn.as_str().unwrap()
        );
        let keys = client.control(server, "GET", &path, &Value::Null);
        all.push(client.keys("the demo unit", &keys));
    }
    assert!(all.len() > 10);
    let persons = client.control(server, "GET", "/persons", &Value::Null);
    for person in persons["persons"].as_array().unwrap() {
        for name in ["phone", "nin"] {
            let Some(value) = person[name].as_str() else {
                continue;
            };
            // A number without its country code says as much.
            let length = if name == "phone" { 8 } else { 11 };
            let value = &value[value.len() - length..];
            client.people.secrets.insert(value.to_owned());
            client
                .people
                .needle(format!("a {name}"), value.as_bytes().to_vec());
        }
    }
    assert!(client.people.secrets.len() > 10, "{persons}");
    all
}

/// Makes many sales units; answers the first.
fn new_units(client: &mut Client, server: &Server) -> Keys {
    let body = json!({
        "environment": "test", "name": "shop", "rate_limits": "off", "url_policy": "local",
    });
    let mut units = Vec::new();
    for _ in 0..UNITS {
        let unit = client.control(server, "POST", "/sales-units", &body);
        units.push(client.keys("a new unit", &unit));
    }
    // Keys that are dead are secrets still: they tell how they were made.
    for unit in &units[1..20] {
        client.regenerated(server, unit);
    }
    units.swap_remove(0)
}

fn auth_token(order: &str) -> String {
    format!("auth-token-that-the-shop-chose-for-{order}")
}

/// Initiates with an `authToken`, follows the link, and has it approved.
fn pay(client: &mut Client, server: &Server, keys: &Keys, prefix: &str, order: &str) -> String {
    client.search.add("an authToken", &auth_token(order));
    let token = client.token(server, keys);
    let bearer = format!("Bearer {token}");
    let body = json!({
        "customerInfo": { "mobileNumber": "41000001" },
        "merchantInfo": {
            "merchantSerialNumber": keys.msn, "callbackPrefix": prefix,
            "fallBack": "https://example.com/back", "authToken": auth_token(order),
        },
        "transaction": { "orderId": order, "amount": 5000, "transactionText": "Socks" },
    });
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Ocp-Apim-Subscription-Key", &keys.primary),
        ("Content-Type", "application/json"),
    ];
    let url = format!("{}/ecomm/v2/payments", keys.base(server));
    let answer = client.send("POST", &url, &headers, &body.to_string());
    assert_eq!(answer.status, 200, "{}", answer.body);
    let link = answer.json()["url"].as_str().unwrap().to_owned();
    let (_, link_token) = link.split_once("token=").unwrap();
    client.learn_jwt("a link token", link_token);
    assert_eq!(client.send("GET", &link, &[], "").status, 200);
    client.send("POST", &link, &[], "number=41000001");
    client.send("GET", &format!("{link}x"), &[], "");
    let path = format!(
        "/payments/{}/{}/{order}/approve",
        keys.environment, keys.msn
    );
    client.control(server, "POST", &path, &Value::Null);
    token
}

/// What a shop does when all is well.
fn use_it(client: &mut Client, server: &Server, keys: &Keys, prefix: &str) {
    for order in ["good-1", "good-2"] {
        let token = pay(client, server, keys, prefix, order);
        let bearer = format!("Bearer {token}");
        let modify = json!({
            "merchantInfo": { "merchantSerialNumber": keys.msn },
            "transaction": { "amount": 1000, "transactionText": "Part" },
        });
        for (method, step) in [
            ("POST", "capture"),
            ("POST", "refund"),
            ("GET", "details"),
            ("GET", "status"),
        ] {
            let headers = [
                ("Authorization", bearer.as_str()),
                ("Ocp-Apim-Subscription-Key", &keys.secondary),
                ("Content-Type", "application/json"),
                ("X-Request-Id", step),
            ];
            let url = format!("{}/ecomm/v2/payments/{order}/{step}", server.test);
            let answer = client.send(method, &url, &headers, &modify.to_string());
            assert_eq!(answer.status, 200, "{step}: {}", answer.body);
        }
    }
}

/// Every kind of refusal, and secrets at every place where none belongs. Answers how many calls
/// said where they are explained.
fn misuse(client: &mut Client, server: &Server, keys: &Keys, other: Option<&Keys>) -> usize {
    let token = client.token(server, keys);
    let base = keys.base(server).to_owned();
    let initiate = format!("{base}/ecomm/v2/payments");
    let details = format!("{initiate}/good-1/details");
    let bearer = format!("Bearer {token}");
    let (id, secret, key) = (&keys.id, &keys.secret, &keys.primary);
    let right = [
        ("Authorization", bearer.as_str()),
        ("Ocp-Apim-Subscription-Key", key.as_str()),
        ("Content-Type", "application/json"),
    ];
    let mut secrets = vec![
        secret.clone(),
        key.clone(),
        keys.secondary.clone(),
        token.clone(),
    ];
    if let Some(other) = other {
        secrets.extend([other.secret.clone(), other.primary.clone()]);
    }
    secrets.push(key.to_uppercase());
    let mut sent = Vec::new();
    // The usual mistakes.
    let basic = format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
    client
        .search
        .add("Basic credentials", basic.split_once(' ').unwrap().1);
    let token_headers = |id: &str, secret: &str, key: &str| {
        [
            ("client_id", id.to_owned()),
            ("client_secret", secret.to_owned()),
            ("Ocp-Apim-Subscription-Key", key.to_owned()),
        ]
    };
    let get = format!("{base}/accesstoken/get");
    for headers in [
        token_headers(id, key, key),
        token_headers(secret, secret, key),
        token_headers(id, secret, secret),
        token_headers(key, &token, key),
        token_headers(id, &format!("\"{secret}\""), key),
    ] {
        let headers = headers
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        sent.push(client.send("POST", &get, &headers, ""));
    }
    for headers in [
        &[
            ("client-id", id.as_str()),
            ("client-secret", secret),
            ("Ocp-Apim-Subscription-Key", key),
        ][..],
        &[
            ("client_id", id),
            ("clientsecret", secret),
            ("Ocp-Apim-Subscription-Key", key),
        ],
        &[
            ("client_id", id),
            ("client_secret", secret),
            ("Ocp-Apim-SubscriptionKey", key),
        ],
        &[("Authorization", &basic)],
        &[
            ("Authorisation", &bearer),
            ("Ocp-Apim-Subscription-Key", key),
        ],
        &[
            ("Authorization", &token),
            ("Ocp-Apim-Subscription-Key", key),
        ],
        &[("Authorization", &bearer), ("Subscription-Key", key)],
        &[
            ("Authorization", &basic),
            ("Ocp-Apim-Subscription-Key", key),
        ],
    ] {
        sent.push(client.send("POST", &get, headers, ""));
        sent.push(client.send("POST", &initiate, headers, "{}"));
        sent.push(client.send("POST", &format!("{base}/miami/v1/token"), headers, ""));
        sent.push(client.send(
            "GET",
            &format!("{base}/vipps-userinfo-api/userinfo/x"),
            headers,
            "",
        ));
    }
    for body in [
        "",
        "{",
        "[]",
        "{}",
        "null",
        "{\"merchantInfo\":{}}",
        "{'a':'b'}",
    ] {
        sent.push(client.send("POST", &initiate, &right, body));
    }
    for (method, url) in [
        ("DELETE", &details),
        ("GET", &initiate),
        ("GET", &details),
        ("POST", &format!("{initiate}/no-such/capture")),
    ] {
        sent.push(client.send(method, url, &right, "{}"));
    }
    for secret in &secrets {
        let escaped = secret
            .replace('+', "%2B")
            .replace('/', "%2F")
            .replace('=', "%3D");
        // In paths.
        for path in [
            format!("/{secret}"),
            format!("/accesstoken/get/{secret}"),
            format!("/accesstoken/{secret}/get"),
            format!("/ecomm/v2/payments/{secret}/details"),
            format!("/ecomm/v2/payments/{escaped}/details"),
            format!("/ecomm/v2/payments/{escaped}/detials"),
            format!("/ecomm/v2/payments/x-{secret}/details"),
            format!("/ecomm/v2/payments/good-1/details?key={secret}"),
            format!("/vipps-userinfo-api/userinfo/{secret}"),
        ] {
            for method in ["GET", "POST"] {
                sent.push(client.send(method, &format!("{base}{path}"), &right, "{}"));
            }
        }
        // In headers.
        for name in [
            "Merchant-Serial-Number",
            "X-Request-Id",
            "User-Agent",
            "Content-Type",
            "Vipps-System-Name",
            "X-Anything",
            "Cookie",
            "client_id",
            "Accept",
            "Sandkasse-Fault",
        ] {
            let mut headers = right.to_vec();
            headers.retain(|(it, _)| *it != name);
            headers.push((name, secret));
            sent.push(client.send("GET", &details, &headers, ""));
            sent.push(client.send("POST", &initiate, &headers, "{}"));
        }
        // In bodies. The amount is refused: what a shop names an accepted order is its own affair.
        let fields = |name: &str| {
            let mut body = json!({
                "customerInfo": { "mobileNumber": "41000001" },
                "merchantInfo": {
                    "merchantSerialNumber": keys.msn, "callbackPrefix": "https://example.com/c",
                    "fallBack": "https://example.com/back",
                },
                "transaction": { "orderId": "wrong-1", "amount": 1, "transactionText": "Socks" },
            });
            *body.pointer_mut(name).unwrap() = json!(secret);
            body.to_string()
        };
        for body in [
            fields("/customerInfo/mobileNumber"),
            fields("/merchantInfo/merchantSerialNumber"),
            fields("/merchantInfo/callbackPrefix"),
            fields("/transaction/orderId"),
            fields("/transaction/amount"),
            fields("/transaction/transactionText"),
            fields("/customerInfo"),
            json!({ "a": secret, "b": [secret, { "c": secret }] }).to_string(),
            json!({ secret.as_str(): 1 }).to_string(),
            format!("{{'key': '{secret}', 'x': '{secret}"),
            format!("{{key: {secret}}}"),
            format!("{{\"auth\\u0054oken\": \"{secret}\", \"n\": \"\\u0022{secret}\\u0022\"}}"),
            format!("<key>{secret}</key>"),
            format!("a={secret}&b={escaped}"),
            format!("client_secret={escaped}&grant_type={secret}"),
            secret.clone(),
            format!("\"{secret}\""),
            format!("Bearer {secret}"),
        ] {
            sent.push(client.send("POST", &initiate, &right, &body));
            sent.push(client.send("POST", &get, &right, &body));
            let form = [
                ("Content-Type", "application/x-www-form-urlencoded"),
                ("Authorization", &basic),
            ];
            sent.push(client.send("POST", &format!("{base}/miami/v1/token"), &form, &body));
        }
    }
    sent.iter()
        .filter(|answer| answer.explain.is_some())
        .count()
}

/// The journal, all explanations, and the catalogue. Answers how many texts were searched.
fn nothing_shown(client: &Client, server: &Server) -> usize {
    let bearer = format!("Bearer {ADMIN_TOKEN}");
    let admin = ("Authorization", bearer.as_str());
    let search = &client.search;
    let mut shown = 0;
    let mut look = |url: &str, accept: &str| -> String {
        let answer = client.send("GET", url, &[admin, ("Accept", accept)], "");
        search.finds_nothing(&format!("{url} as {accept}"), answer.body.as_bytes());
        shown += 1;
        answer.body
    };
    let mut before = String::new();
    let mut calls = 0;
    loop {
        let url = format!("{}/control/v1/requests?limit=1000{before}", server.portal);
        let list: Value = serde_json::from_str(&look(&url, "application/json")).unwrap();
        for line in list["requests"].as_array().unwrap() {
            calls += 1;
            let id = line["id"].as_str().unwrap();
            look(
                &format!("{}/control/v1/requests/{id}", server.portal),
                "application/json",
            );
            if let Some(explain) = line["explain"].as_str() {
                let json = look(explain, "application/json");
                assert!(json.contains("\"remedy\""), "{explain}: {json}");
                let page = look(explain, "text/html");
                assert!(page.contains("<h1>"), "{explain}: {page}");
                look(
                    &format!("{}/control/v1/explanations/{id}", server.portal),
                    "application/json",
                );
            }
        }
        match list["next"].as_u64() {
            Some(next) => before = format!("&before={next}"),
            None => break,
        }
    }
    assert!(calls > 500, "{calls}");
    let index = look(&format!("{}/catalogue", server.portal), "text/html");
    let pages: BTreeSet<&str> = index
        .split("href=\"/catalogue/")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert!(pages.len() > 50, "{index}");
    for page in pages {
        look(&format!("{}/catalogue/{page}", server.portal), "text/html");
    }
    shown
}

#[test]
fn the_search_finds_what_is_planted() {
    let secret = "c2FuZGthc3NlLXRlc3QtMQ==";
    let mut search = Search::default();
    search.add("it", secret);
    let plain = secret.as_bytes();
    let hex: String = plain.iter().map(|byte| format!("{byte:02x}")).collect();
    for text in [
        secret.to_owned(),
        hex,
        "c2FuZGthc3NlLXRlc3QtMQ%3D%3D".to_owned(),
        STANDARD.encode(secret),
        STANDARD.encode(format!("x{secret}y")),
        STANDARD.encode(format!("xx{secret}yy")),
        "sandkasse-test-1".to_owned(),
    ] {
        let planted = format!("before {text} after");
        assert!(!search.hits(planted.as_bytes()).is_empty(), "{text}");
    }
    assert!(search.hits(b"c2FuZGthc3NlLXRlc3QtMg==").is_empty());
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("x.db"), [b"\0\0", plain, b"\0"].concat()).unwrap();
    let found = std::panic::catch_unwind(|| search.finds_nothing_in(folder.path()));
    assert!(found.is_err(), "a planted secret is found");
}

#[test]
fn a_wrong_master_key_ends_the_start_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    // A token, so that there is a signing key.
    let agent = support::agent();
    let env = agent
        .get(format!("{}/control/v1/env", server.portal))
        .call()
        .unwrap();
    let env: Value = serde_json::from_str(&env.into_body().read_to_string().unwrap()).unwrap();
    let text = |name: &str| env[name].as_str().unwrap().to_owned();
    let fetch = |server: &Server| {
        let answer = agent
            .post(format!("{}/accesstoken/get", server.test))
            .header("client_id", text("CLIENT_ID"))
            .header("client_secret", text("CLIENT_SECRET"))
            .header("Ocp-Apim-Subscription-Key", text("SUBSCRIPTION_KEY"))
            .send_empty();
        answer.unwrap().status().as_u16()
    };
    assert_eq!(fetch(&server), 200);
    assert_eq!(server.terminate(), Some(0));
    let master = folder.path().join("master.key");
    let right = fs::read_to_string(&master).unwrap();
    let kept = |folder: &Path| -> Vec<(std::path::PathBuf, Vec<u8>)> {
        let mut files: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            // The one tells that somebody is here, the other who was here last.
            .filter(|path| !path.ends_with("ready.json") && !path.ends_with("sandkasse.db.lock"))
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect();
        files.sort();
        files
    };
    let start = |given: Option<&str>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sandkasse"));
        command
            .args(["up", "--test", "127.0.0.1:0", "--production", "127.0.0.1:0"])
            .args([
                "--portal",
                "127.0.0.1:0",
                "--database",
                "sqlite:sandkasse.db",
            ])
            .current_dir(folder.path())
            .stdin(Stdio::null());
        if let Some(given) = given {
            command.env("SANDKASSE_MASTER_KEY", given);
        }
        let before = kept(folder.path());
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{given:?}");
        for (before, after) in before.iter().zip(kept(folder.path())) {
            assert!(*before == after, "changed: {:?} {:?}", before.0, after.0);
        }
        String::from_utf8(output.stderr).unwrap()
    };
    let other = "0f".repeat(32);
    for message in [
        // Given, lying there, and missing.
        start(Some(&other)),
        {
            fs::write(&master, &other).unwrap();
            start(None)
        },
        {
            fs::remove_file(&master).unwrap();
            start(None)
        },
    ] {
        for word in ["SANDKASSE_MASTER_KEY", "master.key", "Nothing was changed"] {
            assert!(message.contains(word), "{word}: {message}");
        }
        assert!(!message.contains(&other), "{message}");
    }
    // The right one, given by its variable.
    let server = Server::start_with(folder.path(), |command| {
        command.env("SANDKASSE_MASTER_KEY", right.trim());
    });
    assert_eq!(fetch(&server), 200);
    assert_eq!(server.terminate(), Some(0));
}
