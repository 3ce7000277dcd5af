//! What each API must answer to each cause, written from the reference and not read off the code.

use sandkasse_domain::Environment::Test;
use sandkasse_testkit::INTERNAL_ERROR;

use super::{
    Api, Cell,
    causes::Cause,
    plays::{About, NOBODYS_CLIENT},
    values::values,
    wire::Wire,
};

const NO_BODY: &str = "Its calls have no body.";
const NO_MSN_IN_BODY: &str = "No MSN stands in its bodies; it reads strings and numbers alike.";
pub(super) const NO_AMOUNT: &str = "Its calls have no amounts.";
const NO_MOVES: &str = "Money is captured and refunded through eCom and ePayment.";
const NO_TOKEN: &str = "It asks for no access token.";
const CREDENTIALS: &str =
    "`client_id` and `client_secret` are sent to the token endpoint and to Checkout only.";
const ANY_UNIT: &str = "The key of any sales unit will do: the API has no product of its own.";
const KEY_OPTIONAL: &str = "No subscription key is needed.";
const NO_MSN: &str = "The keys alone say which sales unit it is about.";
const NO_LIMIT: &str = "No limit is published.";
const NO_PAYMENT_NEEDED: &str = "It takes no payments, so an approval for them does not matter.";
const BOOKS: &str = "What is closed for payments keeps its books.";
const TOKENS_FOR_ALL: &str =
    "A token is given to all keys of the environment; the call itself is refused.";
const FORCED: &str = "Only eCom and ePayment approve by force, in the test environment.";

const ENVIRONMENT: &str =
    "Check that you are using the correct credentials for the right environment.";

pub(super) fn says(wire: Wire, cause: &'static str) -> Cell {
    Cell::Says(wire, cause)
}

/// The reason phrase of a status, which many use as a title.
fn phrase(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        _ => "Internal Server Error",
    }
}

pub(super) fn own(
    status: u16,
    code: &'static str,
    title: &'static str,
    text: impl Into<String>,
) -> Wire {
    Wire::Own {
        status,
        code,
        title,
        text: text.into(),
    }
}

