//! What stands before the platform and lets through what it would refuse: broken on purpose.

use super::World;
use crate::{
    breakage::Breakage,
    call::{Answered, Call},
};

impl World {
    /// Whether this refusal is one that a broken rule would not give.
    pub(super) fn breaks_at_the_door(&self, answered: &Option<Answered>) -> bool {
        let status = answered
            .as_ref()
            .map_or(0, |answered| answered.reply.status);
        match self.plan.breakage {
            Some(Breakage::OneCallMore) => status == 429,
            Some(Breakage::TokensLiveOn) => status == 401,
            _ => false,
        }
    }

    /// The same call, with whatever stood against it out of the way.
    pub(super) fn let_through(
        &mut self,
        index: usize,
        mut call: Call,
    ) -> Result<Option<Answered>, String> {
        if self.plan.breakage == Some(Breakage::OneCallMore) {
            self.node(index).platform.gate.rates.clear();
        } else {
            let unit = self.units.iter().position(|unit| unit.msn == call.msn);
            call.with.token = self.fetch_token(index, unit.unwrap_or_default())?;
        }
        let platform = self.node(index).platform.clone();
        Ok(self.node(index).run(call.make(platform)))
    }
}
