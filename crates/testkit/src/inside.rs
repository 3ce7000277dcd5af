//! What only the platform itself sees of a sales unit, and what its customers do with their data.
#![expect(clippy::indexing_slicing, reason = "what is not there fails the test")]

use jiff::SignedDuration;
use sandkasse_domain::{
    PhoneNumber,
    consent::Consent,
    payment::{Cause, Payment},
    person::Person,
};
use sandkasse_engine::{ActRefused, Refused};
use sandkasse_store::CallRecord;

use crate::{Ask, Got, Shop, World};

impl Shop {
    /// Where it is.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// A payment as it stands.
    pub async fn payment(&self, order: &str) -> Payment {
        let engine = &self.world.platform.engine;
        let view = engine.view(&self.unit(), order).await;
        view.expect("the order is there").payment
    }

    /// The calls to the merchant about one thing and what became of them, newest first.
    pub async fn calls(&self, about: &str) -> Vec<CallRecord> {
        let store = self.world.platform.engine.store();
        let calls = store
            .calls(&self.unit().partition(), Some(about), 100)
            .await;
        calls.expect("memory does not fail")
    }

    /// A person pays and shares; answers the `sub` that details tell a moment later.
    ///
    /// # Panics
    ///
    /// When it does not go well.
    pub async fn share(&self, order: &str, scope: &str, person: &Person) -> String {
        let mut body = self.initiate_body(order, 10_000);
        body["transaction"]["scope"] = scope.into();
        self.initiate_with(&body).await.ok();
        let approved = self.approve(order, person).await;
        approved.expect("the person can pay");
        let delay = self.unit().facts.sub_delay_ms;
        self.advance(SignedDuration::from_millis(delay)).await;
        let details = self.details(order).await.ok();
        details["sub"].as_str().expect("it is there").to_owned()
    }

    /// A person's name at this sales unit.
    pub fn sub(&self, person: &Person) -> String {
        let engine = &self.world.platform.engine;
        engine.sub(self.environment, &self.msn, &person.id)
    }

    /// What a person lets this sales unit know.
    pub async fn consent(&self, person: &Person) -> Option<Consent> {
        let engine = &self.world.platform.engine;
        let consent = engine.consent(&self.unit(), &self.sub(person)).await;
        consent.expect("memory does not fail")
    }

    /// A person takes back what this sales unit may know. `false` when there was nothing.
    pub async fn revoke(&self, person: &Person) -> bool {
        let engine = &self.world.platform.engine;
        let revoked = engine.revoke(&self.unit(), &person.id).await;
        revoked.expect("memory does not fail")
    }

    /// A call of Userinfo as the official collections make it: without a subscription key.
    pub async fn ask_userinfo(&self, sub: &str) -> Ask {
        let path = format!("/vipps-userinfo-api/userinfo/{sub}");
        let ask = self.ask("GET", &path).await;
        ask.without("Ocp-Apim-Subscription-Key")
    }

    /// What Userinfo tells.
    pub async fn userinfo(&self, sub: &str) -> Got {
        self.ask_userinfo(sub).await.send().await
    }
}

impl World {
    /// Changes what the platform knows of a person.
    ///
    /// # Panics
    ///
    /// When there is no such person in the test environment.
    pub async fn change_person(
        &self,
        person: &Person,
        change: impl FnMut(&mut Person) + Send,
    ) -> Person {
        let directory = &self.platform.engine.directory;
        let test = sandkasse_domain::Environment::Test;
        let changed = directory.change_person(test, &person.id, change).await;
        let changed = changed.expect("memory does not fail");
        (*changed.expect("the person is there")).clone()
    }

    /// A person of the test environment gets another number.
    ///
    /// # Panics
    ///
    /// When there is no such person in the test environment.
    pub async fn change_number(&self, person: &Person, number: &str) -> Person {
        let engine = &self.platform.engine;
        let test = sandkasse_domain::Environment::Test;
        let number = PhoneNumber::try_new(number).expect("eight digits");
        let changed = engine.change_number(test, &person.id, number).await;
        let changed = changed.expect("memory does not fail");
        (*changed.expect("the person is there")).clone()
    }
}

/// Why the platform refused what a person did.
///
/// # Panics
///
/// When it was not the platform that refused.
#[track_caller]
pub fn cause_of(refused: ActRefused) -> Cause {
    let ActRefused::Refused(Refused::Because(cause)) = refused else {
        panic!("{refused:?}")
    };
    cause
}
