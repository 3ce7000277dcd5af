//! Who plays: scratch sales units of two merchants, a partner, a provider, office keys, persons.

use std::collections::HashMap;

use jiff::{SignedDuration, ToSpan, tz::TimeZone};
use sandkasse_catalogue::Cause;
use sandkasse_domain::{
    Environment, Msn, PhoneNumber,
    keys::Keys,
    merchant::{Merchant, OrgNo},
    partner::{Partner, PartnerId, PartnerStatus, Psp, PspId},
    person::{Acts, Address, AddressKind, AppUse, Card, CardState, Person, PersonId},
    sales_unit::{SalesUnit, UrlPolicy},
};
use sandkasse_engine::directory::{Change, OfficeKeys, OfficeKind};

use crate::{
    control::{Control, fresh_keys},
    numbers,
};

/// Whose sales units play, and the stranger. Nobody registered is called so.
const MERCHANT: &str = "399999983";
const STRANGER: &str = "399999991";
const NAME: &str = "Catalogue scratch";
/// The scratch partner and provider.
const ID: &str = "catalogue-scratch";
/// A unit whose clock is further ahead plays no more.
const TOO_FAR_MS: i64 = 50 * 365 * 24 * 3_600_000;
/// Calls of the play before are forgotten by the limits per minute.
const A_MINUTE: SignedDuration = SignedDuration::from_secs(61);

/// All of them, put in order.
pub(super) struct Cast<'a> {
    pub(super) control: &'a Control,
    pub(super) environment: Environment,
    /// Whose program calls.
    pub(super) msn: Msn,
    pub(super) merchant: OrgNo,
    /// How the order ids of this play begin.
    pub(super) orders: String,
    /// Others by prefix: where they are, and with which keys the play began.
    pub(super) keys: HashMap<&'static str, (Environment, Keys)>,
    /// Their numbers.
    pub(super) units: HashMap<&'static str, Msn>,
    pub(super) office: Option<OfficeKeys>,
    /// What placeholders stand for.
    pub(super) names: HashMap<String, String>,
}

