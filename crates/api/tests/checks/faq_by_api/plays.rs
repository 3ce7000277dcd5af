//! For each cause a world in which it is true, and for each API a call that has it.

use std::cell::Cell as Counter;

use jiff::civil::date;
use sandkasse_domain::{
    Environment::{self, Production, Test},
    keys::{KeyName, Keys},
    merchant::{Merchant, OrgForm},
    sales_unit::{Product, RateLimits, SalesUnit, UrlPolicy},
};
use sandkasse_testkit::{
    Ask, EPAYMENTS, Got, Jwt, Shop, WEBHOOKS, hours, renamed_member, with_member,
};
use serde_json::{Value, json};

use super::super::faq_stage::{AUTHORIZATION, Faq, KEY, MSN};
use super::{Api, causes::Cause};

/// U1 has everything there is, and its partner may read its ledger.
pub(super) struct Stage {
    faq: Faq,
    here: Environment,
    sub: String,
    webhook: String,
    child: String,
    numbers: Counter<u32>,
}

/// What stands in answers and is made anew in each world.
pub(super) struct About {
    pub(super) here: Environment,
    pub(super) u1: String,
    pub(super) u2: String,
    pub(super) v1: String,
    pub(super) elsewhere: String,
}

pub(super) const NOBODYS_CLIENT: &str = "91b7d0f4-8a42-4d2e-b1aa-6a1f1a2a8c55";
const NOBODYS_ID: &str = "00000000-0000-4000-8000-000000000000";
const PHONE: &str = "40000000";
const CODE: &str = "code-of-u1";
const SESSION: &str = "session-of-u1";

impl Stage {
    pub(super) async fn new(cause: Cause) -> Stage {
        let of_test = [Cause::SqlGlitch, Cause::NoTestUser, Cause::NeverLoggedIn];
        let here = if of_test.contains(&cause) {
            Test
        } else {
            Production
        };
        let faq = Faq::at(here).await;
        let limited = [
            Cause::TooManyCreates,
            Cause::TooManyCaptures,
            Cause::TooManyReads,
        ];
        let limited = limited.contains(&cause);
        for shop in [&faq.u1, &faq.u2, &faq.v1, &faq.elsewhere] {
            shop.change(|unit| {
                unit.products.insert(Product::Checkout);
            })
            .await;
        }
        let reader = faq.partner.id.0.clone();
        let sub = faq.u1.share("shared-1", "name", &faq.adult).await;
        for order in ["order-ecom-1", "order-ecom-2"] {
            faq.u1.reserved(order, 10_000, &faq.adult).await;
        }
        for reference in ["order-epay-1", "order-epay-2"] {
            faq.u1.authorized(reference, 10_000, &faq.adult).await;
        }
        let child = faq.phone(|it| it.birthdate = date(2010, 1, 1)).await;
        let hook = "https://example.com/hook";
        let (webhook, _) = faq
            .u1
            .register(hook, &["epayments.payment.created.v1"])
            .await;
        let traits = |unit: &mut SalesUnit| {
            unit.report_readers = [reader.clone()].into();
            unit.url_policy = UrlPolicy::Strict;
            if limited {
                unit.rate_limits = RateLimits::On;
            }
        };
        faq.u1.change(traits).await;
        let stage = Stage {
            faq,
            here,
            sub,
            webhook,
            child,
            numbers: Counter::new(0),
        };
        for ask in [
            stage.right(Api::OrderManagement).await,
            stage.with(Api::Qr, "id", CODE).await,
            stage
                .with(Api::Checkout, "transaction.reference", SESSION)
                .await,
        ] {
            let made = ask.send().await;
            assert_eq!(made.status, 200, "{}", made.body);
        }
        stage
    }

    pub(super) fn about(&self) -> About {
        let faq = &self.faq;
        About {
            here: self.here,
            u1: faq.u1.msn.to_string(),
            u2: faq.u2.msn.to_string(),
            v1: faq.v1.msn.to_string(),
            elsewhere: faq.elsewhere.msn.to_string(),
        }
    }

    fn number(&self) -> u32 {
        self.numbers.set(self.numbers.get() + 1);
        self.numbers.get()
    }

