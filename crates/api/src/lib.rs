//! The merchant APIs: one folder per API, each a dialect of the same platform.
//!
//! A call comes in as bytes ([`Request`]) and leaves as bytes ([`Answer`]); no socket is needed,
//! which is how the tests call it. Begin with [`Platform::answer`]; every API has the same files:
//! `mod.rs` (handlers), `wire.rs` (shapes), `refusals.rs` (what a cause answers).

mod admission;
mod body;
pub mod checkout;
pub mod ecom;
mod entry;
pub mod epayment;
mod fault;
mod formats;
mod json;
pub mod order_management;
mod params;
pub mod qr;
mod receipt;
pub mod report;
mod routes;
mod shedder;
pub mod token;
mod unbuilt;
pub mod userinfo;
pub mod webhooks;

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use sandkasse_courier::Resolver;
use sandkasse_domain::{Environment, Msn, payment::Cause};
use sandkasse_engine::{Engine, Refused, directory::Client, faults::Fault};
use sandkasse_gate::{Gate, GateCause, Step, Trace};
use serde::{Deserialize, Serialize};

pub use body::{BodyFault, FieldFault};
pub use formats::gateway;
pub use routes::{Api, OPERATIONS, Route, RouteFault, find};
pub use shedder::{CALLS_AT_ONCE, Place, Shedder};
pub use unbuilt::NOT_BUILT;

/// The largest body that is read.
pub const MAX_BODY: usize = 1024 * 1024;
/// The same for a picture of Order Management: two megabytes are allowed, which Base64 makes a third
/// more, and one that is somewhat too large shall be told so by the API and not by the listener.
pub const MAX_IMAGE_BODY: usize = 5 * 1024 * 1024;

/// The largest body that is read of a call, by its path.
pub fn max_body(method: &http::Method, path: &str) -> usize {
    // Both environments have the same paths for pictures.
    match find(Environment::Test, method, path) {
        Ok(Route::OrderManagement(order_management::Asked::Image)) => MAX_IMAGE_BODY,
        Ok(_) | Err(_) => MAX_BODY,
    }
}

/// One platform: both environments, and the addresses they are reached at.
pub struct Platform {
    /// The heart.
    pub engine: Arc<Engine>,
    /// The checks.
    pub gate: Gate,
    /// DNS, asked at initiate whether a merchant's hosts exist.
    pub resolver: Arc<dyn Resolver>,
    /// `http://127.0.0.1:7480`, without a trailing slash.
    pub test_base: String,
    /// The same for production.
    pub production_base: String,
    /// Who is sent away when there are too many.
    pub shedder: Shedder,
}

/// A call, whole.
#[derive(Clone)]
pub struct Request {
    /// HTTP method.
    pub method: Method,
    /// The path as sent, still percent-encoded, and the query behind it.
    pub path: String,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

/// An answer, whole.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

/// What came of a call: the bytes, and why.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// What the caller gets, or would have got.
    pub answer: Answer,
    /// What becomes of the caller's connection.
    pub connection: Connection,
    /// Why the call was refused, if it was.
    pub why: Option<Why>,
    /// What each check saw.
    pub trace: Trace,
    /// Who called, as far as it was proved.
    pub who: Who,
}

/// What becomes of a caller's connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Connection {
    /// It carries the answer.
    #[default]
    Answer,
    /// It is closed without one: a fault on demand.
    Drop,
}

/// Who called, as far as it was proved.
#[derive(Clone, Debug, Default)]
pub struct Who {
    /// Whose keys these are: known when token and subscription key fit together.
    pub client: Option<Client>,
    /// The sales unit acted for.
    pub unit: Option<Msn>,
}

/// Why a call was refused: what is true, before any API words it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The gate refused it.
    Gate(GateCause),
    /// The body is no JSON of the right types.
    Body(BodyFault),
    /// Fields have values that are not allowed.
    Fields(Vec<FieldFault>),
    /// The payment says no.
    Payment(Cause),
    /// No token is given.
    Token(token::TokenCause),
    /// No personal data is given.
    Userinfo(userinfo::UserinfoCause),
    /// A value of a call to ePayment is wrong.
    Epayment(epayment::EpaymentCause),
    /// Nothing is told of an order, or kept.
    OrderManagement(order_management::OrderManagementCause),
    /// No QR code is given.
    Qr(qr::QrCause),
    /// No report is given.
    Report(report::ReportCause),
    /// No session is given.
    Checkout(checkout::CheckoutCause),
    /// The request was not read, or not to its end.
    Unread(Unread),
    /// The operation is documented and not built yet.
    NotBuilt,
    /// The platform itself failed. The text is for the log.
    Fault(String),
    /// It fails on demand. Where the bank refuses on demand, the payment says no.
    Struck(Fault),
}