pub(super) fn members<const COUNT: usize>(members: [(&'static str, &str); COUNT]) -> Wire {
    Wire::Members(members.map(|(name, text)| (name, text.to_owned())).into())
}

/// A text of platform.md §5 in the API's own words.
fn about_msn(api: Api, status: u16, text: String) -> Wire {
    match api {
        Api::Ecom => own(status, "Merchant/Unauthorized", "", text),
        Api::Checkout if status == 401 => {
            own(401, "Authorization-00001", "Invalid credentials.", text)
        }
        Api::Checkout => own(status, "Authorization-00002", CONFIGURATION, text),
        _ => own(status, "", phrase(status), text),
    }
}

const CONFIGURATION: &str = "Invalid subscription or configuration.";

fn check_keys(api: Api, status: u16, msn: &str) -> Wire {
    let text = format!(
        "Invalid MSN: {msn}. Check your API keys on portal.vipps.no and see the eCom FAQ for tips."
    );
    about_msn(api, status, text)
}

/// The answer for a unit that is closed, on the APIs that take payments.
fn code_37(api: Api, cause: &'static str) -> Cell {
    let text = "Merchant not available or deactivated or blocked";
    match api {
        Api::Ecom => says(own(400, "Merchant/37", "", text), cause),
        Api::Epayment => says(own(400, "37", "Bad Request", text), cause),
        Api::Checkout => says(own(400, "Merchant-00037", text, ""), cause),
        Api::Token => Cell::Passes(TOKENS_FOR_ALL),
        Api::Webhooks | Api::Userinfo | Api::OrderManagement | Api::Qr | Api::Report => {
            Cell::Passes(BOOKS)
        }
    }
}

/// A token that does not count.
fn rejected(api: Api, cause: &'static str) -> Cell {
    match api {
        Api::Token => Cell::Never(NO_TOKEN),
        Api::Checkout => Cell::Passes(NO_TOKEN),
        _ => says(Wire::TokenRejected, cause),
    }
}

fn only_credentials(api: Api, of_token: Cell) -> Cell {
    match api {
        Api::Token => of_token,
        Api::Checkout => says(
            own(401, "Authorization-00001", "Invalid credentials.", ""),
            "checkout.credentials",
        ),
        _ => Cell::Never(CREDENTIALS),
    }
}

/// eCom and ePayment, which alone have it.
fn payments(api: Api, ecom: Cell, epayment: Cell, otherwise: &'static str) -> Cell {
    match api {
        Api::Ecom => ecom,
        Api::Epayment => epayment,
        _ => Cell::Never(otherwise),
    }
}

/// What must come.
pub(super) fn expected(cause: Cause, api: Api, about: &About) -> Cell {
    match cause {
        Cause::ClientUnknown | Cause::SecretWrong | Cause::SecretRegenerated => {
            credentials(cause, api, about)
        }
        Cause::AmountTooLow
        | Cause::UrlScheme
        | Cause::UrlLocal
        | Cause::UrlSyntax
        | Cause::UrlDns
        | Cause::PhoneFormat
        | Cause::PersonUnknown
        | Cause::PersonTooYoung
        | Cause::PhoneForeign
        | Cause::NoTestUser => values(cause, api),
        Cause::CaptureExceeds
        | Cause::CapturesExceed
        | Cause::RefundExceeds
        | Cause::RefundsExceed => moves(cause, api),
        Cause::KeyMissing
        | Cause::KeyUnknown
        | Cause::KeyWithoutProduct
        | Cause::KeyOfAnother
        | Cause::HeaderMisspelt
        | Cause::KeyOfEnvironment
        | Cause::KeyRegenerated
        | Cause::ClientOfAnother => keys(cause, api),
        Cause::TokenMissing => rejected(api, "token.missing"),
        Cause::TokenMalformed => rejected(api, "token.malformed"),
        Cause::TokenAltered => rejected(api, "token.signature"),
        Cause::TokenExpired => rejected(api, "token.expired"),
        Cause::NoBearer => rejected(api, "token.no_scheme"),
        Cause::BearerInSmallLetters => rejected(api, "token.scheme_case"),
        Cause::TokenOfEnvironment => rejected(api, "env.keys"),
        Cause::MsnOfAnother
        | Cause::MsnOfEnvironment
        | Cause::PartnerWithoutMsn
        | Cause::PartnerNotLinked
        | Cause::PartnerHeader
        | Cause::PartnerMsnOfEnvironment => msn(cause, api, about),
        Cause::LoginOnly => login_only(api),
        Cause::TooManyCreates => {
            let limited = || says(Wire::TooMany, "rate.initiate");
            payments(api, limited(), limited(), NO_LIMIT)
        }
        Cause::TooManyCaptures => {
            let limited = || says(Wire::TooMany, "rate.capture");
            payments(api, limited(), limited(), NO_MOVES)
        }
        Cause::TooManyReads => match api {
            Api::Ecom | Api::Epayment => says(Wire::TooMany, "rate.details"),
            Api::Token => Cell::Never("It is not about any payment."),
            _ => Cell::Never(NO_LIMIT),
        },
        Cause::RouteUnknown => says(Wire::NotFound, "route.unknown"),
        Cause::MethodUnknown => says(Wire::NotFound, "route.method"),
        Cause::OrderUnknown | Cause::OrderOfAnother => orders(cause, api, about),
        Cause::PlatformFault => fault(api),
        Cause::SqlGlitch => match api {
            Api::Report => Cell::Never("There are no reports in the test environment."),
            _ => says(Wire::Glitch, "platform.test_sql_glitch"),
        },
        Cause::JsonSyntax | Cause::MsnAsNumber | Cause::AmountWithFraction | Cause::MemberCase => {
            bodies(cause, api)
        }
        Cause::DeletedFromRegister => code_37(api, "merchant.register_deleted"),
        Cause::FormChanged => code_37(api, "merchant.register_form_changed"),
        Cause::UnitDeactivated => code_37(api, "unit.deactivated"),
        Cause::PartnerDeactivated => partner_deactivated(api),
        Cause::NeverLoggedIn => payments(
            api,
            says(
                own(400, "Payment/1082", "", NOT_LOGGED_IN),
                "test.user_not_logged_in",
            ),
            says(
                own(400, "10030", "Identification required", IDENTIFICATION),
                "test.user_not_logged_in",
            ),
            FORCED,
        ),
    }
}

const NOT_LOGGED_IN: &str = "This person is not BankID verified.";
const IDENTIFICATION: &str = "The user must approve a payment in the test app first.";

fn credentials(cause: Cause, api: Api, about: &About) -> Cell {
    let directory = if about.here == Test {
        "VIPPS-TEST"
    } else {
        "VIPPS"
    };
    let secret = "Invalid client secret provided.".to_owned();
    let secret = |cause| {
        says(
            Wire::Identity(401, "invalid_client", "7000215", secret),
            cause,
        )
    };
    let of_token = match cause {
        Cause::ClientUnknown => {
            let text = format!(
                "Application with identifier '{NOBODYS_CLIENT}' was not found in the directory '{directory}'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant."
            );
            let wire = Wire::Identity(400, "unauthorized_client", "700016", text);
            says(wire, "token.client_unknown")
        }
        Cause::SecretRegenerated => secret("token.secret_regenerated"),
        _ => secret("token.secret_wrong"),
    };
    only_credentials(api, of_token)
}

fn keys(cause: Cause, api: Api) -> Cell {
    let optional = matches!(api, Api::Userinfo | Api::Report);
    let mixed = || {
        says(
            own(401, "Authorization-00001", "Invalid credentials.", ""),
            "checkout.credentials",
        )
    };
    match cause {
        Cause::KeyMissing | Cause::HeaderMisspelt if optional => Cell::Passes(KEY_OPTIONAL),
        Cause::KeyMissing => says(Wire::KeyMissing, "subkey.missing"),
        Cause::HeaderMisspelt => says(Wire::KeyMissing, "header.misspelt"),
        Cause::KeyUnknown => says(Wire::KeyInvalid, "subkey.unknown"),
        Cause::KeyOfEnvironment => says(Wire::KeyInvalid, "env.keys"),
        Cause::KeyRegenerated => says(Wire::KeyInvalid, "subkey.regenerated"),
        Cause::KeyWithoutProduct => match api {
            Api::Ecom | Api::Epayment | Api::Userinfo | Api::Checkout => {
                says(Wire::KeyInvalid, "subkey.product")
            }
            Api::Token => Cell::Passes("Tokens belong to no product."),
            Api::Webhooks | Api::OrderManagement | Api::Qr | Api::Report => Cell::Passes(ANY_UNIT),
        },
        Cause::KeyOfAnother => match api {
            Api::Checkout => mixed(),
            Api::Token => {
                Cell::Passes("The key and the credentials are compared at the call itself.")
            }
            // The body's MSN fits the token, so it is the key that is the wrong one.
            _ => says(Wire::KeysDiffer, "subkey.other_client"),
        },
        _ => match api {
            Api::Checkout => mixed(),
            Api::Token => {
                Cell::Passes("The key and the credentials are compared at the call itself.")
            }
            Api::Report => says(Wire::KeysDiffer, "subkey.other_client"),
            _ => says(Wire::KeysDiffer, "token.client_other_unit"),
        },
    }
}

fn msn(cause: Cause, api: Api, about: &About) -> Cell {
    match api {
        Api::Token => return Cell::Passes(TOKENS_FOR_ALL),
        Api::Report => return Cell::Passes(NO_MSN),
        _ => {}
    }
    match cause {
        Cause::MsnOfAnother => says(check_keys(api, 401, &about.u2), "msn.not_yours"),
        Cause::MsnOfEnvironment => says(check_keys(api, 401, &about.elsewhere), "env.msn"),
        Cause::PartnerNotLinked => says(check_keys(api, 403, &about.v1), "partner.not_linked"),
        Cause::PartnerHeader => says(check_keys(api, 403, "abc"), "partner.header_mismatch"),
        Cause::PartnerMsnOfEnvironment => {
            let text = format!(
                "Invalid MSN: {}. This MSN is not valid for the provided supermerchant ID. {ENVIRONMENT}",
                about.elsewhere
            );
            says(about_msn(api, 403, text), "env.msn")
        }
        _ if api == Api::Webhooks => {
            Cell::Passes("Without a unit the registration is of the partner itself.")
        }
        _ => {
            let text = format!(
                "Invalid MSN: This MSN is not valid for the provided supermerchant ID. {ENVIRONMENT}"
            );
            let cause = if api == Api::Ecom {
                "partner.msn_in_body_only"
            } else {
                "partner.msn_missing"
            };
            says(about_msn(api, 403, text), cause)
        }
    }
}

fn login_only(api: Api) -> Cell {
    let text = "Merchant Not Allowed for Ecommerce Payment";
    let wire = match api {
        Api::Token => return Cell::Passes(TOKENS_FOR_ALL),
        Api::Webhooks | Api::Userinfo | Api::Report => return Cell::Passes(NO_PAYMENT_NEEDED),
        Api::Ecom => own(403, "Merchant/97", "", text),
        Api::Epayment => own(403, "97", "Forbidden", text),
        Api::OrderManagement | Api::Qr => own(403, "", "Forbidden", text),
        Api::Checkout => own(403, "Authorization-00002", CONFIGURATION, text),
    };
    says(wire, "unit.login_only")
}

fn partner_deactivated(api: Api) -> Cell {
    let cause = "partner.deactivated";
    let forbidden = |text: &str| says(own(403, "", "Forbidden", text), cause);
    match api {
        Api::Ecom | Api::Epayment | Api::Checkout | Api::Token => code_37(api, cause),
        Api::Webhooks => forbidden("These keys have no access to the Webhooks API."),
        Api::Report => forbidden("Forbidden"),
        Api::Userinfo | Api::OrderManagement | Api::Qr => {
            forbidden("These keys have no access to this API.")
        }
    }
}

fn moves(cause: Cause, api: Api) -> Cell {
    let (ecom, code, title, text, cause) = match cause {
        Cause::CaptureExceeds | Cause::CapturesExceed => (
            own(
                400,
                "Payment/61",
                "",
                "Captured amount exceeds the reserved amount. You can not capture a higher amount than the user has accepted.",
            ),
            "6090",
            "Capture amount too high",
            "The total capture amount exceeds the reserved amount. Cannot capture a higher amount than the amount the user has accepted. Check the payment details.",
            if cause == Cause::CaptureExceeds {
                "capture.exceeds"
            } else {
                "capture.exceeds_sum"
            },
        ),
        _ => (
            own(
                400,
                "Payment/71",
                "",
                "Cannot refund more than captured amount.",
            ),
            "6150",
            "Not enough refundable",
            "Cannot refund more than the available amount. Check the payment event log.",
            if cause == Cause::RefundExceeds {
                "refund.exceeds"
            } else {
                "refund.exceeds_sum"
            },
        ),
    };
    let epayment = own(400, code, title, text);
    payments(api, says(ecom, cause), says(epayment, cause), NO_MOVES)
}

fn orders(cause: Cause, api: Api, about: &About) -> Cell {
    let of_another = cause == Cause::OrderOfAnother;
    let (number, msn) = if of_another {
        (1, &about.u2)
    } else {
        (9, &about.u1)
    };
    let of_payment = if of_another {
        "order.other_unit"
    } else {
        "order.unknown"
    };
    match api {
        Api::Token => Cell::Never("There is nothing to look for."),
        Api::Ecom => says(
            own(404, "Merchant/35", "", "Requested Order not found"),
            of_payment,
        ),
        Api::Epayment => {
            let text = format!("The reference `order-epay-{number}` does not exist for MSN {msn}");
            says(own(404, "5090", "Reference not found", text), of_payment)
        }
        Api::Webhooks => says(
            members([("id", "There is no webhook with this id.")]),
            "webhook.unknown",
        ),
        Api::Userinfo => says(
            own(404, "", "Not Found", "The sub was not found."),
            "userinfo.sub_unknown",
        ),
        Api::OrderManagement => says(
            own(
                404,
                "",
                "Not Found",
                "There is no category and no receipt for this order.",
            ),
            "order_info.nothing_told",
        ),
        Api::Qr => says(
            own(404, "", "Not Found", "There is no QR code with this id."),
            "qr.id_unknown",
        ),
        Api::Report => Cell::Passes("A ledger that the keys may not see is empty, by design."),
        Api::Checkout => says(
            own(404, "Session-00100", "Session expired or not known.", ""),
            "checkout.session_unknown",
        ),
    }
}

fn fault(api: Api) -> Cell {
    let went_wrong = "Something went wrong. Please try again later.";
    let wire = match api {
        Api::Token => Wire::Broken,
        Api::Ecom => own(500, "VippsError/99", "", INTERNAL_ERROR),
        Api::Epayment => own(
            500,
            "3010",
            "Internal error",
            "Internal error. This may be caused by an incorrect API request. Please check the request. See the status page.",
        ),
        Api::Webhooks | Api::Userinfo | Api::OrderManagement | Api::Qr => {
            own(500, "", "Internal Server Error", went_wrong)
        }
        Api::Report => own(500, "10001", "", "Unknown error. Please try again later."),
        Api::Checkout => own(500, "Internal-00001", "An unexpected error occurred.", ""),
    };
    says(wire, "platform.fault")
}

fn bodies(cause: Cause, api: Api) -> Cell {
    let internal = |cause| says(own(500, "VippsError/99", "", INTERNAL_ERROR), cause);
    if matches!(api, Api::Token | Api::Userinfo | Api::Report) {
        return Cell::Never(NO_BODY);
    }
    match (cause, api) {
        (Cause::JsonSyntax, Api::Ecom) => internal("json.syntax"),
        (Cause::JsonSyntax, Api::Webhooks) => says(
            members([("$", "The body is not valid JSON.")]),
            "json.syntax",
        ),
        (Cause::JsonSyntax, _) => says(
            members([("$", "The body is no valid JSON.")]),
            "json.syntax",
        ),
        (Cause::MsnAsNumber, Api::Ecom) => internal("json.type.msn"),
        (Cause::MsnAsNumber, _) => Cell::Never(NO_MSN_IN_BODY),
        (Cause::AmountWithFraction, Api::Ecom) => internal("json.type.amount"),
        (Cause::AmountWithFraction, Api::Epayment) => says(
            own(
                400,
                "4040",
                "Invalid amount",
                "The amount is invalid. Amounts must be integers, no decimals. They are specified in minor units, like øre or cent.",
            ),
            "amount.not_integral",
        ),
        (Cause::AmountWithFraction, Api::OrderManagement) => says(
            members([(
                "OrderLines[0].TotalAmount",
                "The JSON value could not be converted to integer.",
            )]),
            "json.type",
        ),
        (Cause::AmountWithFraction, Api::Checkout) => says(
            members([(
                "Transaction.Amount.Value",
                "The JSON value could not be converted to integer.",
            )]),
            "json.type",
        ),
        (Cause::AmountWithFraction, _) => Cell::Never(NO_AMOUNT),
        (_, Api::Ecom) => internal("json.member_case"),
        (_, Api::Epayment) => says(
            members([("userFlow", "The UserFlow field is required.")]),
            "request.missing",
        ),
        (_, Api::Webhooks) => says(
            members([(
                "url",
                "The property is required and cannot be null or empty.",
            )]),
            "json.member_case",
        ),
        (_, Api::OrderManagement) => says(
            members([("OrderDetailsUrl", "The OrderDetailsUrl field is required.")]),
            "request.missing",
        ),
        (_, Api::Qr) => says(
            members([("RedirectUrl", "The RedirectUrl field is required.")]),
            "request.missing",
        ),
        (_, _) => says(
            members([("Transaction.Reference", "The Reference field is required.")]),
            "request.missing",
        ),
    }
}
