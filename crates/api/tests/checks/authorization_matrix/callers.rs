//! Who may call in the matrix: whose keys, which header, and what was done to whom before.

use sandkasse_domain::{
    keys::Keys,
    merchant::Standing,
    sales_unit::{Product, RateLimits},
};
use sandkasse_engine::directory::OfficeKind;
use sandkasse_testkit::{Ask, PartnerShop, Shop, closed};

use super::super::faq_stage::{AUTHORIZATION, Faq, KEY, MSN, NOBODYS_MSN};

/// Everybody who may call about an order of U1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    /// U1's own keys; also with its MSN in the header, and with the secondary key.
    Own,
    OwnNamed,
    OwnSecondary,
    /// U1's own keys, and another MSN in the header.
    NamesSister,
    NamesStranger,
    NamesElsewhere,
    NamesNobody,
    /// The keys of another unit, of the same or another merchant, about U1's order.
    Sister,
    Stranger,
    /// A partner with a link to U1: as it should be, without the header, and deactivated.
    Partner,
    PartnerBare,
    PartnerNamesStranger,
    PartnerDeactivated,
    /// A partner without a link to U1.
    Rival,
    /// A payment service provider, with and without the header.
    Psp,
    PspBare,
    /// A token of `/miami/v1/token`, alone and with U1's subscription key.
    Management,
    ManagementWithKey,
    Accounting,
    /// All keys of the other environment, or its token alone.
    Elsewhere,
    ElsewhereToken,
    /// A partner's keys of the other environment.
    PartnerElsewhere,
    /// U1's own keys, after the unit was closed, its merchant was, or it lost its payments.
    UnitClosed,
    MerchantClosed,
    MerchantBlocked,
    MerchantUnsigned,
    LoginOnly,
    /// No keys at all.
    Nobody,
}

pub(super) use Caller::{
    Accounting, Elsewhere, ElsewhereToken, LoginOnly, Management, ManagementWithKey,
    MerchantBlocked, MerchantClosed, MerchantUnsigned, NamesElsewhere, NamesNobody, NamesSister,
    NamesStranger, Nobody, Own, OwnNamed, OwnSecondary, Partner, PartnerBare, PartnerDeactivated,
    PartnerElsewhere, PartnerNamesStranger, Psp, PspBare, Rival, Sister, Stranger, UnitClosed,
};

pub(super) const ALL: [Caller; 28] = [
    Own,
    OwnNamed,
    OwnSecondary,
    NamesSister,
    NamesStranger,
    NamesElsewhere,
    NamesNobody,
    Sister,
    Stranger,
    Partner,
    PartnerBare,
    PartnerNamesStranger,
    PartnerDeactivated,
    Rival,
    Psp,
    PspBare,
    Management,
    ManagementWithKey,
    Accounting,
    Elsewhere,
    ElsewhereToken,
    PartnerElsewhere,
    UnitClosed,
    MerchantClosed,
    MerchantBlocked,
    MerchantUnsigned,
    LoginOnly,
    Nobody,
];

/// A caller with all it takes to call.
pub(super) struct Called {
    pub(super) caller: Caller,
    /// The MSN in the header.
    pub(super) header: Option<String>,
    /// Whose MSN stands in bodies.
    pub(super) acts_for: Shop,
    /// What a token request sends.
    client: Option<(String, String)>,
    subscription_key: Option<String>,
    authorization: Option<String>,
}

