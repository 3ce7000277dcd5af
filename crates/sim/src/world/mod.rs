//! The world of one seed: nodes, clients, persons, receivers, time, and the model beside them.
//!
//! Begin with [`World::run`]. A step is one operation alone ([`alone`]), several in flight
//! together ([`burst`]), or a chore ([`chores`]); [`check`] looks after each and at the end.

mod alone;
mod burst;
mod check;
mod choose;
mod chores;
mod crash;
mod door;

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use bytes::Bytes;
use futures_util::FutureExt as _;
use jiff::{SignedDuration, Timestamp};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use sandkasse_domain::PhoneNumber;
use sandkasse_engine::{ManualClock, WallClock};
use sandkasse_store::{MemoryStore, SqliteStore, Store};
use tempfile::TempDir;

use crate::{
    call::{Answered, Call},
    cast::{self, Unit},
    model::{Action, Credentials, Ms, Person, Possible, Told},
    network::Network,
    node::{Node, Start},
    plan::{Finding, Keeping, Plan},
    trace::{Counts, Trace},
};

/// What an end of a step may be.
type Step = Result<(), String>;

/// An order id at a sales unit, used or not.
struct Order {
    unit: usize,
    id: String,
    possible: Possible,
    seen: check::Seen,
}

/// An action about an order.
#[derive(Clone, Debug)]
struct Planned {
    order: usize,
    action: Action,
}

/// See the module.
pub struct World {
    plan: Plan,
    clock: Arc<ManualClock>,
    network: Arc<Network>,
    folder: Option<TempDir>,
    store: Option<Arc<dyn Store>>,
    /// The store again, if it is in memory, and each node's own way to it.
    memory: Option<Arc<MemoryStore>>,
    members: Vec<Option<Arc<MemoryStore>>>,
    nodes: Vec<Option<Node>>,
    lives: u64,
    units: Vec<Unit>,
    persons: Vec<Person>,
    phones: Arc<Vec<PhoneNumber>>,
    orders: Vec<Order>,
    places: HashMap<(usize, String), usize>,
    recent: Vec<VecDeque<usize>>,
    keyed: VecDeque<Planned>,
    replies: HashMap<(usize, &'static str, String), Bytes>,
    crashes: u64,
    /// A sales unit that is being changed: if the node dies, it may be so or so.
    doubtful: Option<usize>,
    trace: Trace,
    counts: Counts,
}

/// What came of a whole seed.
pub struct Ended {
    /// Of everything that happened.
    pub hash: u64,
    /// What was reached.
    pub counts: Counts,
    /// What must not be, if there was something.
    pub finding: Option<Finding>,
}

/// Runs a seed from its beginning to its end, or to the first thing that must not be.
pub fn run(plan: &Plan) -> Ended {
    let mut world = match World::new(plan.clone()) {
        Ok(world) => world,
        Err(what) => {
            return Ended {
                hash: 0,
                counts: Counts::default(),
                finding: Some(Finding {
                    step: 0,
                    what,
                    last: Vec::new(),
                }),
            };
        }
    };
    let finding = world.run();
    let hash = world.trace.hash();
    Ended {
        hash,
        counts: world.counts,
        finding,
    }
}

impl World {
    fn new(plan: Plan) -> Result<World, String> {
        let start: Timestamp = "2023-06-13T12:00:00Z".parse().expect("a moment");
        let mut world = World {
            clock: Arc::new(ManualClock::new(start)),
            network: Network::new(plan.seed),
            folder: None,
            store: None,
            memory: None,
            members: Vec::new(),
            nodes: Vec::new(),
            lives: 0,
            units: Vec::new(),
            persons: Vec::new(),
            phones: cast::phones(),
            orders: Vec::new(),
            places: HashMap::new(),
            recent: Vec::new(),
            keyed: VecDeque::new(),
            replies: HashMap::new(),
            crashes: 0,
            doubtful: None,
            trace: Trace::new(plan.listener),
            counts: Counts::default(),
            plan,
        };
        world.open_store()?;
        world.nodes = (0..world.plan.nodes).map(|_| None).collect();
        world.members = (0..world.plan.nodes).map(|_| None).collect();
        world.start_node(0)?;
        let node = world.node(0);
        let (changes, units, persons) = cast::cast(&node.platform.engine);
        let changed = node.run(node.platform.engine.directory.change(changes));
        changed
            .ok_or("the first node died")?
            .map_err(|error| error.0)?;
        world.recent = units.iter().map(|_| VecDeque::new()).collect();
        (world.units, world.persons) = (units, persons);
        for index in 1..world.plan.nodes {
            world.start_node(index)?;
        }
        for unit in 0..world.units.len() {
            world.fetch_token(0, unit)?;
        }
        Ok(world)
    }