/// Why a request was not read, or not to its end: limits of this server, which stand before any API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unread {
    /// Its header fields are too many or too large.
    HeadersTooLarge,
    /// Its body is larger than [`max_body`] allows.
    BodyTooLarge,
    /// Its body did not come in time.
    TooSlow,
    /// The connection broke, or it is no HTTP.
    Broken,
    /// There are too many calls at once.
    Overloaded,
    /// There are many calls at once, and too many of them with this subscription key.
    Crowded,
}

impl Unread {
    /// Whether it is one of very many.
    pub fn is_of_a_crowd(self) -> bool {
        matches!(self, Unread::Overloaded | Unread::Crowded)
    }

    fn id(self) -> &'static str {
        match self {
            Unread::HeadersTooLarge => "request.header_size",
            Unread::BodyTooLarge => "request.body_size",
            Unread::TooSlow => "request.slow",
            Unread::Broken => "request.broken",
            Unread::Overloaded => "platform.overloaded",
            Unread::Crowded => "platform.crowded",
        }
    }

    /// What its sender is told (reference: platform.md §4.3).
    pub fn answer(self) -> Answer {
        match self {
            Unread::HeadersTooLarge => gateway(431, "Request header fields too large"),
            Unread::BodyTooLarge => gateway(413, "Request body too large"),
            Unread::TooSlow => gateway(408, "Request timeout"),
            Unread::Broken => gateway(400, "Bad request"),
            Unread::Overloaded | Unread::Crowded => {
                gateway(503, "Service Unavailable").with(header::RETRY_AFTER, "1")
            }
        }
    }
}

impl Why {
    /// The id under which the reference lists the cause (errors-faq.md). All persons of the test
    /// environment are made up, so there it may say what is the matter with one.
    pub fn id(&self, environment: Environment) -> &'static str {
        match self {
            Why::Gate(cause) => cause.id(),
            Why::Body(fault) => fault.id(),
            Why::Fields(faults) => faults
                .first()
                .map_or("request.invalid", |fault| fault.cause.0),
            Why::Payment(cause) => ecom::cause_id(cause, environment),
            Why::Token(cause) => cause.id(),
            Why::Userinfo(cause) => cause.id(),
            Why::Epayment(cause) => cause.id(),
            Why::OrderManagement(cause) => cause.id(),
            Why::Qr(cause) => cause.id(),
            Why::Report(cause) => cause.id(),
            Why::Checkout(cause) => cause.id(),
            Why::Unread(fault) => fault.id(),
            Why::NotBuilt => "route.not_built",
            Why::Fault(_) => "platform.fault",
            Why::Struck(fault) => fault::id(*fault),
        }
    }

    /// The same as far as it follows from the request alone: what anybody may know who made it.
    pub fn public_id(&self, environment: Environment) -> &'static str {
        match self {
            Why::Gate(cause) => cause.public_id(),
            Why::Token(cause) => cause.public_id(),
            Why::Body(_)
            | Why::Fields(_)
            | Why::Payment(_)
            | Why::Userinfo(_)
            | Why::Epayment(_)
            | Why::OrderManagement(_)
            | Why::Qr(_)
            | Why::Report(_)
            | Why::Checkout(_)
            | Why::Unread(_)
            | Why::NotBuilt
            | Why::Struck(_)
            | Why::Fault(_) => self.id(environment),
        }
    }

    fn step(&self) -> Step {
        match self {
            Why::Gate(cause) => cause.step(),
            Why::Body(_) => Step::Body,
            Why::Fields(_) | Why::Epayment(_) => Step::Fields,
            Why::NotBuilt | Why::Unread(_) => Step::Route,
            Why::Payment(_)
            | Why::Token(_)
            | Why::Userinfo(_)
            | Why::OrderManagement(_)
            | Why::Qr(_)
            | Why::Report(_)
            | Why::Checkout(_)
            | Why::Fault(_)
            | Why::Struck(_) => Step::Rules,
        }
    }
}

impl From<GateCause> for Why {
    fn from(cause: GateCause) -> Why {
        Why::Gate(cause)
    }
}

impl From<BodyFault> for Why {
    fn from(fault: BodyFault) -> Why {
        Why::Body(fault)
    }
}

impl From<Cause> for Why {
    fn from(cause: Cause) -> Why {
        Why::Payment(cause)
    }
}

