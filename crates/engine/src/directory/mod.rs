//! Who is who: merchants, sales units, keys, persons.
//!
//! All of it is held in memory behind one atomic pointer, so that authentication costs no query.
//! A change is durable before it is seen. The two environments share nothing.

mod client;
mod snapshot;
mod stored;

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwap;
use sandkasse_domain::{
    Environment, Msn,
    incident::{Incident, IncidentId},
    keys::{KeyName, Keys, RetiredKey, retire},
    merchant::{Merchant, OrgNo, Registered},
    partner::{Partner, PartnerId, Psp, PspId},
    person::{Person, PersonId},
    sales_unit::SalesUnit,
    user::{ApiToken, User},
    webhook::{Registration, RegistrationId},
};
use sandkasse_store::{CommitError, DirectoryEntry, Generation, Store, StoreError};
use sandkasse_vault::Vault;
use tokio::sync::Mutex;

use crate::{faults::SharedFault, unit::Unit};

pub use client::{Client, OfficeKeys, OfficeKind};
pub use snapshot::Snapshot;
pub(crate) use stored::INSTALLATION;
pub use stored::{IMPORT, sealed_entries};
use stored::{Members, REGISTER_LIES_IN};
pub(crate) use stored::{entry, parse};

/// The status page of an environment tells of no more.
pub const MOST_INCIDENTS: usize = 200;

/// A change of the directory.
pub enum Change {
    /// A new merchant, or a changed one.
    Merchant(Environment, Merchant),
    /// A new sales unit, or a changed one.
    Unit(Box<SalesUnit>),
    /// A new person, or a changed one.
    Person(Environment, Box<Person>),
    /// A person who is there no more.
    PersonGone(Environment, PersonId),
    /// A new partner, or a changed one.
    Partner(Environment, Partner),
    /// A new payment service provider, or a changed one.
    Psp(Environment, Psp),
    /// Management or accounting keys.
    Office(Environment, OfficeKeys),
    /// What the built-in Business register says of an organisation. It is the same for both
    /// environments, and kept with production.
    Register(Registered),
    /// Somebody new who may sign in, or changed. Users and tokens are of the whole installation, and
    /// kept with production.
    User(User),
    /// A user who is there no more.
    UserGone(String),
    /// A program's token.
    ApiToken(ApiToken),
    /// A token that is good for nothing any more.
    ApiTokenGone(String),
    /// Something that the status page tells, new or told on.
    Incident(Environment, Incident),
    /// Something that it tells no more.
    IncidentGone(Environment, IncidentId),
    /// A new registration of a webhook, or a changed one.
    Webhook(Environment, Box<Registration>),
    /// A registration that is there no more.
    WebhookGone(Environment, RegistrationId),
    /// A secret of the platform itself, by name.
    Secret(Environment, String, String),
    /// What all processes sign tokens with, in PEM.
    SigningKey(Environment, String),
    /// A fault rule that all processes follow.
    Fault(u64, Box<SharedFault>),
    /// A fault rule that they follow no more.
    FaultGone(Environment, u64),
}

/// The directory of both environments.
pub struct Directory {
    store: Arc<dyn Store>,
    vault: Arc<Vault>,
    test: ArcSwap<Snapshot>,
    production: ArcSwap<Snapshot>,
    /// Who changes something has it, one at a time: the generation that the snapshots show.
    shown: Mutex<Generation>,
    /// The same, for whoever only asks.
    generation: AtomicU64,
    strange: parking_lot::Mutex<Strange>,
}

/// What of the directory only a newer program knows, which works on the same store.
#[derive(Default)]
struct Strange {
    kinds: BTreeSet<String>,
    /// Parts of entries, by environment, kind and key; handed on when this program writes the entry.
    members: HashMap<(Environment, String, String), Members>,
}

impl Strange {
    fn place(entry: &DirectoryEntry) -> (Environment, String, String) {
        (entry.environment, entry.kind.clone(), entry.key.clone())
    }

    fn note(&mut self, entry: &DirectoryEntry, members: Option<Members>) {
        match members {
            Some(members) => self.members.insert(Self::place(entry), members),
            None if self.members.is_empty() => None,
            None => self.members.remove(&Self::place(entry)),
        };
    }

    fn of(&self, entry: &DirectoryEntry) -> Option<Members> {
        let members = (!self.members.is_empty()).then(|| self.members.get(&Self::place(entry)));
        members.flatten().cloned()
    }
}

/// How often a change is made again because another node changed the same entry.
const ATTEMPTS: usize = 8;

impl Directory {
    /// Loads both environments.
    pub async fn open(store: Arc<dyn Store>, vault: Arc<Vault>) -> Result<Directory, StoreError> {
        let empty = || ArcSwap::from_pointee(Snapshot::empty(vault.clone()));
        let directory = Directory {
            store,
            test: empty(),
            production: empty(),
            shown: Mutex::new(0),
            generation: AtomicU64::new(0),
            strange: parking_lot::Mutex::default(),
            vault,
        };
        directory.reload().await?;
        Ok(directory)
    }

