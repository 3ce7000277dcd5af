//! The set-up that errors-faq.md plays in, and its short forms: what each answer is to the byte.

use sandkasse_courier::TableResolver;
use sandkasse_domain::{
    Environment::{self, Production, Test},
    PhoneNumber,
    person::Person,
    sales_unit::{Product, RateLimits, SalesUnit},
};
use sandkasse_testkit::{
    Ask, Format, Got, INTERNAL_ERROR, KEY_INVALID, KEY_MISSING, NOT_FOUND, PartnerShop, Shop,
    TOKEN_REJECTED, World,
};

pub(crate) const KEY: &str = "Ocp-Apim-Subscription-Key";
pub(crate) const MSN: &str = "Merchant-Serial-Number";
pub(crate) const AUTHORIZATION: &str = "Authorization";
pub(crate) const PAYMENTS: &str = "/ecomm/v2/payments";
pub(crate) const DETAILS: &str = "/ecomm/v2/payments/acme-1/details";
/// Nobody has this MSN in any environment.
pub(crate) const NOBODYS_MSN: &str = "9999999";

/// Merchants M1 (units U1, U2; L1 for Login only; one elsewhere) and M2 (unit V1); partner R,
/// linked to U1 and not to V1; persons. Limits per minute are off.
pub(crate) struct Faq {
    pub(crate) world: World,
    pub(crate) u1: Shop,
    pub(crate) u2: Shop,
    pub(crate) l1: Shop,
    pub(crate) v1: Shop,
    /// A sales unit of M1 in the other environment.
    pub(crate) elsewhere: Shop,
    pub(crate) partner: PartnerShop,
    pub(crate) adult: Person,
}

impl Faq {
    /// In the test environment.
    pub(crate) async fn new() -> Faq {
        Faq::at(Test).await
    }

    /// In an environment of your choice. DNS knows `example.com` and no other host.
    pub(crate) async fn at(here: Environment) -> Faq {
        let dns = TableResolver::new().with("example.com", ["93.184.216.34"]);
        let world = World::with_dns(dns).await;
        let at = |environment| {
            move |unit: &mut SalesUnit| {
                unit.environment = environment;
                unit.rate_limits = RateLimits::Off;
            }
        };
        let merchant = world.merchant().await;
        let u1 = world.shop_of(&merchant, at(here)).await;
        let partner = world.partner(here, |_| {}).await;
        world.link(&u1, &partner).await;
        let login = |unit: &mut SalesUnit| {
            at(here)(unit);
            unit.products = [Product::Login].into();
        };
        Faq {
            u2: world.shop_of(&merchant, at(here)).await,
            l1: world.shop_of(&merchant, login).await,
            v1: world.shop(at(here)).await,
            elsewhere: world.shop_of(&merchant, at(here.other())).await,
            adult: world.person_in(here, |_| {}).await,
            u1,
            partner,
            world,
        }
    }

    /// Somebody about whom something is special.
    pub(crate) async fn phone(&self, change: impl FnOnce(&mut Person)) -> String {
        let here = self.u1.environment;
        self.world.person_in(here, change).await.phone.to_string()
    }
}