impl From<Refused> for Why {
    fn from(refused: Refused) -> Why {
        match refused {
            Refused::Because(cause) => Why::Payment(cause),
            Refused::Fault(fault) => Why::Fault(fault),
        }
    }
}

/// One call on its way through the house.
pub(crate) struct Call<'a> {
    pub(crate) platform: &'a Platform,
    pub(crate) environment: Environment,
    pub(crate) request: &'a Request,
    pub(crate) trace: &'a mut Trace,
    pub(crate) who: &'a mut Who,
    pub(crate) connection: &'a mut Connection,
}

impl Platform {
    /// The public address of an environment.
    pub fn base(&self, environment: Environment) -> &str {
        match environment {
            Environment::Test => &self.test_base,
            Environment::Production => &self.production_base,
        }
    }

    /// Answers a call of a merchant.
    pub async fn answer(&self, environment: Environment, request: &Request) -> Exchange {
        let (mut trace, mut who) = (Trace::default(), Who::default());
        let mut connection = Connection::Answer;
        let mut call = Call {
            platform: self,
            environment,
            request,
            trace: &mut trace,
            who: &mut who,
            connection: &mut connection,
        };
        let (answer, why) = match self.route(&mut call).await {
            Ok(answer) => (answer, None),
            Err((answer, why)) => {
                trace.failed(why.step(), why.id(environment));
                note(environment, request, &answer, &why);
                (answer, Some(why))
            }
        };
        Exchange {
            answer,
            connection,
            why,
            trace,
            who,
        }
    }

    async fn route(&self, call: &mut Call<'_>) -> Result<Answer, (Answer, Why)> {
        let (environment, request) = (call.environment, call.request);
        let route = routes::find(environment, &request.method, &request.path);
        // Before any check: who cannot get through does not even learn that a path is wrong.
        let target = route.as_ref().ok().and_then(fault::target);
        match self.engine.outage(environment, target).await {
            Some(Fault::Slow { ms }) => self.hold_back(&request.headers, ms).await,
            Some(fault) => {
                if fault == Fault::Drop {
                    *call.connection = Connection::Drop;
                }
                let answer = fault::answer(fault).unwrap_or_else(|| Answer::empty(500));
                return Err((answer, Why::Struck(fault)));
            }
            None => {}
        }
        let route = match route {
            Ok(route) => route,
            Err(RouteFault::NotBuilt) if report::hides(call) => return Err(report::hidden(call)),
            Err(RouteFault::NotBuilt) => return Err((formats::not_built(), Why::NotBuilt)),
            Err(RouteFault::Unknown(cause)) => {
                return Err((formats::not_found(), Why::Gate(cause)));
            }
        };
        call.trace.passed(Step::Route, route.name());
        match route {
            Route::Token => token::get(call).await,
            Route::Miami => token::miami(call).await,
            Route::KeySet => token::key_set(call).await,
            Route::Ecom { operation, order } => {
                ecom::handle(call, operation, order.as_deref()).await
            }
            Route::Epayment { asked, reference } => epayment::handle(call, asked, &reference).await,
            Route::Userinfo { sub } => userinfo::by_sub(call, &sub).await,
            Route::WebhookRegister => webhooks::handle(call, webhooks::Operation::Register).await,
            Route::WebhookList => webhooks::handle(call, webhooks::Operation::List).await,
            Route::WebhookDelete { id } => {
                webhooks::handle(call, webhooks::Operation::Delete(&id)).await
            }
            Route::UserinfoOfLogin => userinfo::of_login(call).await,
            Route::OrderManagement(asked) => order_management::handle(call, &asked).await,
            Route::Qr(asked) => qr::handle(call, &asked).await,
            Route::Report(asked) => report::handle(call, &asked).await,
            Route::Checkout(asked) => checkout::handle(call, &asked).await,
        }
    }
}

/// A refusal is logged quietly, once; a fault of ours aloud.
fn note(environment: Environment, request: &Request, answer: &Answer, why: &Why) {
    let (status, method) = (answer.status.as_u16(), &request.method);
    if let Why::Fault(fault) = why {
        tracing::error!(%environment, %method, status, fault, "the platform failed");
    } else {
        tracing::debug!(%environment, %method, status, refusal = why.id(environment), "refused");
    }
}

impl Answer {
    /// An answer with a body of this media type.
    pub fn new(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
        let mut headers = HeaderMap::with_capacity(4);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Answer {
            status,
            headers,
            body: body.into(),
        }
    }

    /// An answer without a body, and so without a media type.
    pub fn empty(status: u16) -> Answer {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Answer {
            status,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    /// The same with one more header. A value that cannot be sent is left out.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: &str) -> Answer {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }
}