    fn run(&mut self) -> Option<Finding> {
        for step in 0..self.plan.steps {
            if self
                .plan
                .only
                .as_ref()
                .is_some_and(|only| !only.contains(&step))
            {
                continue;
            }
            let seed = self.plan.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from(step);
            if let Err(what) = self.step(step, &mut StdRng::seed_from_u64(seed)) {
                return Some(self.finding(step, what));
            }
        }
        match self.finish() {
            Ok(()) => None,
            Err(what) => Some(self.finding(self.plan.steps, what)),
        }
    }

    fn finding(&self, step: u32, what: String) -> Finding {
        let last = self.trace.last();
        Finding { step, what, last }
    }

    fn step(&mut self, step: u32, rng: &mut StdRng) -> Step {
        self.clock
            .advance(SignedDuration::from_millis(rng.random_range(1..200)));
        self.trace.line(format!("#{step} at {}", self.clock.now()));
        let kind = rng.random_range(0..1000);
        match kind {
            0..110 if self.plan.store == Keeping::Memory => self.burst(rng),
            0..870 => self.alone(rng),
            _ => self.chore(rng),
        }?;
        self.settle()
    }

    /// Lets all nodes go on until nothing can.
    fn settle(&mut self) -> Step {
        loop {
            let before: u64 = self
                .nodes
                .iter()
                .flatten()
                .map(|node| node.desk.moves())
                .sum();
            self.nodes.iter().flatten().for_each(Node::settle);
            self.bury()?;
            let after: u64 = self
                .nodes
                .iter()
                .flatten()
                .map(|node| node.desk.moves())
                .sum();
            if before == after || self.nodes.len() == 1 {
                return Ok(());
            }
        }
    }

    fn node(&self, index: usize) -> &Node {
        let node = self.nodes.get(index).and_then(Option::as_ref);
        node.expect("nodes are started again before anything is asked of them")
    }

    fn any_node(&self, rng: &mut StdRng) -> usize {
        rng.random_range(0..self.nodes.len())
    }

    fn now(&self, unit: usize) -> Ms {
        self.clock.now().as_millisecond() + self.units.get(unit).map_or(0, |unit| unit.ahead_ms)
    }

    /// The place of an order id at a sales unit.
    fn place(&mut self, unit: usize, id: &str) -> usize {
        if let Some(place) = self.places.get(&(unit, id.to_owned())) {
            return *place;
        }
        let place = self.orders.len();
        self.orders.push(Order {
            unit,
            id: id.to_owned(),
            possible: Possible::default(),
            seen: check::Seen::default(),
        });
        self.places.insert((unit, id.to_owned()), place);
        place
    }

    /// Before a unit's calls reach a node: it has the key by which it knows tokens.
    fn prepare(&mut self, index: usize, unit: usize) -> Step {
        let environment = self.units[unit].environment;
        match self.nodes.get_mut(index) {
            Some(Some(node)) => node.read_key(environment),
            _ => Err("there is no such node".to_owned()),
        }
    }

    fn call(&self, planned: &Planned, with: Credentials) -> Call {
        let order = &self.orders[planned.order];
        let unit = &self.units[order.unit];
        Call {
            environment: unit.environment,
            msn: unit.msn.clone(),
            order: order.id.clone(),
            action: planned.action.clone(),
            with,
            phones: self.phones.clone(),
        }
    }

    fn credentials(&self, unit: usize) -> Credentials {
        let unit = &self.units[unit];
        Credentials {
            key: unit.keys.primary.clone(),
            token: unit.tokens.last().cloned().unwrap_or_default(),
        }
    }

