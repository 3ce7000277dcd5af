//! Who may call in the matrix: whose keys, which header, and what was done to whom before.

use sandkasse_domain::{
    Environment,
    keys::Keys,
    merchant::Standing,
    sales_unit::{Product, SalesUnit},
};
use sandkasse_engine::directory::OfficeKind;
use sandkasse_testkit::{Ask, Shop, closed};

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
    /// U1's own keys, and another MSN in bodies.
    BodyNamesStranger,
    /// The keys of another unit, of the same or another merchant, about U1's order.
    Sister,
    Stranger,
    /// A partner with a link to U1: as it should be, without the header, and deactivated.
    Partner,
    PartnerBare,
    PartnerNamesStranger,
    /// With U1 in the header, and another MSN in bodies.
    PartnerBodyDiffers,
    PartnerDeactivated,
    /// A partner without a link to U1.
    Rival,
    /// A payment service provider, with and without the header, and the one that made U1.
    Psp,
    PspBare,
    PspOfUnit,
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

use Caller::{
    Accounting, BodyNamesStranger, Elsewhere, ElsewhereToken, LoginOnly, Management,
    ManagementWithKey, MerchantBlocked, MerchantClosed, MerchantUnsigned, NamesElsewhere,
    NamesNobody, NamesSister, NamesStranger, Nobody, Own, OwnNamed, OwnSecondary, Partner,
    PartnerBare, PartnerBodyDiffers, PartnerDeactivated, PartnerElsewhere, PartnerNamesStranger,
    Psp, PspBare, PspOfUnit, Rival, Sister, Stranger, UnitClosed,
};

pub(super) const ALL: [Caller; 31] = [
    Own,
    OwnNamed,
    OwnSecondary,
    NamesSister,
    NamesStranger,
    NamesElsewhere,
    NamesNobody,
    BodyNamesStranger,
    Sister,
    Stranger,
    Partner,
    PartnerBare,
    PartnerNamesStranger,
    PartnerBodyDiffers,
    PartnerDeactivated,
    Rival,
    Psp,
    PspBare,
    PspOfUnit,
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
        let named = |callers: &[Caller], msn: &str| {
            let names = callers.contains(&self);
            names.then(|| msn.to_owned())
        };
        let with_own = [
            OwnNamed,
            Partner,
            PartnerDeactivated,
            PartnerBodyDiffers,
            Rival,
            Psp,
            PspOfUnit,
            PartnerElsewhere,
        ];
        let header = named(&[NamesSister], faq.u2.msn.as_str())
            .or_else(|| named(&[NamesStranger, PartnerNamesStranger], faq.v1.msn.as_str()))
            .or_else(|| named(&[NamesElsewhere], faq.elsewhere.msn.as_str()))
            .or_else(|| named(&[NamesNobody], NOBODYS_MSN))
            .or_else(|| named(&with_own, faq.u1.msn.as_str()));
        let (at, keys) = self.keys(faq).await;
        let subscription_key = if self == OwnSecondary {
            keys.secondary.clone()
        } else if self == ElsewhereToken {
            faq.u1.keys().primary
        } else {
            keys.primary.clone()
        };
        let acts_for = [
            (Sister, &faq.u2),
            (Stranger, &faq.v1),
            (BodyNamesStranger, &faq.v1),
            (PartnerBodyDiffers, &faq.v1),
        ];
        let acts_for = acts_for.into_iter().find(|(caller, _)| *caller == self);
        let mut called = Called {
            caller: self,
            header,
            acts_for: acts_for.map_or(&faq.u1, |(_, shop)| shop).clone(),
            client: Some((keys.client_id.clone(), keys.client_secret.clone())),
            subscription_key: Some(subscription_key),
            authorization: None,
        };
        let office = if self == Accounting {
            Some(OfficeKind::Accounting)
        } else {
            let manages = [Management, ManagementWithKey].contains(&self);
            manages.then_some(OfficeKind::Management)
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

    /// The four values, and where they are at home.
    async fn keys(self, faq: &Faq) -> (Environment, Keys) {
        let (here, world) = (faq.u1.environment, &faq.world);
        let partner = [
            Partner,
            PartnerBare,
            PartnerNamesStranger,
            PartnerBodyDiffers,
            PartnerDeactivated,
        ];
        if partner.contains(&self) {
            (here, faq.partner.keys())
        } else if self == Rival {
            (here, world.partner(here, |_| {}).await.keys())
        } else if self == PartnerElsewhere {
            let there = here.other();
            (there, world.partner(there, |_| {}).await.keys())
        } else if [Psp, PspBare].contains(&self) {
            (here, world.psp(here).await.keys())
        } else if self == PspOfUnit {
            let psp = world.psp(here).await;
            let made_by = Some(psp.id.clone());
            faq.u1.change(|it| it.psp = made_by.clone()).await;
            (here, psp.keys())
        } else if [Elsewhere, ElsewhereToken].contains(&self) {
            (here.other(), faq.elsewhere.keys())
        } else {
            let shops = [(Sister, &faq.u2), (Stranger, &faq.v1)];
            let shop = shops.into_iter().find(|(caller, _)| *caller == self);
            (here, shop.map_or(&faq.u1, |(_, shop)| shop).keys())
        }
    }

    /// U1's own keys, about U1.
    pub(super) fn is_u1(self) -> bool {
        let merely_closed = [
            UnitClosed,
            MerchantClosed,
            MerchantBlocked,
            MerchantUnsigned,
        ];
        let own = [Own, OwnNamed, OwnSecondary, BodyNamesStranger, LoginOnly];
        own.contains(&self) || merely_closed.contains(&self)
    }
}

impl Called {
    async fn happen(&self, faq: &Faq) {
        if self.caller == UnitClosed {
            faq.u1.change(|it| it.state = closed()).await;
        }
        if self.caller == LoginOnly {
            let only_login = |it: &mut SalesUnit| it.products = [Product::Login].into();
            faq.u1.change(only_login).await;
        }
        if self.caller == PartnerDeactivated {
            faq.partner.deactivate().await;
        }
        for (caller, standing) in [
            (MerchantClosed, Standing::Deactivated),
            (MerchantBlocked, Standing::Blocked),
            (MerchantUnsigned, Standing::Unsigned),
        ] {
            if self.caller == caller {
                let orgno = faq.u1.unit().facts.merchant.clone();
                faq.world.set_standing(&orgno, standing).await;
            }
        }
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
