//! Whom load is for, and the loads that several runs have in common.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::load::{self, Achieved};
use crate::process::pause;
use crate::shop::{Initiating, Living, Looking, Orders, Shop};
use crate::sink::Sink;

/// Callbacks still on their way get so long to arrive.
const CALLBACK_LIMIT: Duration = Duration::from_secs(5);

/// Servers and sales units. Each connection's calls are for one sales unit, and go to the servers in turn.
pub(crate) struct Target {
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) shops: Vec<Rc<Shop>>,
}

/// Whole lives, and the callbacks they brought.
pub(crate) struct Lives {
    pub(crate) achieved: Achieved,
    pub(crate) lives: u64,
    pub(crate) callbacks: u64,
}

impl Target {
    pub(crate) fn one(address: SocketAddr, shop: &Rc<Shop>) -> Self {
        Self {
            addresses: vec![address],
            shops: vec![Rc::clone(shop)],
        }
    }

    fn shop(&self, connection: usize) -> anyhow::Result<Rc<Shop>> {
        let shop = self.shops.get(connection % self.shops.len().max(1));
        Ok(Rc::clone(shop.context("no sales unit")?))
    }

    /// Makes payments, over each connection at most so many; also what was made.
    pub(crate) async fn initiate(
        &self,
        tag: &str,
        connections: usize,
        time: Duration,
        most_each: u64,
    ) -> anyhow::Result<(Achieved, Vec<Orders>)> {
        let mut jobs = Vec::new();
        for (number, orders) in Orders::series(tag, connections).into_iter().enumerate() {
            jobs.push(Initiating {
                shop: self.shop(number)?,
                orders,
                most: most_each,
            });
        }
        let (achieved, jobs) = load::run_on(&self.addresses, jobs, time).await?;
        Ok((achieved, jobs.into_iter().map(|job| job.orders).collect()))
    }

    /// Looks at what was made, which was made with the same sales units over as many connections or more.
    pub(crate) async fn details(
        &self,
        made: &[Orders],
        connections: usize,
        time: Duration,
    ) -> anyhow::Result<Achieved> {
        let units = self.shops.len().max(1);
        let of_units: Vec<Rc<Vec<Orders>>> = (0..units)
            .map(|unit| Rc::new(made.iter().skip(unit).step_by(units).cloned().collect()))
            .collect();
        let mut jobs = Vec::new();
        for number in 0..connections {
            let made = of_units.get(number % units).context("no orders")?;
            jobs.push(Looking {
                shop: self.shop(number)?,
                made: Rc::clone(made),
                at: number as u64 * 104_729,
            });
        }
        Ok(load::run_on(&self.addresses, jobs, time).await?.0)
    }

    /// Whole lives; their callbacks go to `sink`.
    pub(crate) async fn lives(
        &self,
        connections: usize,
        time: Duration,
        sink: &Sink,
    ) -> anyhow::Result<Lives> {
        let before = sink.received();
        let mut jobs = Vec::new();
        for (number, orders) in Orders::series("life", connections).into_iter().enumerate() {
            let shop = self.shop(number)?;
            jobs.push(Living { shop, orders });
        }
        let (achieved, jobs) = load::run_on(&self.addresses, jobs, time).await?;
        let lives = jobs.iter().map(|job| job.orders.made).sum();
        let ended = Instant::now();
        while sink.received() - before < lives && ended.elapsed() < CALLBACK_LIMIT {
            pause(Duration::from_millis(10)).await;
        }
        Ok(Lives {
            achieved,
            lives,
            callbacks: sink.received() - before,
        })
    }
}