impl<'a> Cast<'a> {
    pub(super) async fn gather(
        control: &'a Control,
        environment: Environment,
        cause: &Cause,
        orders: String,
    ) -> Result<Cast<'a>, String> {
        let here = environment;
        let (far, there) = match here {
            Environment::Test => ("PRODUCTION_", here.other()),
            Environment::Production => ("TEST_", here.other()),
        };
        let play = format!("{:?} {:?}", cause.given, cause.request).to_lowercase();
        let mut cast = Cast {
            control,
            environment,
            msn: Msn::try_new("100000").ok_or("the first number is none")?,
            merchant: OrgNo(MERCHANT.to_owned()),
            orders,
            keys: HashMap::new(),
            units: HashMap::new(),
            office: None,
            names: HashMap::new(),
        };
        let with_partner = play.contains("partner");
        let _nobody_else = control.making.lock().await;
        for (prefix, place, merchant, name) in [
            ("", here, MERCHANT, NAME.to_owned()),
            ("OWN_", here, MERCHANT, format!("{NAME}, another")),
            ("OTHER_", here, STRANGER, format!("{NAME}, a stranger's")),
            (far, there, MERCHANT, NAME.to_owned()),
        ] {
            let partner = (with_partner && prefix.is_empty()).then(|| PartnerId(ID.to_owned()));
            let msn = cast.unit(prefix, place, merchant, name, partner).await?;
            if prefix.is_empty() {
                cast.msn = msn;
            }
        }
        if with_partner {
            let partner = cast.partner(ID).await?;
            cast.name("PARTNER_OWN_NUMBER", partner.own_number.as_str());
            cast.configure("PARTNER_", here, partner.keys);
        }
        if play.contains("$psp_") {
            let psp = Psp {
                id: PspId(ID.to_owned()),
                name: NAME.to_owned(),
                keys: fresh_keys(&control.engine().chance),
                retired: Vec::new(),
            };
            cast.configure("PSP_", here, psp.keys.clone());
            cast.change(vec![Change::Psp(here, psp)]).await?;
        }
        if play.contains("$management_") {
            cast.office().await?;
        }
        let unit = control.unit(here, &cast.msn).map_err(|it| it.detail)?;
        let advanced = control.engine().advance(&unit, A_MINUTE).await;
        advanced.map_err(|error| error.to_string())?;
        let week = jiff::SignedDuration::from_hours(7 * 24);
        let next_week = control.engine().now(&unit) + week;
        cast.name("NEXT_WEEK", &next_week.to_string());
        Ok(cast)
    }

    /// After a play, nothing calls into this machine's networks unless the installation allows it.
    pub(super) async fn leave(&self) -> Result<(), String> {
        if self.control.local_urls {
            return Ok(());
        }
        let directory = &self.control.engine().directory;
        for msn in [
            Some(&self.msn),
            self.units.get("OWN_"),
            self.units.get("OTHER_"),
        ] {
            let Some(msn) = msn else { continue };
            let changed = directory.change_unit(self.environment, msn, |unit| {
                unit.url_policy = UrlPolicy::Strict;
            });
            changed.await.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    pub(super) fn name(&mut self, name: &str, value: &str) {
        self.names.insert(name.to_owned(), value.to_owned());
    }

    fn configure(&mut self, prefix: &'static str, place: Environment, keys: Keys) {
        for (name, value) in [
            ("CLIENT_ID", &keys.client_id),
            ("CLIENT_SECRET", &keys.client_secret),
            ("SUBSCRIPTION_KEY", &keys.primary),
            ("SECONDARY_SUBSCRIPTION_KEY", &keys.secondary),
        ] {
            self.name(&format!("{prefix}{name}"), value);
        }
        self.keys.insert(prefix, (place, keys));
    }

    pub(super) async fn change(&self, changes: Vec<Change>) -> Result<(), String> {
        let changed = self.control.engine().directory.change(changes).await;
        changed.map_err(|error| error.to_string())
    }

    /// A scratch unit as of new, with new keys.
    async fn unit(
        &mut self,
        prefix: &'static str,
        place: Environment,
        merchant: &str,
        name: String,
        partner: Option<PartnerId>,
    ) -> Result<Msn, String> {
        let engine = self.control.engine();
        let merchant = Merchant::new(OrgNo(merchant.to_owned()), &format!("{NAME} merchant"));
        let here = engine.directory.of(place);
        let known = here.units().into_iter().find(|unit| {
            unit.facts.merchant == merchant.orgno
                && unit.facts.name == name
                && unit.ahead_ms() < TOO_FAR_MS
        });
        let msn = known.map(|unit| unit.facts.msn.clone());
        let msn = msn.unwrap_or_else(|| self.control.free_msn(place));
        let keys = fresh_keys(&engine.chance);
        let mut facts = SalesUnit::new(place, msn.clone(), merchant.orgno.clone(), keys.clone());
        facts.name = name;
        facts.partner = partner;
        facts.url_policy = UrlPolicy::Local;
        facts.clock_ahead_ms = known.map_or(0, |unit| unit.ahead_ms());
        let unit = Change::Unit(Box::new(facts));
        self.change(vec![Change::Merchant(place, merchant), unit])
            .await?;
        self.name(&format!("{prefix}MSN"), msn.as_str());
        self.configure(prefix, place, keys);
        self.units.insert(prefix, msn.clone());
        Ok(msn)
    }

    /// A scratch partner as of new.
    pub(super) async fn partner(&self, id: &str) -> Result<Partner, String> {
        let engine = self.control.engine();
        let id = PartnerId(id.to_owned());
        let here = engine.directory.of(self.environment);
        let own_number = here.partner(&id).map(|it| it.own_number.clone());
        let partner = Partner {
            id,
            name: NAME.to_owned(),
            own_number: own_number.unwrap_or_else(|| self.control.free_msn(self.environment)),
            status: PartnerStatus::Active,
            keys: fresh_keys(&engine.chance),
            retired: Vec::new(),
        };
        self.change(vec![Change::Partner(self.environment, partner.clone())])
            .await?;
        Ok(partner)
    }

    /// The scratch partner's id.
    pub(super) fn partner_id(&self) -> PartnerId {
        PartnerId(ID.to_owned())
    }

    async fn office(&mut self) -> Result<(), String> {
        let keys = self.office_keys(OfficeKind::Management).await?;
        self.name("MANAGEMENT_CLIENT_ID", &keys.client_id);
        self.name("MANAGEMENT_CLIENT_SECRET", &keys.client_secret);
        self.office = Some(keys);
        Ok(())
    }

    /// The scratch merchant's keys of this kind.
    pub(super) async fn office_keys(&self, kind: OfficeKind) -> Result<OfficeKeys, String> {
        let chance = &self.control.engine().chance;
        let here = self.control.engine().directory.of(self.environment);
        let known = here
            .office_keys()
            .into_iter()
            .find(|it| it.owner == self.merchant && it.kind == kind);
        let keys = OfficeKeys {
            kind,
            owner: self.merchant.clone(),
            client_id: known.map_or_else(|| chance.uuid().to_string(), |it| it.client_id.clone()),
            client_secret: chance.client_secret(),
        };
        self.change(vec![Change::Office(self.environment, keys.clone())])
            .await?;
        Ok(keys)
    }

    /// The scratch person of a placeholder, as of new.
    pub(super) async fn person(&mut self, name: &str) -> Result<Person, String> {
        let engine = self.control.engine();
        let id = PersonId(format!("catalogue-{}", name.to_lowercase()));
        let here = engine.directory.of(self.environment);
        let phone = here.person(&id).map(|it| it.phone.clone());
        let phone = phone.unwrap_or_else(|| self.free_phone());
        let unit = self.control.unit(self.environment, &self.msn);
        let unit = unit.map_err(|it| it.detail)?;
        let now = engine.now(&unit);
        let today = now.to_zoned(TimeZone::UTC).date();
        let years = if name == "CHILD_PHONE" { 10 } else { 30 };
        let birthdate = today.saturating_sub(years.years());
        let mut person = Person {
            id,
            phone,
            given_name: "Catalogue".to_owned(),
            family_name: "Scratch".to_owned(),
            email: "catalogue@example.com".to_owned(),
            email_verified: true,
            nin: numbers::nin(birthdate, &engine.chance),
            birthdate,
            addresses: vec![Address {
                kind: AddressKind::Home,
                line1: "Storgata 1".to_owned(),
                line2: None,
                post_code: "0155".to_owned(),
                city: "OSLO".to_owned(),
            }],
            cards: vec![Card {
                brand: "Visa".to_owned(),
                bin: 492_556,
                state: CardState::Valid,
            }],
            app: AppUse {
                logged_in: name != "NEW_PHONE",
                approved_once: name != "NEW_PHONE",
                outdated: name == "OUTDATED_PHONE",
                wrong_pins: 0,
            },
            blocked: name == "BLOCKED_PHONE",
            limit_reached: name == "LIMIT_PHONE",
            acts: Acts::ByHand,
        };
        if name == "CARDLESS_PHONE" {
            person.cards.clear();
        }
        let change = Change::Person(self.environment, Box::new(person.clone()));
        self.change(vec![change]).await?;
        Ok(person)
    }

    /// A number that nobody has.
    pub(super) fn free_phone(&self) -> PhoneNumber {
        let engine = self.control.engine();
        let here = engine.directory.of(self.environment);
        loop {
            let phone = numbers::phone(&engine.chance);
            if here.person_by_phone(&phone).is_none() {
                return phone;
            }
        }
    }
}