impl Caller {
    /// Does to U1 what must be done, and fetches the token.
    pub(super) async fn ready(self, faq: &Faq) -> Called {
        let here = faq.u1.environment;
        let (u1, own) = (&faq.u1, faq.u1.msn.to_string());
        let header = match self {
            NamesSister => Some(faq.u2.msn.to_string()),
            NamesStranger | PartnerNamesStranger => Some(faq.v1.msn.to_string()),
            NamesElsewhere => Some(faq.elsewhere.msn.to_string()),
            NamesNobody => Some(NOBODYS_MSN.to_owned()),
            OwnNamed | Partner | PartnerDeactivated | Rival | Psp | PartnerElsewhere => Some(own),
            _ => None,
        };
        let of = |partner: &PartnerShop| (partner.environment, partner.keys());
        let rival = faq.world.partner(here, |_| {}).await;
        let far = faq.world.partner(here.other(), |_| {}).await;
        let (at, keys): (_, Keys) = match self {
            Sister => (here, faq.u2.keys()),
            Stranger => (here, faq.v1.keys()),
            Partner | PartnerBare | PartnerNamesStranger | PartnerDeactivated => of(&faq.partner),
            Rival => of(&rival),
            Psp | PspBare => (here, faq.world.psp(here).await.keys()),
            Elsewhere | ElsewhereToken => (here.other(), faq.elsewhere.keys()),
            PartnerElsewhere => of(&far),
            _ => (here, u1.keys()),
        };
        let mut called = Called {
            caller: self,
            header,
            acts_for: match self {
                Sister => faq.u2.clone(),
                Stranger => faq.v1.clone(),
                _ => u1.clone(),
            },
            client: Some((keys.client_id.clone(), keys.client_secret.clone())),
            subscription_key: Some(match self {
                OwnSecondary => keys.secondary.clone(),
                ElsewhereToken => u1.keys().primary,
                _ => keys.primary.clone(),
            }),
            authorization: None,
        };
        let office = match self {
            Management | ManagementWithKey => Some(OfficeKind::Management),
            Accounting => Some(OfficeKind::Accounting),
            _ => None,
        };
        let ask = if let Some(kind) = office {
            let keys = faq.world.office_keys(here, kind).await;
            if self != ManagementWithKey {
                called.subscription_key = None;
            }
            let ask = faq.world.ask(here, "POST", "/miami/v1/token");
            let ask = ask
                .header("client_id", &keys.client_id)
                .header("client_secret", &keys.client_secret)
                .body("grant_type=client_credentials");
            called.client = Some((keys.client_id, keys.client_secret));
            ask
        } else {
            faq.world.ask_token(at, &keys)
        };
        let token = ask.send().await.ok();
        let token = token["access_token"].as_str().expect("a token");
        called.authorization = Some(format!("Bearer {token}"));
        if self == Nobody {
            called.client = None;
            called.subscription_key = None;
            called.authorization = None;
        }
        called.happen(faq).await;
        called
    }

    /// U1's own keys, about U1.
    pub(super) fn is_u1(self) -> bool {
        let merely_closed = [
            UnitClosed,
            MerchantClosed,
            MerchantBlocked,
            MerchantUnsigned,
        ];
        matches!(self, Own | OwnNamed | OwnSecondary | LoginOnly) || merely_closed.contains(&self)
    }
}

impl Called {
    async fn happen(&self, faq: &Faq) {
        let standing = match self.caller {
            UnitClosed => return faq.u1.change(|it| it.state = closed()).await,
            LoginOnly => {
                let only = |it: &mut sandkasse_domain::sales_unit::SalesUnit| {
                    it.products = [Product::Login].into();
                };
                return faq.u1.change(only).await;
            }
            PartnerDeactivated => return faq.partner.deactivate().await,
            MerchantClosed => Standing::Deactivated,
            MerchantBlocked => Standing::Blocked,
            MerchantUnsigned => Standing::Unsigned,
            _ => {
                assert_eq!(faq.u1.unit().facts.rate_limits, RateLimits::Off);
                return;
            }
        };
        let orgno = faq.u1.unit().facts.merchant.clone();
        faq.world.set_standing(&orgno, standing).await;
    }

    /// The `client_id` of a token request; empty when there is none.
    pub(super) fn client_id(&self) -> String {
        self.client.clone().unwrap_or_default().0
    }

    /// The call as this caller makes it.
    pub(super) fn ask(&self, faq: &Faq, method: &str, path: &str) -> Ask {
        let mut ask = faq.world.ask(faq.u1.environment, method, path);
        let (id, secret) = self.client.clone().unzip();
        for (name, value) in [
            (KEY, &self.subscription_key),
            (AUTHORIZATION, &self.authorization),
            (MSN, &self.header),
            ("client_id", &id),
            ("client_secret", &secret),
        ] {
            if let Some(value) = value {
                ask = ask.header(name, value);
            }
        }
        ask
    }
}