    /// Makes or changes something, where the API has that.
    fn operation(&self, api: Api) -> (&'static str, String) {
        let (method, path) = match api {
            Api::Token => ("POST", "/accesstoken/get"),
            Api::Ecom => ("POST", "/ecomm/v2/payments"),
            Api::Epayment => ("POST", EPAYMENTS),
            Api::Webhooks => ("POST", WEBHOOKS),
            Api::Userinfo => {
                let path = format!("/vipps-userinfo-api/userinfo/{}", self.sub);
                return ("GET", path);
            }
            Api::OrderManagement => ("PUT", "/order-management/v2/ecom/categories/told-1"),
            Api::Qr => ("POST", "/qr/v1/merchant-redirect"),
            Api::Report => ("GET", "/settlement/v1/ledgers"),
            Api::Checkout => ("POST", "/checkout/v3/session"),
        };
        (method, path.to_owned())
    }

    fn body(&self, api: Api, shop: &Shop) -> Option<Value> {
        let number = self.number();
        let page = "https://example.com/page";
        Some(match api {
            Api::Token | Api::Userinfo | Api::Report => return None,
            Api::Ecom => shop.initiate_body(&format!("new-{number}"), 100),
            Api::Epayment => shop.epay_body(&format!("new-order-{number}"), 100),
            Api::Webhooks => json!({ "url": page, "events": ["epayments.payment.captured.v1"] }),
            Api::OrderManagement => json!({ "category": "GENERAL", "orderDetailsUrl": page }),
            Api::Qr => json!({ "id": format!("code-{number}"), "redirectUrl": page }),
            Api::Checkout => json!({
                "merchantInfo": {
                    "callbackUrl": page,
                    "returnUrl": page,
                    "callbackAuthorizationToken": "t",
                },
                "transaction": {
                    "amount": { "value": 1000, "currency": "NOK" },
                    "reference": format!("session-{number}"),
                    "paymentDescription": "Socks",
                },
            }),
        })
    }

    /// A call with these keys about a sales unit, with what each API asks for and no more.
    async fn call(&self, api: Api, keys: &Keys, shop: &Shop) -> Ask {
        let (method, path) = self.operation(api);
        let world = &self.faq.world;
        let ask = match api {
            Api::Token => return world.ask_token(self.here, keys),
            // It has no token.
            Api::Checkout => world.ask_token(self.here, keys).to(method, &path),
            _ => world.ask_with(self.here, keys, method, &path).await,
        };
        let ask = if api == Api::Epayment {
            ask.header("Idempotency-Key", &format!("key-{}", self.number()))
        } else {
            ask
        };
        let body = self.body(api, shop);
        body.iter().fold(ask, |ask, body| ask.json(body))
    }

    /// U1's call as it should be.
    async fn right(&self, api: Api) -> Ask {
        let shop = &self.faq.u1;
        self.call(api, &shop.keys(), shop).await
    }

    async fn of_partner(&self, api: Api) -> Ask {
        self.call(api, &self.faq.partner.keys(), &self.faq.u1).await
    }

    /// The right call with another member in the body.
    async fn with(&self, api: Api, member: &str, value: impl Into<Value>) -> Ask {
        let ask = self.right(api).await;
        let body = self.body(api, &self.faq.u1).expect("it has one");
        ask.json(&with_member(body, member, value.into()))
    }

