//! What ePayment answers to each cause: problem details with a trace id (reference: epayment.md §5).

use sandkasse_domain::{AsOf, payment::Cause};
use sandkasse_engine::{Chance, Rendered, faults::Fault};
use sandkasse_gate::{GateCause, Standing};
use serde::Serialize;

use super::words::{self, About, Said};
use crate::{Answer, BodyFault, Call, FieldFault, Why, fault, formats};

/// The media type of every refusal, whatever `Accept` says.
const PROBLEM: &str = "application/problem+json";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Problem<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    instance: &'a str,
    trace_id: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    extra_details: Vec<Extra<'a>>,
}

#[derive(Serialize)]
struct Extra<'a> {
    name: &'a str,
    reason: &'a str,
}

/// What the refusal of a call says besides its cause.
pub(super) struct Words<'a> {
    chance: &'a Chance,
    instance: &'a str,
    reference: String,
    msn: String,
    as_of: AsOf,
}

impl<'a> Words<'a> {
    pub(super) fn of(call: &Call<'a>, reference: &str) -> Words<'a> {
        let path = call.request.path.as_str();
        let path = path.split('?').next().unwrap_or_default();
        // The path behind the gateway, which took `/epayment` away.
        let instance = path.get("/epayment".len()..).unwrap_or_default();
        Words {
            chance: &call.platform.engine.chance,
            instance,
            reference: reference.to_owned(),
            msn: call
                .who
                .unit
                .as_ref()
                .map_or(String::new(), ToString::to_string),
            as_of: call.platform.engine.as_of(),
        }
    }

    /// The answer to what a payment, or a new one, is refused for.
    pub(super) fn rendered(&self, cause: &Cause) -> Rendered {
        let about = About {
            reference: &self.reference,
            msn: &self.msn,
            as_of: self.as_of,
        };
        self.said(&words::of_cause(cause, &about))
    }

    fn said(&self, said: &Said) -> Rendered {
        let extra = said.code.map(|code| Extra {
            name: "ErrorCode",
            reason: code,
        });
        self.problem(
            said.status,
            said.title,
            &said.detail,
            extra.into_iter().collect(),
        )
    }

    fn problem(
        &self,
        status: u16,
        title: &str,
        detail: &str,
        extra_details: Vec<Extra<'_>>,
    ) -> Rendered {
        let trace = self.chance.uuid().simple().to_string();
        let span: String = self
            .chance
            .bytes::<8>()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let problem = Problem {
            r#type: format!("https://httpstatuses.io/{status}"),
            title,
            status,
            detail,
            instance: self.instance,
            trace_id: format!("00-{trace}-{span}-01"),
            extra_details,
        };
        let body = serde_json::to_string(&problem).expect("plain structs always serialise");
        Rendered { status, body }
    }

    /// Bad shapes: no code, but the members.
    fn shape(&self, faults: &[FieldFault]) -> Rendered {
        let extra = faults.iter().map(|fault| Extra {
            name: &fault.code,
            reason: &fault.text,
        });
        self.problem(
            400,
            title(400),
            "See extraDetails for further details",
            extra.collect(),
        )
    }

    /// The whole answer.
    pub(super) fn answer(&self, call: &Call<'_>, why: &Why) -> Answer {
        let rendered = match why {
            Why::Gate(cause) => match formats::refused_by_gate(call, cause, "epayment") {
                Some(answer) => return answer,
                None => self.gate(cause),
            },
            Why::Body(fault) => self.shape(&[unreadable(fault)]),
            Why::Fields(faults) => self.shape(faults),
            Why::Epayment(cause) => self.said(&words::of_value(cause, self.as_of)),
            Why::Payment(cause) => self.rendered(cause),
            Why::Struck(struck) => match fault::answer(*struck) {
                Some(answer) => return answer,
                None => self.struck(*struck),
            },
            Why::Token(_)
            | Why::Userinfo(_)
            | Why::OrderManagement(_)
            | Why::Qr(_)
            | Why::Report(_)
            | Why::Checkout(_)
            | Why::Unread(_)
            | Why::NotBuilt
            | Why::Fault(_) => self.said(&words::internal()),
        };
        answer(rendered)
    }

    fn struck(&self, fault: Fault) -> Rendered {
        match fault {
            Fault::OrderLocked => self.said(&words::processing(self.as_of)),
            Fault::TooManyConcurrent => self.problem(
                429,
                title(429),
                "Too many concurrent requests. See the FAQ.",
                vec![],
            ),
            Fault::SqlGlitch
            | Fault::InternalError
            | Fault::BadGateway
            | Fault::Unavailable
            | Fault::Slow { .. }
            | Fault::Drop
            | Fault::LostAnswer
            | Fault::Bank(_) => self.said(&words::internal()),
        }
    }

    /// What all payment APIs say, in this envelope: `title` is the reason phrase of the status.
    fn gate(&self, cause: &GateCause) -> Rendered {
        if let Some((status, text)) = formats::msn_refusal(cause) {
            return self.problem(status, title(status), &text, vec![]);
        }
        let (status, code, text) = match cause {
            GateCause::Standing { standing } => standing_words(standing),
            // A kind of keys without payments (reference: partner-keys.md §5.1).
            GateCause::KeysWithoutRight { .. }
            | GateCause::RouteUnknown { .. }
            | GateCause::MethodUnknown { .. }
            | GateCause::SubscriptionKeyMissing { .. }
            | GateCause::SubscriptionKeyUnknown { .. }
            | GateCause::SubscriptionKeyProduct { .. }
            | GateCause::Token { .. }
            | GateCause::KeysOfDifferentOwners { .. }
            | GateCause::RateExceeded { .. }
            | GateCause::MsnNotYours { .. }
            | GateCause::PartnerMsnMissing { .. }
            | GateCause::PartnerMsnUnknown { .. }
            | GateCause::PartnerMsn { .. } => (403, "", "Forbidden"),
        };
        let extra = (!code.is_empty()).then_some(Extra {
            name: "ErrorCode",
            reason: code,
        });
        self.problem(status, title(status), text, extra.into_iter().collect())
    }
}

/// Answers with a problem.
pub(super) fn answer(rendered: Rendered) -> Answer {
    Answer::new(rendered.status, PROBLEM, rendered.body)
}

fn unreadable(fault: &BodyFault) -> FieldFault {
    let text = match fault {
        BodyFault::Depth => "The JSON is nested too deep.",
        BodyFault::Syntax { .. } | BodyFault::Type { .. } | BodyFault::MemberCase { .. } => {
            "The body is no valid JSON."
        }
    };
    FieldFault {
        code: "$".into(),
        text: text.into(),
        cause: fault.id().into(),
        detail: String::new(),
    }
}

/// eCom's texts and codes, in this API's envelope.
fn standing_words(standing: &Standing) -> (u16, &'static str, &'static str) {
    match standing {
        Standing::Blocked => (
            400,
            "31",
            "The merchant is blocked. The merchant can contact customer service for details.",
        ),
        Standing::Unsigned => (400, "36", "The merchant's agreement has not been signed."),
        Standing::PartnerDeactivated { .. }
        | Standing::MerchantDeactivated { .. }
        | Standing::DeletedFromRegister { .. }
        | Standing::FormChanged { .. }
        | Standing::Unconfirmed { .. }
        | Standing::UnitDeactivated { .. }
        | Standing::UnitIdle { .. } => (
            400,
            "37",
            "Merchant not available or deactivated or blocked",
        ),
        Standing::LoginOnly => (403, "97", "Merchant Not Allowed for Ecommerce Payment"),
    }
}

fn title(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        409 => "Conflict",
        423 => "Locked",
        429 => "Too Many Requests",
        _ => "Internal Server Error",
    }
}