/// The short forms of errors-faq.md.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    Fine,
    /// 201
    Made,
    /// A-miss.
    KeyMissing,
    /// A-inv.
    KeyInvalid,
    /// A-404.
    NotFound,
    /// Format A, of keys that have no right to an API.
    Forbidden,
    /// A-429.
    Limited,
    /// B.
    TokenRejected,
    /// C.
    OtherOwner,
    /// F-400 and F-401, and their neighbours: status, error, code, text.
    Identity(u16, &'static str, u64, String),
    /// K: status and MSN.
    CheckKeys(u16, String),
    /// S1.
    NotOfPartner(String),
    /// S0.
    NoMsn,
    /// D of one line: status, group, code, text.
    Ecom(u16, &'static str, &'static str, &'static str),
    /// Problem details: status and detail.
    Problem(u16, String),
    /// The older problem details: status, title and detail.
    Detail(u16, &'static str, &'static str),
    /// Checkout's: status, code, and a text that is its title or its detail.
    Session(u16, &'static str, &'static str),
}

/// D of a fault.
pub(crate) const INTERNAL: Says = Says::Ecom(500, "VippsError", "99", INTERNAL_ERROR);
pub(crate) const ORDER_UNKNOWN: Says =
    Says::Ecom(404, "Merchant", "35", "Requested Order not found");
pub(crate) const NOT_AVAILABLE: Says = Says::Ecom(
    400,
    "Merchant",
    "37",
    "Merchant not available or deactivated or blocked",
);
pub(crate) const LOGIN_ONLY: Says = Says::Ecom(
    403,
    "Merchant",
    "97",
    "Merchant Not Allowed for Ecommerce Payment",
);
pub(crate) const NOT_REGISTERED: Says =
    Says::Ecom(400, "User", "81", "User not registered with Vipps");
const FORBIDDEN: &str = r#"{ "statusCode": 403, "message": "Forbidden" }"#;
const ENVIRONMENT: &str =
    "Check that you are using the correct credentials for the right environment.";

impl Says {
    pub(crate) fn k(status: u16, msn: impl ToString) -> Says {
        Says::CheckKeys(status, msn.to_string())
    }

    /// The same in ePayment's envelope: eCom's text is its detail.
    pub(crate) fn on_epayment(self) -> Says {
        if let Says::Ecom(status, _, _, text) = self {
            Says::Problem(status, text.to_owned())
        } else {
            self
        }
    }

    pub(crate) fn s1(msn: impl ToString) -> Says {
        Says::NotOfPartner(msn.to_string())
    }

    pub(crate) fn not_found_in_directory(client_id: &str, directory: &str) -> Says {
        let text = format!(
            "Application with identifier '{client_id}' was not found in the directory '{directory}'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant."
        );
        Says::Identity(400, "unauthorized_client", 700_016, text)
    }

    pub(crate) fn secret_wrong() -> Says {
        let text = "Invalid client secret provided.".to_owned();
        Says::Identity(401, "invalid_client", 7_000_215, text)
    }
}

/// Asserts an answer, to the byte but for fresh ids, and the cause behind it.
#[track_caller]
pub(crate) fn is(row: &str, got: &Got, says: &Says, cause: &str) {
    assert_eq!(got.cause(), cause, "{row}: {} {}", got.status, got.body);
    let gateways = |status, body| {
        got.answered(status, body, cause);
        assert_eq!(got.header("content-type"), Some("application/json"));
    };
    let about_msn = |status, text: &str| {
        if got.header("content-type") == Some("application/problem+json") {
            problem(row, got, status, text);
        } else if got.body.starts_with(r#"{"errorCode""#) {
            let code = if status == 401 {
                "Authorization-00001"
            } else {
                "Authorization-00002"
            };
            session(row, got, status, code, text);
        } else if got.body.contains(r#""instance":"00-"#) {
            let title = if status == 401 {
                "Unauthorized"
            } else {
                "Forbidden"
            };
            got.detail(status, title, text, cause);
        } else {
            got.says(status, "Merchant", "Unauthorized", text, cause);
        }
    };
    match says {
        Says::Made => assert_eq!(got.status, 201, "{row}: {}", got.body),
        // Something was made, or the browser is sent elsewhere.
        Says::Fine => assert!([200, 201, 302].contains(&got.status), "{row}: {}", got.body),
        Says::KeyMissing => gateways(401, KEY_MISSING),
        Says::KeyInvalid => gateways(401, KEY_INVALID),
        Says::TokenRejected => gateways(401, TOKEN_REJECTED),
        Says::Forbidden => gateways(403, FORBIDDEN),
        Says::NotFound => gateways(404, NOT_FOUND),
        Says::OtherOwner => got.other_owner(),
        Says::Limited => {
            assert_eq!(got.status, 429, "{row}: {}", got.body);
            // Text, `Retry-After` and their number.
            got.format();
        }
        Says::Identity(status, error, code, text) => {
            got.refused_identity(*status, error, *code, text, cause);
        }
        Says::CheckKeys(status, msn) => about_msn(
            *status,
            &format!(
                "Invalid MSN: {msn}. Check your API keys on portal.vipps.no and see the eCom FAQ for tips."
            ),
        ),
        Says::NotOfPartner(msn) => about_msn(
            403,
            &format!(
                "Invalid MSN: {msn}. This MSN is not valid for the provided supermerchant ID. {ENVIRONMENT}"
            ),
        ),
        Says::NoMsn => about_msn(
            403,
            &format!(
                "Invalid MSN: This MSN is not valid for the provided supermerchant ID. {ENVIRONMENT}"
            ),
        ),
        Says::Ecom(status, group, code, text) => {
            assert_eq!(got.status, *status, "{row}: {}", got.body);
            got.says(*status, group, code, text, cause);
        }
        Says::Problem(status, detail) => problem(row, got, *status, detail),
        Says::Detail(status, title, detail) => got.detail(*status, title, detail, cause),
        Says::Session(status, code, text) => session(row, got, *status, code, text),
    }
    // FAQ-40: the missing and the invalid key are also challenged in a header.
    let challenged = matches!(says, Says::KeyMissing | Says::KeyInvalid);
    assert_eq!(
        got.header("www-authenticate").is_some(),
        challenged,
        "{row}"
    );
}

#[track_caller]
fn problem(row: &str, got: &Got, status: u16, detail: &str) {
    assert_eq!(got.status, status, "{row}: {}", got.body);
    got.format();
    assert_eq!(got.json()["detail"], detail, "{row}");
}

#[track_caller]
fn session(row: &str, got: &Got, status: u16, code: &str, text: &str) {
    let said = (got.status, got.format());
    assert_eq!(said, (status, Format::Checkout), "{row}: {}", got.body);
    let problem = got.json();
    assert_eq!(problem["errorCode"], code, "{row}");
    let is_said = problem["title"] == text || problem["detail"] == text;
    assert!(is_said, "{row}: {text:?} is not in {}", got.body);
}

/// Sends, and asserts.
pub(crate) async fn check(row: &str, ask: Ask, says: &Says, cause: &str) -> Got {
    let got = ask.send().await;
    is(row, &got, says, cause);
    got
}

/// Both environments, for what is the same in each.
pub(crate) const BOTH: [Environment; 2] = [Test, Production];

pub(crate) fn phone(digits: &str) -> PhoneNumber {
    PhoneNumber::try_new(digits).expect("eight digits")
}