    /// Plays the cause on an API where it can happen.
    pub(super) async fn play(&self, cause: Cause, api: Api) -> Got {
        let faq = &self.faq;
        let ask = match cause {
            Cause::ClientUnknown => self.right(api).await.header("client_id", NOBODYS_CLIENT),
            Cause::SecretWrong => {
                let ask = self.right(api).await;
                ask.header("client_secret", &faq.u2.keys().client_secret)
            }
            Cause::AmountTooLow => self.of_amount(api, json!(99), json!(-1)).await,
            Cause::AmountWithFraction => {
                let fraction: Value = serde_json::from_str("499.0000001").expect("a number");
                self.of_amount(api, fraction.clone(), fraction).await
            }
            Cause::UrlScheme => self.of_url(api, "http://example.com/page").await,
            Cause::UrlLocal => self.of_url(api, "https://localhost/page").await,
            Cause::UrlSyntax => self.of_url(api, "https://exa mple").await,
            Cause::UrlDns => self.of_url(api, "https://no-such-host-xyz.com/page").await,
            Cause::CaptureExceeds => self.moves(api, "capture", 1, 10_001).await,
            Cause::CapturesExceed => {
                assert_eq!(
                    self.moves(api, "capture", 1, 6_000)
                        .await
                        .send()
                        .await
                        .status,
                    200
                );
                self.moves(api, "capture", 1, 5_000).await
            }
            Cause::RefundExceeds => {
                assert_eq!(
                    self.moves(api, "capture", 1, 5_000)
                        .await
                        .send()
                        .await
                        .status,
                    200
                );
                self.moves(api, "refund", 1, 6_000).await
            }
            Cause::RefundsExceed => {
                for operation in ["capture", "refund"] {
                    let moved = self.moves(api, operation, 1, 3_000).await.send().await;
                    assert_eq!(moved.status, 200, "{}", moved.body);
                }
                assert_eq!(
                    self.moves(api, "capture", 1, 2_000)
                        .await
                        .send()
                        .await
                        .status,
                    200
                );
                self.moves(api, "refund", 1, 3_000).await
            }
            Cause::PhoneFormat => self.of_phone(api, "1234567").await,
            Cause::PersonUnknown | Cause::NoTestUser => self.of_phone(api, PHONE).await,
            Cause::PersonTooYoung => self.of_phone(api, &self.child).await,
            Cause::PhoneForeign => self.of_phone(api, "4512345678").await,
            Cause::KeyMissing => self.right(api).await.without(KEY),
            Cause::HeaderMisspelt => {
                let ask = self.right(api).await.without(KEY);
                ask.header("Ocp-Apim-SubscriptionKey", &faq.u1.keys().primary)
            }
            Cause::KeyUnknown => {
                let nobodys = "0123456789abcdef0123456789abcdef";
                self.right(api).await.header(KEY, nobodys)
            }
            Cause::KeyWithoutProduct => {
                let ask = self.right(api).await;
                let recurring = |unit: &mut SalesUnit| unit.products = [Product::Recurring].into();
                faq.u1.change(recurring).await;
                ask
            }
            Cause::KeyOfAnother => self.right(api).await.header(KEY, &faq.u2.keys().primary),
            Cause::KeyOfEnvironment => {
                let ask = self.right(api).await;
                ask.header(KEY, &faq.elsewhere.keys().primary)
            }
            Cause::KeyRegenerated => {
                let ask = self.right(api).await;
                faq.u1.regenerate(KeyName::PrimarySubscriptionKey).await;
                ask
            }
            Cause::SecretRegenerated => {
                let ask = self.right(api).await;
                faq.u1.regenerate(KeyName::ClientSecret).await;
                ask
            }
            Cause::TokenMissing => self.right(api).await.without(AUTHORIZATION),
            Cause::TokenMalformed => self.right(api).await.header(AUTHORIZATION, "Bearer abc"),
            Cause::TokenAltered => {
                let token = Jwt::read(&faq.u1.token().await)
                    .with_claim("aud", "me")
                    .token();
                let ask = self.right(api).await;
                ask.header(AUTHORIZATION, &format!("Bearer {token}"))
            }
            Cause::TokenExpired => {
                let ask = self.right(api).await;
                faq.u1.advance(hours(25)).await;
                ask
            }
            Cause::NoBearer => {
                let token = faq.u1.token().await;
                self.right(api).await.header(AUTHORIZATION, &token)
            }
            Cause::BearerInSmallLetters => {
                let token = format!("bearer {}", faq.u1.token().await);
                self.right(api).await.header(AUTHORIZATION, &token)
            }
            Cause::TokenOfEnvironment => {
                let token = format!("Bearer {}", faq.elsewhere.token().await);
                self.right(api).await.header(AUTHORIZATION, &token)
            }
            Cause::ClientOfAnother => {
                let token = format!("Bearer {}", faq.u2.token().await);
                let keys = faq.u2.keys();
                let mut ask = self.right(api).await.header(MSN, faq.u1.msn.as_str());
                if matches!(api, Api::Token | Api::Checkout) {
                    ask = ask.header("client_id", &keys.client_id);
                    ask = ask.header("client_secret", &keys.client_secret);
                }
                ask.header(AUTHORIZATION, &token)
            }
            Cause::MsnOfAnother => self.right(api).await.header(MSN, faq.u2.msn.as_str()),
            Cause::MsnOfEnvironment => {
                let ask = self.right(api).await;
                ask.header(MSN, faq.elsewhere.msn.as_str())
            }
            Cause::LoginOnly => {
                let ask = self.right(api).await;
                let only_login = |unit: &mut SalesUnit| unit.products = [Product::Login].into();
                faq.u1.change(only_login).await;
                ask
            }
            Cause::PartnerWithoutMsn => self.of_partner(api).await,
            Cause::PartnerNotLinked => {
                let ask = self.of_partner(api).await;
                ask.header(MSN, faq.v1.msn.as_str())
            }
            Cause::PartnerHeader => self.of_partner(api).await.header(MSN, "abc"),
            Cause::PartnerMsnOfEnvironment => {
                let ask = self.of_partner(api).await;
                ask.header(MSN, faq.elsewhere.msn.as_str())
            }
            Cause::PartnerDeactivated => {
                let ask = self.of_partner(api).await.header(MSN, faq.u1.msn.as_str());
                faq.partner.deactivate().await;
                ask
            }
            Cause::TooManyCreates => {
                let ask = self.right(api).await;
                return self.until_too_many(ask).await;
            }
            Cause::TooManyCaptures => {
                let ask = self.moves(api, "capture", 1, 100).await;
                return self.until_too_many(ask).await;
            }
            Cause::TooManyReads => {
                let ask = self.reads(api, &faq.u1, 1).await;
                return self.until_too_many(ask).await;
            }
            Cause::RouteUnknown => {
                let path = match api {
                    Api::Token => "/accesstoken",
                    Api::Ecom => "/ecom/v2/payments",
                    Api::Epayment => "/epayments/v1/payments",
                    Api::Webhooks => "/webhooks/v2/webhooks",
                    Api::Userinfo => "/vipps-userinfo-api/v1/userinfo",
                    Api::OrderManagement => "/order-management/v1/receipts/1",
                    Api::Qr => "/qr/v1/merchant-redirects",
                    Api::Report => "/report/v2/ledgers",
                    Api::Checkout => "/checkouts/v3/session",
                };
                let ask = self.right(api).await;
                let (method, _) = self.operation(api);
                ask.to(method, path)
            }
            Cause::MethodUnknown => {
                let ask = self.right(api).await;
                ask.to("OPTIONS", &self.operation(api).1)
            }
            Cause::OrderUnknown => self.reads(api, &faq.u1, 9).await,
            Cause::OrderOfAnother => self.reads(api, &faq.u2, 1).await,
            Cause::PlatformFault => {
                let ask = self.right(api).await;
                ask.header("sandkasse-fault", "internal-error")
            }
            Cause::SqlGlitch => self
                .right(api)
                .await
                .header("sandkasse-fault", "sql-glitch"),
            Cause::JsonSyntax => self.right(api).await.body("{"),
            Cause::MsnAsNumber => {
                let msn: u32 = faq.u1.msn.as_str().parse().expect("digits");
                let member = "merchantInfo.merchantSerialNumber";
                self.with(api, member, msn).await
            }
            Cause::MemberCase => self.renamed(api).await,
            Cause::DeletedFromRegister | Cause::FormChanged => {
                let ask = self.right(api).await;
                let deleted = cause == Cause::DeletedFromRegister;
                let (form, day) = if deleted {
                    ("ENK", Some(date(2023, 6, 1)))
                } else {
                    ("AS", None)
                };
                let orgno = faq.u1.unit().facts.merchant.clone();
                let sole = |it: &mut Merchant| it.form = OrgForm("ENK".to_owned());
                let directory = &faq.world.platform.engine.directory;
                let changed = directory.change_merchant(self.here, &orgno, sole).await;
                changed.expect("memory does not fail");
                faq.world.learn(&orgno, form, day).await;
                ask
            }
            Cause::UnitDeactivated => {
                let ask = self.right(api).await;
                let closed = sandkasse_testkit::closed();
                faq.u1.change(|unit| unit.state = closed.clone()).await;
                ask
            }
            Cause::NeverLoggedIn => self.forced(api).await,
        };
        ask.send().await
    }

