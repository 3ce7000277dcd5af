//! The body of a create call (reference: epayment.md §2.1).
//!
//! What the day of this installation does not know yet is an unknown member, and ignored.

use std::collections::BTreeSet;

use http::HeaderMap;
use sandkasse_courier::{is_dangerous_scheme, judge_return};
use sandkasse_domain::{
    AsOf, Currency, OrderId,
    consent::Scope,
    payment::{
        Airline, BlockedSource, CardPassthrough, Checkout, Epayment, MadeBy, Method, Order,
        QrFormat, UserFlow,
    },
    sales_unit::CaptureType,
};
use sandkasse_engine::Unit;
use sandkasse_gate::{Step, Trace};

use super::{
    EpaymentCause,
    customer::{self, Mobile},
    idempotency_key, metadata,
    read::Reading,
    shipping,
};
use crate::{Why, json::Json, params::Place, receipt};

const SMALLEST_QR: i64 = 100;
const GREATEST_QR: i64 = 2000;
const USUAL_QR: i64 = 1024;
const LONGEST_RETURN_URL: usize = 2500;

/// A create call that makes sense.
pub(super) struct Create {
    /// Without a `pspReference` yet.
    pub(super) order: Order,
    pub(super) mobile: Option<Mobile>,
    pub(super) key: String,
}

/// Reads a create call.
pub(super) fn read(
    body: &Json,
    headers: &HeaderMap,
    unit: &Unit,
    as_of: AsOf,
    trace: &mut Trace,
) -> Result<Create, Why> {
    let mut reading = Reading::default();
    let root = reading.shape.root(body);
    let key = idempotency_key(headers, &mut reading, true);
    let read = root.map(|root| {
        Reader {
            reading: &mut reading,
            root,
            as_of,
            trace,
        }
        .order(unit)
    });
    let read = read.flatten().zip(key).map(|((mut order, mobile), key)| {
        if let MadeBy::Epayment(epayment) = &mut order.made_by {
            epayment.idempotency_key.clone_from(&key);
        }
        Create { order, mobile, key }
    });
    reading.into_result(read)
}

struct Reader<'a, 'b> {
    reading: &'a mut Reading,
    root: Place<'a>,
    as_of: AsOf,
    trace: &'b mut Trace,
}

impl Reader<'_, '_> {
    fn today(&self) -> bool {
        self.as_of == AsOf::Today
    }

    fn order(mut self, unit: &Unit) -> Option<(Order, Option<Mobile>)> {
        let today = self.today();
        let currencies = if today {
            &Currency::ALL[..]
        } else {
            &[Currency::Nok]
        };
        let amount = self.reading.amount(&self.root, "amount", currencies);
        let (method, blocked_sources) = self.method();
        let reference = self.reference();
        let user_flow = self.user_flow();
        let return_url = self.return_url(user_flow);
        let mobile = customer::customer(self.reading, &self.root, self.as_of);
        if user_flow == Some(UserFlow::PushMessage) && mobile.is_none() {
            self.needed("customer", "PUSH_MESSAGE");
        }
        let minimum_user_age = self.minimum_user_age();
        let customer_present = self.reading.word(
            &self.root,
            "customerInteraction",
            false,
            &[("CUSTOMER_PRESENT", true), ("CUSTOMER_NOT_PRESENT", false)],
        );
        let airline = self.airline();
        let scope = self.scope();
        let expires_at = self.reading.moment(&self.root, "expiresAt");
        let qr = self.qr(user_flow);
        let text = self
            .reading
            .sized(&self.root, "paymentDescription", false, (3, 100));
        let receipt = self.receipt();
        let metadata = today
            .then(|| metadata::metadata(self.reading, &self.root))
            .flatten();
        let receipt_url = self.receipt_url();
        let card_passthrough = self.card_passthrough(method);
        let express = today
            .then(|| shipping::shipping(self.reading, &self.root, unit.facts.url_policy))
            .flatten();
        if method == Some(Method::Card) && user_flow.is_some_and(|it| it != UserFlow::WebRedirect) {
            self.reading.shape.fault(
                "userFlow",
                "The payment method CARD needs the user flow WEB_REDIRECT.",
                "method.card_flow",
                "another user flow",
            );
        }
        let has_shipping = today && self.root.has("shipping");
        if has_shipping {
            self.express_rules(method, &scope);
        }
        let (checkout, auth_token) = match express {
            None => (Checkout::Regular, None),
            Some((source, token)) => (
                Checkout::Express {
                    consent_removal_prefix: None,
                    shipping: source,
                },
                token,
            ),
        };

        let (amount, currency) = amount?;
        let user_flow = user_flow?;
        let epayment = Epayment {
            psp_reference: String::new(),
            idempotency_key: String::new(),
            user_flow,
            method: method?,
            currency,
            blocked_sources,
            customer_present: customer_present.unwrap_or(false),
            minimum_user_age,
            expires_at,
            qr,
            receipt,
            metadata,
            receipt_url,
            airline,
            card_passthrough,
        };
        let order = Order {
            made_by: MadeBy::Epayment(Box::new(epayment)),
            id: reference?,
            amount,
            text: text.unwrap_or_default(),
            callback_prefix: String::new(),
            fall_back: return_url.unwrap_or_default(),
            auth_token,
            is_app: user_flow == UserFlow::NativeRedirect,
            skip_landing_page: user_flow == UserFlow::PushMessage,
            mobile: mobile.clone().and_then(Result::ok),
            scope,
            checkout,
            capture: unit.facts.capture,
        };
        Some((order, mobile))
    }

