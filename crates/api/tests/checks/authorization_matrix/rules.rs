//! What the matrix expects: rules, in the order of the checks (reference: platform.md §4.2).

use sandkasse_domain::{
    Environment::{self, Production, Test},
    payment::Operation,
};

use sandkasse_api::epayment::Asked;

use super::super::faq_stage::{Faq, LOGIN_ONLY, NOT_AVAILABLE, ORDER_UNKNOWN, Says};
use super::{
    Endpoint, Kept, Known,
    callers::{
        Called,
        Caller::{
            self, Accounting, BodyNamesStranger, Elsewhere, ElsewhereToken, LoginOnly, Management,
            ManagementWithKey, MerchantBlocked, MerchantClosed, MerchantUnsigned, NamesElsewhere,
            NamesNobody, NamesSister, NamesStranger, Nobody, Partner, PartnerBare,
            PartnerBodyDiffers, PartnerDeactivated, PartnerElsewhere, PartnerNamesStranger, Psp,
            PspBare, PspOfUnit, Rival, Sister, Stranger, UnitClosed,
        },
    },
};

/// An answer and the cause behind it.
pub(super) type Expected = (Says, &'static str);

/// The row of a caller, if there is one.
fn among<const ROWS: usize>(
    called: &Called,
    rows: [(&[Caller], Says, &'static str); ROWS],
) -> Option<Expected> {
    let row = rows
        .into_iter()
        .find(|(callers, ..)| callers.contains(&called.caller));
    row.map(|(_, says, cause)| (says, cause))
}

/// What must come of a call.
pub(super) fn expected(endpoint: Endpoint, faq: &Faq, called: &Called) -> Expected {
    let here = faq.u1.environment;
    match endpoint {
        Endpoint::KeySet => (Says::Fine, ""),
        Endpoint::Token => token(here, called),
        Endpoint::Miami => miami(here, called),
        Endpoint::Ecom(Operation::Approve) if here == Production => {
            (Says::NotFound, "route.unknown")
        }
        Endpoint::Ecom(operation) => {
            use Operation::{Cancel, Capture, Initiate, Refund};
            let in_body = [Initiate, Capture, Cancel, Refund].contains(&operation);
            let missing = (Says::KeyMissing, "subkey.missing");
            keys(called, missing, in_body)
                .or_else(|| kind_of_keys(called, Says::Forbidden))
                .or_else(|| msn(faq, called, in_body))
                .or_else(|| in_body.then(|| msn_of_body(faq, called))?)
                .or_else(|| standing(called, operation))
                .unwrap_or_else(|| order(called, operation))
        }
        Endpoint::Epayment(asked) => epayment(asked, faq, called),
        Endpoint::Userinfo => userinfo(faq, called),
        Endpoint::Webhooks(method) => webhooks(faq, called, method),
        // A token of a login would open it, and nobody has one.
        Endpoint::UserinfoOfLogin => {
            let rejected = || (Says::TokenRejected, "userinfo.not_of_login");
            keys(called, (Says::TokenRejected, "token.missing"), false).unwrap_or_else(rejected)
        }
        Endpoint::Kept(kept) => keys(called, (Says::KeyMissing, "subkey.missing"), false)
            .or_else(|| kind_of_keys(called, NO_ACCESS))
            .or_else(|| msn(faq, called, false))
            .or_else(|| kept_standing(called))
            .unwrap_or_else(|| of_kept(called, kept)),
        Endpoint::Checkout(method) => checkout(faq, called, method),
        Endpoint::Report(_) if here == Test => (Says::NotFound, "route.unknown"),
        Endpoint::Report(_) => report(called),
        Endpoint::Picture | Endpoint::Scan => (Says::Fine, ""),
    }
}

/// Any unit, partner or provider of this environment fetches a token, open or not, whatever MSN
/// it names.
fn token(here: Environment, called: &Called) -> Expected {
    let unknown = || unknown_client(here, called);
    let rows = [
        (
            &[Nobody, Management, Accounting][..],
            Says::KeyMissing,
            "subkey.missing",
        ),
        (&[Elsewhere, PartnerElsewhere], Says::KeyInvalid, "env.keys"),
        (&[ElsewhereToken], unknown(), "token.client_unknown"),
        (&[ManagementWithKey], unknown(), "token.wrong_endpoint"),
    ];
    among(called, rows).unwrap_or((Says::Fine, ""))
}

fn miami(here: Environment, called: &Called) -> Expected {
    let unknown = || unknown_client(here, called);
    let text = "The request body must contain the following parameter: 'client_id'.";
    let no_id = Says::Identity(400, "invalid_request", 900_144, text.to_owned());
    let rows = [
        (
            &[Management, ManagementWithKey, Accounting][..],
            Says::Fine,
            "",
        ),
        (
            &[Elsewhere, ElsewhereToken, PartnerElsewhere],
            unknown(),
            "token.client_unknown",
        ),
        (&[Nobody], no_id, "token.client_id_missing"),
    ];
    among(called, rows).unwrap_or_else(|| (unknown(), "token.wrong_endpoint"))
}

fn unknown_client(here: Environment, called: &Called) -> Says {
    let directory = if here == Test { "VIPPS-TEST" } else { "VIPPS" };
    Says::not_found_in_directory(&called.client_id(), directory)
}

/// Steps 2 to 5. With U1's key and U1's MSN in the body, it is the token that is the wrong one.
fn keys(called: &Called, nobody: Expected, in_body: bool) -> Option<Expected> {
    let mixed = if in_body {
        "token.client_other_unit"
    } else {
        "subkey.other_client"
    };
    let rows = [
        (&[Nobody][..], nobody.0, nobody.1),
        (&[Elsewhere, PartnerElsewhere], Says::KeyInvalid, "env.keys"),
        (&[ElsewhereToken], Says::TokenRejected, "env.keys"),
        (&[ManagementWithKey], Says::OtherOwner, mixed),
    ];
    among(called, rows)
}

/// Between steps 5 and 6.
fn kind_of_keys(called: &Called, says: Says) -> Option<Expected> {
    let callers = &[Psp, PspBare, PspOfUnit, Management, Accounting];
    among(called, [(callers, says, "keys.without_right")])
}

/// Step 7.
fn msn(faq: &Faq, called: &Called, in_body: bool) -> Option<Expected> {
    let named = called.header.clone().unwrap_or_default();
    let bare = if in_body {
        "partner.msn_in_body_only"
    } else {
        "partner.msn_missing"
    };
    let rows = [
        (
            &[NamesSister, NamesStranger, NamesNobody][..],
            Says::k(401, &named),
            "msn.not_yours",
        ),
        (&[NamesElsewhere], Says::k(401, &named), "env.msn"),
        (&[PartnerBare], Says::NoMsn, bare),
        (
            &[PartnerNamesStranger],
            Says::k(403, &faq.v1.msn),
            "partner.not_linked",
        ),
        (&[Rival], Says::k(403, &faq.u1.msn), "partner.not_linked"),
    ];
    among(called, rows)
}

/// Step 9.
fn msn_of_body(faq: &Faq, called: &Called) -> Option<Expected> {
    let says = |status| Says::k(status, &faq.v1.msn);
    let rows = [
        (&[BodyNamesStranger][..], says(401), "msn.not_yours"),
        (&[PartnerBodyDiffers], says(403), "partner.header_mismatch"),
    ];
    among(called, rows)
}

/// Step 10.
fn standing(called: &Called, operation: Operation) -> Option<Expected> {
    let blocked = "The merchant is blocked. The merchant can contact customer service for details.";
    let unsigned = "The merchant's agreement has not been signed.";
    let always = [
        (
            &[PartnerDeactivated][..],
            NOT_AVAILABLE,
            "partner.deactivated",
        ),
        (&[LoginOnly], LOGIN_ONLY, "unit.login_only"),
    ];
    let for_money = [
        (&[UnitClosed][..], NOT_AVAILABLE, "unit.deactivated"),
        (&[MerchantClosed], NOT_AVAILABLE, "merchant.deactivated"),
        (
            &[MerchantBlocked],
            Says::Ecom(400, "Merchant", "31", blocked),
            "merchant.blocked",
        ),
        (
            &[MerchantUnsigned],
            Says::Ecom(400, "Merchant", "36", unsigned),
            "merchant.unsigned",
        ),
    ];
    let takes_money = matches!(operation, Operation::Initiate | Operation::Capture);
    among(called, always).or_else(|| takes_money.then(|| among(called, for_money))?)
}

/// Step 12.
fn order(called: &Called, operation: Operation) -> Expected {
    let own = called.caller.is_u1() || [Partner, PartnerBodyDiffers].contains(&called.caller);
    if own || operation == Operation::Initiate {
        return (Says::Fine, "");
    }
    let rows = [
        (&[Sister][..], ORDER_UNKNOWN, "order.other_unit"),
        (&[Stranger], ORDER_UNKNOWN, "order.unknown"),
    ];
    among(called, rows).expect("everybody else was refused before")
}

/// The rules of eCom, without an MSN in the body, and in the API's own words.
fn epayment(asked: Asked, faq: &Faq, called: &Called) -> Expected {
    let missing = (Says::KeyMissing, "subkey.missing");
    let forbidden = Says::Problem(403, "Forbidden".to_owned());
    if let Some(refused) = keys(called, missing, false)
        .or_else(|| kind_of_keys(called, forbidden))
        .or_else(|| msn(faq, called, false))
        .or_else(|| standing(called, asked.operation()))
    {
        return (refused.0.on_epayment(), refused.1);
    }
    if asked == Asked::Approve && faq.u1.environment == Production {
        let text = "Force approve is not allowed in production.".to_owned();
        return (Says::Problem(403, text), "approve.production");
    }
    let (says, cause) = order(called, asked.operation());
    if says == Says::Fine {
        let made = asked == Asked::Create;
        return (if made { Says::Made } else { says }, cause);
    }
    let (_, path) = Endpoint::Epayment(asked).call(&Known::default());
    let reference = path
        .split('/')
        .find(|it| it.contains('-'))
        .unwrap_or_default();
    let msn = &called.acts_for.msn;
    let text = format!("The reference `{reference}` does not exist for MSN {msn}");
    (Says::Problem(404, text), cause)
}

const NO_ACCESS: Says = Says::Detail(403, "Forbidden", "These keys have no access to this API.");

/// Step 10 of what moves no money.
fn kept_standing(called: &Called) -> Option<Expected> {
    let text = "Merchant Not Allowed for Ecommerce Payment";
    let rows = [
        (&[PartnerDeactivated][..], NO_ACCESS, "partner.deactivated"),
        (
            &[LoginOnly],
            Says::Detail(403, "Forbidden", text),
            "unit.login_only",
        ),
    ];
    among(called, rows)
}

/// Whoever acts for U1 finds what U1 keeps; the others find nothing of it.
fn of_kept(called: &Called, kept: Kept) -> Expected {
    if ![Sister, Stranger].contains(&called.caller) {
        return (Says::Fine, "");
    }
    match kept {
        Kept::Order => (
            Says::Detail(
                404,
                "Not Found",
                "There is no category and no receipt for this order.",
            ),
            "order_info.nothing_told",
        ),
        Kept::OneTime => (
            Says::Detail(
                400,
                "Validation error",
                "Supplied landing page token is not valid",
            ),
            "qr.link_invalid",
        ),
        Kept::Get | Kept::Point | Kept::Delete => (
            Says::Detail(404, "Not Found", "There is no QR code with this id."),
            "qr.id_unknown",
        ),
        Kept::Image | Kept::Receipt | Kept::Category | Kept::Make | Kept::List => (Says::Fine, ""),
    }
}

/// `client_id` and `client_secret` stand in the place of the token, which nobody looks at.
fn checkout(faq: &Faq, called: &Called, method: &str) -> Expected {
    let wrong = |text| Says::Session(403, "Authorization-00002", text);
    let credentials = Says::Session(401, "Authorization-00001", "Invalid credentials.");
    let keys = [
        (
            &[Nobody, Management, Accounting][..],
            Says::KeyMissing,
            "subkey.missing",
        ),
        (&[Elsewhere, PartnerElsewhere], Says::KeyInvalid, "env.keys"),
        (
            &[ElsewhereToken, ManagementWithKey],
            credentials,
            "checkout.credentials",
        ),
        (
            &[Psp, PspBare, PspOfUnit],
            wrong("These keys have no access to this API."),
            "keys.without_right",
        ),
    ];
    let made = if method == "POST" {
        (Says::Fine, "")
    } else {
        let text = "Session expired or not known.";
        let unknown = Says::Session(404, "Session-00100", text);
        (unknown, "checkout.session_unknown")
    };
    let operation = if method == "POST" {
        Operation::Initiate
    } else {
        Operation::Details
    };
    among(called, keys)
        .or_else(|| msn(faq, called, false))
        .or_else(|| standing(called, operation).map(|(says, cause)| (in_session(says), cause)))
        .unwrap_or(made)
}

/// eCom's refusal of who may not take payments, in Checkout's envelope.
fn in_session(says: Says) -> Says {
    let Says::Ecom(_, _, code, text) = says else {
        return says;
    };
    match code {
        "31" => Says::Session(400, "Merchant-00031", text),
        "36" => Says::Session(400, "Merchant-00036", text),
        "37" => Says::Session(400, "Merchant-00037", text),
        _ => Says::Session(403, "Authorization-00002", text),
    }
}

/// Which ledgers are seen says the key alone; who sees none of another's sees it empty.
fn report(called: &Called) -> Expected {
    let forbidden = || Says::Problem(403, "Forbidden".to_owned());
    let partners = &[
        Partner,
        PartnerBare,
        PartnerNamesStranger,
        PartnerBodyDiffers,
        Rival,
    ];
    let rows = [
        (
            &[Psp, PspBare, PspOfUnit, Management][..],
            forbidden(),
            "keys.without_right",
        ),
        (&[PartnerDeactivated], forbidden(), "partner.deactivated"),
        (partners, forbidden(), "report.no_grant"),
    ];
    keys(called, (Says::TokenRejected, "token.missing"), false)
        .or_else(|| among(called, rows))
        .unwrap_or((Says::Fine, ""))
}

/// Userinfo asks for no subscription key, and neither payments nor their approval matter to it.
fn userinfo(faq: &Faq, called: &Called) -> Expected {
    let no_access = || Says::Problem(403, "These keys have no access to this API.".to_owned());
    let unknown = Says::Problem(404, "The sub was not found.".to_owned());
    let rows = [
        (
            &[PartnerDeactivated][..],
            no_access(),
            "partner.deactivated",
        ),
        (&[Sister, Stranger], unknown, "userinfo.sub_unknown"),
    ];
    keys(called, (Says::TokenRejected, "token.missing"), false)
        .or_else(|| kind_of_keys(called, no_access()))
        .or_else(|| msn(faq, called, false))
        .or_else(|| among(called, rows))
        .unwrap_or((Says::Fine, ""))
}

/// A registration is of a sales unit, or of a partner that names none; whether it may take payments does
/// not matter.
fn webhooks(faq: &Faq, called: &Called, method: &str) -> Expected {
    let no_access = || {
        Says::Problem(
            403,
            "These keys have no access to the Webhooks API.".to_owned(),
        )
    };
    let fine = match method {
        "POST" => (Says::Made, ""),
        "DELETE" => {
            let text = "One or more validation errors occurred.".to_owned();
            (Says::Problem(400, text), "webhook.unknown")
        }
        _ => (Says::Fine, ""),
    };
    let deactivated = [(
        &[PartnerDeactivated][..],
        no_access(),
        "partner.deactivated",
    )];
    let missing = (Says::KeyMissing, "subkey.missing");
    keys(called, missing, false)
        .or_else(|| kind_of_keys(called, no_access()))
        .or_else(|| (called.caller != PartnerBare).then(|| msn(faq, called, false))?)
        .or_else(|| among(called, deactivated))
        .unwrap_or(fine)
}