    /// Everybody in one environment, as of now.
    pub fn of(&self, environment: Environment) -> Arc<Snapshot> {
        self.slot(environment).load_full()
    }

    /// What the built-in Business register says of an organisation. A merchant that nobody wrote
    /// anything about is registered under its own name and form.
    pub fn registered(&self, orgno: &OrgNo) -> Option<Registered> {
        let merchant = |environment| {
            let directory = self.of(environment);
            directory.merchant(orgno).map(|it| it.registered())
        };
        self.register_row(orgno)
            .or_else(|| merchant(Environment::Production))
            .or_else(|| merchant(Environment::Test))
    }

    /// What was written into the built-in Business register about an organisation.
    pub fn register_row(&self, orgno: &OrgNo) -> Option<Registered> {
        self.of(REGISTER_LIES_IN).register_row(orgno).cloned()
    }

    /// Who may sign in, by name.
    pub fn users(&self) -> Vec<Arc<User>> {
        self.of(REGISTER_LIES_IN).users()
    }

    /// A user by id.
    pub fn user(&self, id: &str) -> Option<Arc<User>> {
        self.of(REGISTER_LIES_IN).user(id).cloned()
    }

    /// Tokens of programs, by name.
    pub fn api_tokens(&self) -> Vec<Arc<ApiToken>> {
        self.of(REGISTER_LIES_IN).api_tokens()
    }

    /// A token by id.
    pub fn api_token(&self, id: &str) -> Option<Arc<ApiToken>> {
        self.of(REGISTER_LIES_IN).api_token(id).cloned()
    }

    /// Whose token this is. Looked up by a keyed digest, so that how long it takes tells nothing
    /// about the tokens there are.
    pub fn api_token_of(&self, secret: &str) -> Option<Arc<ApiToken>> {
        let digest = self.vault.digest(secret).to_hex();
        let tokens = self.api_tokens();
        tokens.into_iter().find(|token| token.digest == digest)
    }

    fn slot(&self, environment: Environment) -> &ArcSwap<Snapshot> {
        match environment {
            Environment::Test => &self.test,
            Environment::Production => &self.production,
        }
    }

    /// Makes changes durable, then seen: all of them, or none. Fails when another node made or
    /// changed one of these entries just now and this one has not seen it yet.
    pub async fn change(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        let mut shown = self.shown.lock().await;
        match self.make(&mut shown, changes).await {
            Ok(()) => Ok(()),
            Err(CommitError::Store(error)) => Err(error),
            Err(CommitError::Conflict) => {
                self.read_on(&mut shown).await?;
                Err(met_another())
            }
        }
    }

    /// Makes the changes that `decide` wants of what is there now, again where another node was
    /// faster. `None` changes nothing.
    pub(crate) async fn decide(
        &self,
        mut decide: impl FnMut() -> Option<Vec<Change>> + Send,
    ) -> Result<bool, StoreError> {
        let mut shown = self.shown.lock().await;
        for _ in 0..ATTEMPTS {
            let Some(changes) = decide() else {
                return Ok(false);
            };
            match self.make(&mut shown, changes).await {
                Ok(()) => return Ok(true),
                Err(CommitError::Store(error)) => return Err(error),
                Err(CommitError::Conflict) => self.read_on(&mut shown).await?,
            }
        }
        Err(met_another())
    }

    /// Changes a sales unit as it stands at that moment. `None` when there is no such unit.
    pub async fn change_unit(
        &self,
        environment: Environment,
        msn: &Msn,
        mut change: impl FnMut(&mut SalesUnit) + Send,
    ) -> Result<Option<Arc<Unit>>, StoreError> {
        let changed = self.decide(|| {
            let mut facts = self.of(environment).unit(msn)?.facts.clone();
            change(&mut facts);
            Some(vec![Change::Unit(Box::new(facts))])
        });
        let changed = changed.await?;
        Ok(self.of(environment).unit(msn).filter(|_| changed).cloned())
    }

    /// Changes a merchant as it stands at that moment. `None` when there is no such merchant.
    pub async fn change_merchant(
        &self,
        environment: Environment,
        orgno: &OrgNo,
        mut change: impl FnMut(&mut Merchant) + Send,
    ) -> Result<Option<Arc<Merchant>>, StoreError> {
        let changed = self.decide(|| {
            let mut merchant = Merchant::clone(self.of(environment).merchant(orgno)?);
            change(&mut merchant);
            Some(vec![Change::Merchant(environment, merchant)])
        });
        let changed = changed.await?;
        let here = self.of(environment);
        Ok(here.merchant(orgno).filter(|_| changed).cloned())
    }