    /// What this flow or method needs is not there. What is there and bad is told first.
    fn needed(&mut self, member: &'static str, because: &'static str) {
        self.reading.coded(EpaymentCause::Missing {
            member: member.into(),
            because: because.into(),
        });
    }

    fn reference(&mut self) -> Option<OrderId> {
        let (most, pattern) = if self.today() {
            (64, "^[a-zA-Z0-9-]{8,64}$")
        } else {
            (50, "^[a-zA-Z0-9-]{8,50}$")
        };
        let text = self.reading.text(&self.root, "reference", true)?;
        let fits = (8..=most).contains(&text.len());
        let reference = OrderId::try_new(&text).filter(|_| fits);
        if reference.is_none() {
            self.reading
                .pattern(&self.root, "reference", &text, pattern, "order.reference");
        }
        reference
    }

    fn user_flow(&mut self) -> Option<UserFlow> {
        const FLOWS: [UserFlow; 4] = [
            UserFlow::WebRedirect,
            UserFlow::NativeRedirect,
            UserFlow::PushMessage,
            UserFlow::Qr,
        ];
        let words = FLOWS.map(|it| (it.name(), it));
        self.reading.word(&self.root, "userFlow", true, &words)
    }

    fn method(&mut self) -> (Option<Method>, Vec<BlockedSource>) {
        let Some(method) = self.reading.shape.object(&self.root, "paymentMethod", true) else {
            return (None, vec![]);
        };
        let all = [Method::Wallet, Method::Card, Method::CardPassthrough];
        let known = if self.today() { &all[..] } else { &all[..2] };
        let words: Vec<_> = known.iter().map(|it| (it.name(), *it)).collect();
        let r#type = self.reading.word(&method, "type", true, &words);
        let mut blocked = Vec::new();
        if self.today() {
            for source in self.reading.list(&method, "blockedSources") {
                if source.as_str() == Some("COMMERCIAL_CARDS") {
                    blocked.push(BlockedSource::CommercialCards);
                } else {
                    self.reading.shape.fault(
                        "paymentMethod.blockedSources",
                        "The value is not valid for BlockedSources. Allowed: COMMERCIAL_CARDS.",
                        "request.unknown_value",
                        "another word",
                    );
                }
            }
        }
        (r#type, blocked)
    }

    fn return_url(&mut self, user_flow: Option<UserFlow>) -> Option<String> {
        let Some(url) = self.reading.text(&self.root, "returnUrl", false) else {
            if user_flow == Some(UserFlow::WebRedirect) && !self.root.has("returnUrl") {
                self.needed("returnUrl", "WEB_REDIRECT");
            }
            return None;
        };
        let length = url.chars().count();
        if self.today() && length > LONGEST_RETURN_URL {
            let detail = format!("{length} characters");
            self.reading.shape.fault(
                "returnUrl",
                "The field ReturnUrl must be a string with a maximum length of 2500.",
                "request.length",
                detail,
            );
            return None;
        }
        self.url("returnUrl", url)
    }

    fn receipt_url(&mut self) -> Option<String> {
        if !self.today() {
            return None;
        }
        let url = self.reading.text(&self.root, "receiptUrl", false)?;
        self.url("receiptUrl", url)
    }

    fn url(&mut self, member: &'static str, url: String) -> Option<String> {
        let refused = |url: &str, why: String| EpaymentCause::Url {
            member: member.into(),
            url: url.chars().take(255).collect(),
            why,
        };
        // Test suites of official clients ran with `example.com/test` (reference: epayment.md 8.17).
        let no_scheme = !url.contains("://") && !is_dangerous_scheme(&url);
        let host = url.split(['/', '?', '#']).next().unwrap_or_default();
        if no_scheme && host.contains('.') && !host.contains(char::is_whitespace) {
            let saw = format!("{member} has no scheme: accepted, but no browser follows it");
            self.trace.passed(Step::Fields, saw);
            return Some(url);
        }
        match judge_return(&url) {
            Ok(()) => Some(url),
            Err(fault) => {
                self.reading.coded(refused(&url, fault.name().to_owned()));
                None
            }
        }
    }

    fn minimum_user_age(&mut self) -> Option<u8> {
        if !self.today() {
            return None;
        }
        let shape = &mut self.reading.shape;
        let age = shape.integer(&self.root, "minimumUserAge", false, (0, 100))?;
        u8::try_from(age).ok()
    }

    fn airline(&mut self) -> Option<Airline> {
        let industry = self
            .reading
            .shape
            .object(&self.root, "industryData", false)?;
        let data = self.reading.shape.object(&industry, "airlineData", false)?;
        let mut text = |name, required, bounds| self.reading.sized(&data, name, required, bounds);
        let agency_invoice_number = text("agencyInvoiceNumber", true, (1, 6));
        let airline_code = text("airlineCode", true, (3, 3));
        let airline_designator_code = text("airlineDesignatorCode", true, (2, 2));
        let passenger_name = text("passengerName", true, (1, 49));
        let ticket_number = text("ticketNumber", false, (1, 150));
        Some(Airline {
            agency_invoice_number: agency_invoice_number?,
            airline_code: airline_code?,
            airline_designator_code: airline_designator_code?,
            passenger_name: passenger_name?,
            ticket_number,
        })
    }

    fn scope(&mut self) -> BTreeSet<Scope> {
        let mut scopes = BTreeSet::new();
        let Some(profile) = self.reading.shape.object(&self.root, "profile", false) else {
            return scopes;
        };
        let text = self.reading.text(&profile, "scope", false);
        let words = text.as_deref().unwrap_or_default().split_whitespace();
        // Tolerated in all payments (reference: userinfo.md 8.11).
        for word in words.filter(|word| *word != "openid") {
            match Scope::parse(word) {
                Some(scope) if scope != Scope::AccountNumbers => {
                    scopes.insert(scope);
                }
                Some(_) | None => {
                    let word = word.chars().take(100).collect();
                    self.reading.coded(EpaymentCause::Scope { word });
                }
            }
        }
        scopes
    }

    fn qr(&mut self, user_flow: Option<UserFlow>) -> Option<QrFormat> {
        const FORMATS: [(&str, QrFormat); 3] = [
            ("IMAGE/SVG+XML", QrFormat::Svg),
            ("IMAGE/PNG", QrFormat::Png { size: 0 }),
            ("TEXT/TARGETURL", QrFormat::TargetUrl),
        ];
        let usual = (user_flow == Some(UserFlow::Qr)).then_some(QrFormat::Svg);
        let Some(object) = self.reading.shape.object(&self.root, "qrFormat", false) else {
            return usual;
        };
        let format = self.reading.word(&object, "format", true, &FORMATS);
        let bounds = (SMALLEST_QR, GREATEST_QR);
        let size = self.reading.shape.integer(&object, "size", false, bounds);
        let size = u16::try_from(size.unwrap_or(USUAL_QR)).unwrap_or_default();
        usual.and(format).map(|format| match format {
            QrFormat::Png { .. } => QrFormat::Png { size },
            QrFormat::Svg | QrFormat::TargetUrl => format,
        })
    }

    fn receipt(&mut self) -> Option<sandkasse_domain::receipt::Receipt> {
        if !self.today() {
            return None;
        }
        let shape = &mut self.reading.shape;
        let object = shape.object(&self.root, "receipt", false)?;
        receipt::read(shape, &object)
    }

    fn card_passthrough(&mut self, method: Option<Method>) -> Option<CardPassthrough> {
        if !self.today() {
            return None;
        }
        let is_there = self.root.has("cardPassthrough");
        if method != Some(Method::CardPassthrough) {
            if is_there && method.is_some() {
                self.reading.coded(EpaymentCause::MethodType);
            }
            return None;
        }
        if !is_there {
            self.needed("cardPassthrough", "CARD_PASSTHROUGH");
        }
        let object = self
            .reading
            .shape
            .object(&self.root, "cardPassthrough", false)?;
        let psp_reference = self.reading.sized(&object, "pspReference", false, (1, 64));
        let callback = self.reading.text(&object, "cardCallbackUrl", false);
        let card_callback_url = callback.and_then(|url| self.https("cardCallbackUrl", url));
        let mut allowed_card_types = Vec::new();
        for r#type in self.reading.list(&object, "allowedCardTypes") {
            const TYPES: [&str; 5] = [
                "VISA_DEBIT",
                "VISA_CREDIT",
                "MC_CREDIT",
                "MC_DEBIT",
                "DANKORT",
            ];
            match r#type.as_str().filter(|it| TYPES.contains(it)) {
                Some(known) => allowed_card_types.push(known.to_owned()),
                None => self.reading.shape.fault(
                    "cardPassthrough.allowedCardTypes",
                    "The value is not valid for AllowedCardTypes.",
                    "request.unknown_value",
                    "another word",
                ),
            }
        }
        let prefers = self
            .reading
            .shape
            .boolean(&object, "preferVisaPartOfVisaDankort");
        let key = self.reading.text(&object, "publicEncryptionKeyId", false);
        Some(CardPassthrough {
            psp_reference,
            card_callback_url,
            allowed_card_types,
            prefer_visa_part_of_visa_dankort: prefers.unwrap_or(false),
            public_encryption_key_id: key,
        })
    }

    fn https(&mut self, member: &'static str, url: String) -> Option<String> {
        let is_https = url
            .get(..8)
            .is_some_and(|start| start.eq_ignore_ascii_case("https://"));
        if is_https {
            return self.url(member, url);
        }
        self.reading.coded(EpaymentCause::Url {
            member: member.into(),
            url: url.chars().take(255).collect(),
            why: "the URL needs HTTPS".to_owned(),
        });
        None
    }

    /// Express needs the app, and the four kinds of data that make an address.
    fn express_rules(&mut self, method: Option<Method>, scope: &BTreeSet<Scope>) {
        if method.is_some_and(|it| it != Method::Wallet) {
            self.reading.shape.fault(
                "shipping",
                "Express needs the payment method WALLET.",
                "express.method",
                "another payment method",
            );
        }
        let needed = [
            Scope::Name,
            Scope::Address,
            Scope::Email,
            Scope::PhoneNumber,
        ];
        if needed.iter().any(|it| !scope.contains(it)) {
            self.reading.shape.fault(
                "profile.scope",
                "Express needs the scope 'name address email phoneNumber'.",
                "express.scope",
                "not all four",
            );
        }
    }
}

/// What makes two create calls the same: all that was read, coerced and completed; not the bytes, and
/// not how the sales unit stands.
pub(super) fn meaning(order: &Order, mobile: Option<&Mobile>) -> String {
    let mut order = order.clone();
    order.capture = CaptureType::Reserve;
    let order = serde_json::to_string(&order).expect("plain structs always serialise");
    format!("{order}\n{mobile:?}")
}
