//! A platform with demo data and its control API, in memory and without sockets.

use std::sync::Arc;

use axum::body::Body;
use http::{Request, header};
use http_body_util::BodyExt;
use sandkasse_engine::Engine;
use sandkasse_inspect::{Inspector, InspectorConfig};
use sandkasse_testkit::World;
use serde_json::Value;
use tokio::sync::{Mutex, watch};

use crate::{
    bankid::Sessions,
    control::{Control, Guard},
    demo,
    operations::Operations,
    portal::{
        Places, Portal,
        phone::Phones,
        requests::live::Live,
        visitor::{COOKIE, CSRF},
        visitors::{Account, Role, Visitors},
    },
    provider::Provider,
    register::{BuiltIn, Register},
};

/// Where the portal of these tests seems to be.
pub(crate) const PORTAL: &str = "127.0.0.1:7482";

/// A world with demo data.
pub(crate) struct House {
    pub(crate) world: World,
    pub(crate) inspector: Arc<Inspector>,
    pub(crate) portal: Arc<Portal>,
    pub(crate) control: Arc<Control>,
    pub(crate) stop: watch::Sender<bool>,
}

/// What one installation chooses.
pub(crate) struct Rules {
    pub(crate) token: Option<String>,
    pub(crate) local_urls: bool,
    pub(crate) partners_in_test: bool,
    /// The host of the portal behind a proxy that speaks TLS; [`PORTAL`] over plain HTTP if left out.
    pub(crate) https_host: Option<&'static str>,
    /// Who else signs people in.
    pub(crate) provider: Option<Provider>,
    /// The built-in one if left out.
    pub(crate) register: Option<Arc<dyn Register>>,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            token: None,
            local_urls: true,
            partners_in_test: false,
            https_host: None,
            provider: None,
            register: None,
        }
    }
}

impl House {
    pub(crate) async fn new() -> House {
        House::with(None, true).await
    }

    pub(crate) async fn with(token: Option<&str>, local_urls: bool) -> House {
        House::under(Rules {
            token: token.map(str::to_owned),
            local_urls,
            ..Rules::default()
        })
        .await
    }

    pub(crate) async fn under(rules: Rules) -> House {
        let world = World::new().await;
        demo::fill(&world.platform.engine, rules.local_urls)
            .await
            .unwrap();
        House::around(world, rules)
    }

    /// Portal and inspector of a world that is there already.
    pub(crate) fn around(world: World, rules: Rules) -> House {
        let local_urls = rules.local_urls;
        let (stop, stopped) = watch::channel(false);
        let inspector = Arc::new(Inspector::new(
            world.platform.clone(),
            InspectorConfig {
                explain: true,
                journal_bytes: 16 * 1024 * 1024,
                portal: format!("http://{PORTAL}"),
                on_disk: None,
                shared_secret: None,
            },
        ));
        let now = world.platform.engine.clock.now();
        let control = Control {
            platform: world.platform.clone(),
            inspector: inspector.clone(),
            demo_data: true,
            local_urls,
            making: Mutex::new(()),
            partners_in_test: rules.partners_in_test,
            bankid: Sessions::default(),
            admin_token: rules.token.as_ref().map(|token| token.parse().unwrap()),
            scratch: crate::provoke::Scratch::default(),
            provider: rules.provider,
            visitors: Visitors::default(),
            phones: Phones::default(),
            live: Live::default(),
            operations: Operations::new(now, None),
            register: rules
                .register
                .unwrap_or_else(|| Arc::new(BuiltIn(world.platform.engine.clone()))),
            portal_base: rules.https_host.map_or_else(
                || format!("http://{PORTAL}"),
                |host| format!("https://{host}"),
            ),
            stop: stopped,
        };
        let guard = Guard {
            hosts: rules.https_host.into_iter().map(str::to_owned).collect(),
            token: rules.token.as_ref().map(|token| token.parse().unwrap()),
            tls: false,
        };
        let places = Places {
            test: world.platform.test_base.clone(),
            production: world.platform.production_base.clone(),
            portal: format!("http://{PORTAL}"),
        };
        let control = Arc::new(control);
        let portal = Portal::new(guard, control.clone(), places);
        House {
            world,
            inspector,
            portal: Arc::new(portal),
            control,
            stop,
        }
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.world.platform.engine
    }

    /// Calls the control API; the answer's status and body.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let body = if body.is_null() {
            Body::empty()
        } else {
            Body::from(body.to_string())
        };
        let request = Request::builder()
            .method(method)
            .uri(format!("/control/v1{path}"))
            .header(header::HOST, PORTAL)
            .body(body)
            .unwrap();
        self.send(request).await
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        self.call("GET", path, Value::Null).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.call("POST", path, body).await
    }

    /// The same where bodies are lines.
    pub(crate) async fn lines(&self, method: &str, path: &str, body: Vec<u8>) -> (u16, Vec<u8>) {
        let request = Request::builder()
            .method(method)
            .uri(format!("/control/v1{path}"))
            .header(header::HOST, PORTAL)
            .body(Body::from(body))
            .unwrap();
        let response = self.portal.answer(request).await;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, body.to_vec())
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> (u16, Value) {
        let response = self.portal.answer(request).await;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }
}

/// Somebody at the portal's pages, signed in or not.
pub(crate) struct Guest<'a> {
    house: &'a House,
    cookie: Option<String>,
    csrf: String,
}

/// What a page answered.
pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) html: String,
}

impl House {
    /// Somebody with this role; nobody known without one.
    pub(crate) fn guest(&self, role: Option<Role>) -> Guest<'_> {
        let (visitors, now) = (&self.control.visitors, self.engine().clock.now());
        let secret = role.map(|role| {
            let account = Account::Outside(format!("a {role} in tests"));
            visitors.sign_in(account, "Kari Nordmann".to_owned(), role, now)
        });
        let session = secret.as_deref().and_then(|it| visitors.of(it, now));
        Guest {
            house: self,
            cookie: secret.map(|secret| format!("{COOKIE}={secret}")),
            csrf: session.map_or_else(String::new, |session| session.csrf),
        }
    }
}

impl Guest<'_> {
    /// Opens a page.
    pub(crate) async fn get(&self, path: &str) -> Seen {
        self.send("GET", path, Body::empty()).await
    }

    /// Sends a form as a page here would.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .append_pair(CSRF, &self.csrf)
            .finish();
        self.send("POST", path, Body::from(form)).await
    }

    /// Opens something that comes by and by.
    pub(crate) async fn open(&self, path: &str) -> axum::response::Response {
        self.answered("GET", path, Body::empty()).await
    }

    async fn send(&self, method: &str, path: &str, body: Body) -> Seen {
        let (parts, body) = self.answered(method, path, body).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Seen {
            status: parts.status.as_u16(),
            headers: parts.headers,
            html: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    async fn answered(&self, method: &str, path: &str, body: Body) -> axum::response::Response {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, PORTAL)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        if method != "GET" {
            request = request.header(header::ORIGIN, format!("http://{PORTAL}"));
        }
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        let request = request.body(body).unwrap();
        self.house.portal.answer(request).await
    }
}