    /// Changes a partner as it stands at that moment. `None` when there is no such partner.
    pub async fn change_partner(
        &self,
        environment: Environment,
        id: &PartnerId,
        mut change: impl FnMut(&mut Partner) + Send,
    ) -> Result<Option<Arc<Partner>>, StoreError> {
        let changed = self.decide(|| {
            let mut partner = Partner::clone(self.of(environment).partner(id)?);
            change(&mut partner);
            Some(vec![Change::Partner(environment, partner)])
        });
        let changed = changed.await?;
        let here = self.of(environment);
        Ok(here.partner(id).filter(|_| changed).cloned())
    }

    /// Changes a payment service provider as it stands at that moment. `None` when there is none.
    pub async fn change_psp(
        &self,
        environment: Environment,
        id: &PspId,
        mut change: impl FnMut(&mut Psp) + Send,
    ) -> Result<Option<Arc<Psp>>, StoreError> {
        let changed = self.decide(|| {
            let mut psp = Psp::clone(self.of(environment).psp(id)?);
            change(&mut psp);
            Some(vec![Change::Psp(environment, psp)])
        });
        let changed = changed.await?;
        Ok(self.of(environment).psp(id).filter(|_| changed).cloned())
    }

    /// Changes a person as they stand at that moment. `None` when there is no such person. With a
    /// new id it is another person from then on, and the old one is gone.
    pub async fn change_person(
        &self,
        environment: Environment,
        id: &PersonId,
        mut change: impl FnMut(&mut Person) + Send,
    ) -> Result<Option<Arc<Person>>, StoreError> {
        let mut new_id = id.clone();
        let changed = self.decide(|| {
            let mut person = Person::clone(self.of(environment).person(id)?);
            change(&mut person);
            new_id = person.id.clone();
            let mut changes = vec![Change::Person(environment, Box::new(person))];
            if new_id != *id {
                changes.insert(0, Change::PersonGone(environment, id.clone()));
            }
            Some(changes)
        });
        let changed = changed.await?;
        let here = self.of(environment);
        Ok(here.person(&new_id).filter(|_| changed).cloned())
    }

    /// Tells of a new incident. Beyond [`MOST_INCIDENTS`] the oldest that is over is forgotten;
    /// `false` when all of them are open.
    pub async fn open_incident(
        &self,
        environment: Environment,
        incident: Incident,
    ) -> Result<bool, StoreError> {
        let opened = self.decide(|| {
            let here = self.of(environment);
            let mut changes = vec![Change::Incident(environment, incident.clone())];
            if here.incidents().count() >= MOST_INCIDENTS {
                let over = here.incidents().filter(|it| !it.is_open());
                let oldest = over.min_by_key(|it| it.opened.at)?;
                changes.push(Change::IncidentGone(environment, oldest.id.clone()));
            }
            Some(changes)
        });
        opened.await
    }

    /// Changes an incident as it stands at that moment. `None` when there is none.
    pub async fn change_incident(
        &self,
        environment: Environment,
        id: &IncidentId,
        mut change: impl FnMut(&mut Incident) + Send,
    ) -> Result<Option<Arc<Incident>>, StoreError> {
        let changed = self.decide(|| {
            let mut incident = Incident::clone(self.of(environment).incident(id)?);
            change(&mut incident);
            Some(vec![Change::Incident(environment, incident)])
        });
        let changed = changed.await?;
        let here = self.of(environment);
        Ok(here.incident(id).filter(|_| changed).cloned())
    }

    /// Keeps a signing key unless there is one; answers the one that is kept.
    pub async fn keep_signing_key(
        &self,
        environment: Environment,
        made: String,
    ) -> Result<String, StoreError> {
        let kept = self.decide(|| {
            let known = self.of(environment).signing_key();
            let missing = || vec![Change::SigningKey(environment, made.clone())];
            known.is_none().then(missing)
        });
        kept.await?;
        Ok(self.of(environment).signing_key().unwrap_or(made))
    }

    async fn make(&self, shown: &mut Generation, changes: Vec<Change>) -> Result<(), CommitError> {
        let strange = |entry: &DirectoryEntry| self.strange.lock().of(entry);
        let entries = changes
            .iter()
            .map(|change| stored::entry_with(change, strange, &self.vault))
            .collect::<Result<Vec<_>, _>>()?;
        let made = self.store.put_directory(entries, *shown).await?;
        if made == *shown + 1 {
            self.show(&changes)?;
            self.is_shown(shown, made);
        } else {
            // Other nodes changed something in between; it is told together with this.
            self.read_on(shown).await?;
        }
        Ok(())
    }

    fn is_shown(&self, shown: &mut Generation, generation: Generation) {
        *shown = generation;
        self.generation.store(generation, Ordering::Release);
    }

