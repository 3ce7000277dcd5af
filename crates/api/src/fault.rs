//! Where faults on demand strike a call (reference: errors-faq.md FAQ-63, FAQ-71). Which call is
//! struck is the engine's to say; what a dialect answers, its `refusals.rs`.

use http::HeaderMap;
use jiff::SignedDuration;
use sandkasse_domain::Msn;
use sandkasse_engine::faults::{BankFault, Fault, Target};
use sandkasse_gate::Step;

use crate::{Answer, Call, Connection, Platform, Route, Why, formats};

/// Asks for a fault of one call: `issuer-refuses; code=42`.
const HEADER: &str = "sandkasse-fault";

impl Call<'_> {
    /// Asks whether this call is struck, when it is proved who calls and before anything is done:
    /// wrong keys are refused as such, and a call that is refused earlier uses no rule up. Waits,
    /// where that is the fault; answers what the bank shall refuse.
    pub(crate) async fn struck(
        &mut self,
        msn: Option<&Msn>,
        target: Target,
    ) -> Result<Option<BankFault>, Why> {
        let header = self.request.headers.get(HEADER);
        // What is no text names no fault either.
        let header = header.map(|value| value.to_str().unwrap_or_default());
        let engine = &self.platform.engine;
        let struck = engine.strike(self.environment, msn, target, header).await;
        let Some(fault) = struck else {
            return Ok(None);
        };
        let bank = match fault {
            Fault::SqlGlitch
            | Fault::InternalError
            | Fault::BadGateway
            | Fault::Unavailable
            | Fault::OrderLocked
            | Fault::TooManyConcurrent => return Err(Why::Struck(fault)),
            Fault::Drop => {
                *self.connection = Connection::Drop;
                return Err(Why::Struck(fault));
            }
            Fault::LostAnswer => {
                *self.connection = Connection::Drop;
                None
            }
            Fault::Slow { ms } => {
                self.platform.hold_back(&self.request.headers, ms).await;
                None
            }
            Fault::Bank(bank) => Some(bank),
        };
        let saw = format!("on demand: {}", fault.name());
        self.trace.passed(Step::Rules, saw);
        Ok(bank)
    }
}

impl Platform {
    pub(crate) async fn hold_back(&self, headers: &HeaderMap, ms: u32) {
        let clock = &self.engine.clock;
        let moment = clock.now() + SignedDuration::from_millis(i64::from(ms));
        let wait = clock.sleep_until(moment);
        self.shedder.outside(headers, wait).await;
    }
}

/// Which operation a path names, for rules. The public keys are no operation of an API.
pub(crate) fn target(route: &Route) -> Option<Target> {
    match route {
        Route::Token | Route::Miami => Some(Target::Token),
        Route::KeySet => None,
        Route::Ecom { operation, .. } => Some(Target::Payment(*operation)),
        Route::Epayment { asked, .. } => Some(Target::Payment(asked.operation())),
        Route::Userinfo { .. } | Route::UserinfoOfLogin => Some(Target::Userinfo),
        Route::OrderManagement(_) => Some(Target::OrderManagement),
        Route::Qr(_) => Some(Target::Qr),
        Route::Report(_) => Some(Target::Report),
        Route::Checkout(_) => Some(Target::Checkout),
        Route::WebhookRegister | Route::WebhookList | Route::WebhookDelete { .. } => {
            Some(Target::Webhooks)
        }
    }
}

/// What is the same in every API. `None` is what each words itself.
pub(crate) fn answer(fault: Fault) -> Option<Answer> {
    Some(match fault {
        // Seen on an incident of the test environment: format B without `result`, and with a
        // string for a code.
        Fault::SqlGlitch => Answer::new(
            500,
            "application/json",
            r#"{"responseInfo":{"responseCode":"1000","responseMessage":"Something went wrong. Please try again later."}}"#,
        ),
        // No text is documented; these are the names of the statuses, in the gateway's format.
        Fault::BadGateway => formats::gateway(502, "Bad Gateway"),
        Fault::Unavailable => formats::gateway(503, "Service Unavailable"),
        // Nobody gets it.
        Fault::Drop => Answer::empty(500),
        Fault::InternalError
        | Fault::OrderLocked
        | Fault::TooManyConcurrent
        // These are answered as if nothing were the matter, or by the payment.
        | Fault::LostAnswer
        | Fault::Slow { .. }
        | Fault::Bank(_) => return None,
    })
}

/// The id under which the reference lists the cause.
pub(crate) fn id(fault: Fault) -> &'static str {
    match fault {
        Fault::SqlGlitch => "platform.test_sql_glitch",
        Fault::InternalError | Fault::LostAnswer | Fault::Slow { .. } | Fault::Bank(_) => {
            "platform.fault"
        }
        Fault::BadGateway | Fault::Unavailable | Fault::Drop => "platform.outage",
        Fault::OrderLocked => "order.locked",
        Fault::TooManyConcurrent => "platform.too_many_concurrent",
    }
}