    async fn of_amount(&self, api: Api, of_payment: Value, of_another: Value) -> Ask {
        match api {
            Api::Ecom => self.with(api, "transaction.amount", of_payment).await,
            Api::Epayment => self.with(api, "amount.value", of_payment).await,
            Api::OrderManagement => {
                let path = "/order-management/v2/ecom/receipts/told-2";
                self.right(api).await.to("POST", path).json(&json!({
                    "orderLines": [{
                        "name": "Socks",
                        "id": "1",
                        "totalAmount": of_another,
                        "totalAmountExcludingTax": 800,
                        "totalTaxAmount": 200,
                        "taxRate": 2500,
                    }],
                    "bottomLine": { "currency": "NOK" },
                }))
            }
            _ => self.with(api, "transaction.amount.value", of_another).await,
        }
    }

    async fn of_url(&self, api: Api, url: &str) -> Ask {
        let member = match api {
            Api::Ecom => "merchantInfo.callbackPrefix",
            Api::Epayment => "returnUrl",
            Api::OrderManagement => "orderDetailsUrl",
            Api::Qr => "redirectUrl",
            Api::Checkout => "merchantInfo.callbackUrl",
            _ => "url",
        };
        self.with(api, member, url).await
    }

    /// `digits` are national, or have a country code of their own.
    async fn of_phone(&self, api: Api, digits: &str) -> Ask {
        let msisdn = match digits.len() {
            8 => format!("47{digits}"),
            _ => digits.to_owned(),
        };
        match api {
            Api::Ecom => {
                let number = if digits.len() == 10 {
                    format!("+{digits}")
                } else {
                    digits.to_owned()
                };
                self.with(api, "customerInfo.mobileNumber", number).await
            }
            Api::Epayment => {
                let customer = json!({ "phoneNumber": msisdn });
                self.with(api, "customer", customer).await
            }
            _ => {
                let customer = json!({ "phoneNumber": msisdn });
                self.with(api, "prefillCustomer", customer).await
            }
        }
    }