    /// The generation that is shown; while something is changed, the one before.
    pub(crate) fn generation(&self) -> Generation {
        self.generation.load(Ordering::Acquire)
    }

    /// Reads what other nodes changed. Answers the generation that is shown then.
    pub(crate) async fn catch_up(&self) -> Result<Generation, StoreError> {
        let mut shown = self.shown.lock().await;
        self.read_on(&mut shown).await?;
        Ok(*shown)
    }

    async fn read_on(&self, shown: &mut Generation) -> Result<(), StoreError> {
        let (entries, generation) = self.store.directory(*shown).await?;
        let changes = self.parse(&entries)?;
        self.show(&changes)?;
        for change in &changes {
            if let Change::Unit(facts) = change
                && let Some(unit) = self.of(facts.environment).unit(&facts.msn)
            {
                unit.running.set_ahead(facts.clock_ahead_ms);
            }
        }
        self.is_shown(shown, generation);
        Ok(())
    }

    fn parse(&self, entries: &[DirectoryEntry]) -> Result<Vec<Change>, StoreError> {
        let mut changes = Vec::with_capacity(entries.len());
        for entry in entries {
            if !stored::is_known(entry) {
                self.leave(entry);
                continue;
            }
            let (change, members) = stored::parse_all(entry, &self.vault)?;
            self.strange.lock().note(entry, members);
            changes.push(change);
        }
        // A sales unit looks for its merchant, so merchants come first.
        changes.sort_by_key(|change| !matches!(change, Change::Merchant(..)));
        Ok(changes)
    }

    /// A newer program's, which will read it.
    fn leave(&self, entry: &DirectoryEntry) {
        let kind = &entry.kind;
        if self.strange.lock().kinds.insert(kind.clone()) {
            tracing::warn!(
                kind,
                "a newer sandkasse works on this database: what it keeps of this kind is left alone"
            );
        }
    }

    fn show(&self, changes: &[Change]) -> Result<(), StoreError> {
        for environment in Environment::ALL {
            let of_here = |change: &&Change| change.environment() == environment;
            if changes.iter().any(|change| of_here(&change)) {
                let mut snapshot = Snapshot::clone(&self.of(environment));
                changes
                    .iter()
                    .filter(of_here)
                    .try_for_each(|change| snapshot.apply(change))?;
                self.slot(environment).store(Arc::new(snapshot));
            }
        }
        Ok(())
    }

    /// Reads everything again from the store.
    pub async fn reload(&self) -> Result<(), StoreError> {
        let mut shown = self.shown.lock().await;
        let (entries, generation) = self.store.directory(0).await?;
        self.strange.lock().members.clear();
        let changes = self.parse(&entries)?;
        for environment in Environment::ALL {
            let mut snapshot = Snapshot::empty(self.vault.clone());
            let of_here = |change: &&Change| change.environment() == environment;
            changes
                .iter()
                .filter(of_here)
                .try_for_each(|change| snapshot.apply(change))?;
            self.slot(environment).store(Arc::new(snapshot));
        }
        self.is_shown(&mut shown, generation);
        Ok(())
    }
}

fn met_another() -> StoreError {
    let text = "another node changed the same entry at the same moment: look again, then try again";
    StoreError(text.to_owned())
}

/// Replaces one of the keys; the old one is dead at once, and remembered by its digest.
pub fn regenerate(
    keys: &mut Keys,
    retired: &mut Vec<RetiredKey>,
    key: KeyName,
    engine: &crate::Engine,
) {
    let chance = &engine.chance;
    let fresh = match key {
        KeyName::ClientSecret => chance.client_secret(),
        KeyName::PrimarySubscriptionKey | KeyName::SecondarySubscriptionKey => {
            chance.subscription_key()
        }
    };
    let gone = RetiredKey {
        key,
        digest: engine.vault.digest(keys.value(key)).to_hex(),
        at: engine.clock.now(),
    };
    retire(retired, gone);
    keys.replace(key, fresh);
}

impl Change {
    fn environment(&self) -> Environment {
        match self {
            Change::Unit(unit) => unit.environment,
            Change::Fault(_, fault) => fault.rule.environment,
            Change::Register(_)
            | Change::User(_)
            | Change::UserGone(_)
            | Change::ApiToken(_)
            | Change::ApiTokenGone(_) => REGISTER_LIES_IN,
            Change::Merchant(environment, _)
            | Change::Person(environment, _)
            | Change::PersonGone(environment, _)
            | Change::Partner(environment, _)
            | Change::Psp(environment, _)
            | Change::Office(environment, _)
            | Change::Incident(environment, _)
            | Change::IncidentGone(environment, _)
            | Change::SigningKey(environment, _)
            | Change::FaultGone(environment, _)
            | Change::Webhook(environment, _)
            | Change::WebhookGone(environment, _)
            | Change::Secret(environment, ..) => *environment,
        }
    }
}