    /// The right ones, with a token that lives for a while.
    fn young_credentials(&mut self, unit: usize) -> Result<Credentials, String> {
        let issued = self.units[unit]
            .tokens
            .last()
            .map_or(0, |token| token.issued);
        if self.now(unit) - issued > 45 * 60_000 {
            self.fetch_token(0, unit)?;
        }
        Ok(self.credentials(unit))
    }

    /// Writes down what came back, and compares it with what came back before under the same key.
    fn heard(&mut self, planned: &Planned, answered: &Answered) -> Step {
        let reply = &answered.reply;
        let order = &self.orders[planned.order];
        let unit = &self.units[order.unit];
        self.trace.line(format!(
            "  {} {}: {:?} -> {} {} {:?}",
            unit.name, order.id, planned.action, reply.status, reply.code, reply.facts
        ));
        self.trace.bytes(&answered.body);
        self.counts.did(planned.action.name());
        if reply.status >= 400 || !reply.code.is_empty() {
            *self
                .counts
                .refusals
                .entry(format!("{} {}", reply.status, reply.code))
                .or_default() += 1;
        }
        let (name, asked) = match &planned.action {
            Action::Capture(asked) => ("capture", asked),
            Action::Refund(asked) => ("refund", asked),
            _ => return Ok(()),
        };
        let (Some(key), 200) = (&asked.key, reply.status) else {
            return Ok(());
        };
        let place = (planned.order, name, key.clone());
        match self.replies.get(&place) {
            Some(before) if *before != answered.body => Err(format!(
                "{name} of {} under the key {key:?} was answered with other bytes than before:\n  {}\n  {}",
                order.id,
                String::from_utf8_lossy(before),
                String::from_utf8_lossy(&answered.body)
            )),
            Some(_) => {
                self.counts.did("same key, same bytes");
                Ok(())
            }
            None => {
                self.replies.insert(place, answered.body.clone());
                Ok(())
            }
        }
    }

    fn open_store(&mut self) -> Step {
        self.store = None;
        self.store = Some(match self.plan.store {
            Keeping::Memory => {
                let memory = Arc::new(MemoryStore::new());
                self.memory = Some(memory.clone());
                memory
            }
            Keeping::Sqlite => {
                let folder = match self.folder.take() {
                    Some(folder) => folder,
                    None => tempfile::tempdir().map_err(|error| error.to_string())?,
                };
                let store = SqliteStore::open(&folder.path().join("sim.db"));
                self.folder = Some(folder);
                Arc::new(store.map_err(|error| error.to_string())?)
            }
        });
        Ok(())
    }

    fn store(&self) -> &dyn Store {
        self.store
            .as_deref()
            .expect("the store is opened first of all")
    }

    /// What the store answers at once, as both stores do to whoever only reads.
    fn read<T>(
        &self,
        reading: impl Future<Output = Result<T, sandkasse_store::StoreError>>,
    ) -> Result<T, String> {
        let read = reading
            .now_or_never()
            .ok_or("a read of the store takes its time")?;
        read.map_err(|error| error.0)
    }

    fn start_node(&mut self, index: usize) -> Step {
        self.lives += 1;
        let store: Arc<dyn Store> = match &self.memory {
            Some(memory) if self.plan.nodes > 1 => {
                let clock = self.clock.clone();
                let member = Arc::new(memory.join(Arc::new(move || clock.now())));
                self.members[index] = Some(member.clone());
                member
            }
            Some(_) | None => self.store.clone().ok_or("there is no store")?,
        };
        let start = Start {
            store,
            in_turn: self.plan.store == Keeping::Sqlite,
            clock: self.clock.clone(),
            network: self.network.clone(),
            seed: self.plan.seed ^ (self.lives << 40),
            breakage: self.plan.breakage,
            runs_agenda: self.plan.store == Keeping::Memory && self.plan.seed % 2 == 1,
        };
        let node = Node::start(start).map_err(|error| format!("a node did not start: {error}"))?;
        self.nodes[index] = Some(node);
        Ok(())
    }
}

/// What a caller was told who got an answer, or none.
fn told(answered: Option<&Answered>) -> Told {
    answered.map_or(Told::Nothing, |answered| Told::Said(answered.reply.clone()))
}