    /// A capture or refund of one of U1's payments.
    async fn moves(&self, api: Api, operation: &str, payment: u32, value: i64) -> Ask {
        let shop = &self.faq.u1;
        if api == Api::Ecom {
            let order = format!("order-ecom-{payment}");
            let body = shop.modify_body(value);
            shop.ask_modify(operation, &order, &body).await
        } else {
            let reference = format!("order-epay-{payment}");
            shop.ask_epay_move(operation, &reference, value).await
        }
    }

    /// A shop reads what U1 has under this number, if it has.
    async fn reads(&self, api: Api, shop: &Shop, number: u32) -> Ask {
        let there = number == 1;
        let (method, path) = match api {
            Api::Token | Api::Ecom => (
                "GET",
                format!("/ecomm/v2/payments/order-ecom-{number}/details"),
            ),
            Api::Epayment => ("GET", format!("{EPAYMENTS}/order-epay-{number}")),
            Api::Webhooks => {
                let id = if there { &self.webhook } else { NOBODYS_ID };
                ("DELETE", format!("{WEBHOOKS}/{id}"))
            }
            Api::Userinfo => {
                let sub = if there { &self.sub } else { NOBODYS_ID };
                ("GET", format!("/vipps-userinfo-api/userinfo/{sub}"))
            }
            Api::OrderManagement => ("GET", format!("/order-management/v2/ecom/told-{number}")),
            Api::Qr => {
                let id = if there { CODE } else { "none" };
                ("GET", format!("/qr/v1/merchant-redirect/{id}"))
            }
            Api::Report => {
                let ledger = if there {
                    let msn: u32 = self.faq.u1.msn.as_str().parse().expect("digits");
                    msn + 100_000
                } else {
                    999_999
                };
                ("GET", format!("/report/v2/ledgers/{ledger}/funds/feed"))
            }
            Api::Checkout => {
                let reference = if there { SESSION } else { "none-such-1" };
                ("GET", format!("/checkout/v3/session/{reference}"))
            }
        };
        let ask = self.call(api, &shop.keys(), shop).await;
        ask.body("").to(method, &path)
    }

    async fn forced(&self, api: Api) -> Ask {
        let never = |person: &mut sandkasse_domain::person::Person| {
            person.app.logged_in = false;
            person.app.approved_once = false;
        };
        let phone = self.faq.phone(never).await;
        let shop = &self.faq.u1;
        if api == Api::Ecom {
            shop.initiate("open-ecom-1", 100).await.ok();
            let path = "/ecomm/v2/integration-test/payments/open-ecom-1/approve";
            let body = json!({ "customerPhoneNumber": phone });
            shop.ask("POST", path).await.json(&body)
        } else {
            shop.epay("open-epay-1", 100).await.created();
            let path = "/epayment/v1/test/payments/open-epay-1/approve";
            let body = json!({ "customer": { "phoneNumber": format!("47{phone}") } });
            shop.ask("POST", path).await.json(&body)
        }
    }

    /// The right call with a required member whose name has a wrong capital.
    async fn renamed(&self, api: Api) -> Ask {
        let (from, to) = match api {
            Api::Ecom => ("merchantInfo.fallBack", "merchantInfo.fallback"),
            Api::Epayment => ("userFlow", "userflow"),
            Api::Webhooks => ("url", "URL"),
            Api::OrderManagement => ("orderDetailsUrl", "orderDetailsURL"),
            Api::Qr => ("redirectUrl", "redirectURL"),
            _ => ("transaction.reference", "transaction.Reference"),
        };
        let ask = self.right(api).await;
        let body = self.body(api, &self.faq.u1).expect("it has one");
        ask.json(&renamed_member(body, from, to))
    }

    /// The same call until it is refused for its number; it never is before that.
    async fn until_too_many(&self, ask: Ask) -> Got {
        for _ in 0..200 {
            let got = ask.clone().send().await;
            if got.status == 429 {
                return got;
            }
        }
        ask.send().await
    }
}
