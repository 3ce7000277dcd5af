//! The engine's way to the merchants: the courier.

use async_trait::async_trait;
use sandkasse_courier::CourierHandle;
use sandkasse_domain::sales_unit::UrlPolicy;
use sandkasse_engine::Outgoing;
use sandkasse_hooks::HookCall;
use sandkasse_store::{CallFailure, CallOutcome, OutgoingCall, Partition};
use tokio::sync::broadcast;

use crate::traces::promised;

/// Hands calls over to the courier.
pub(crate) struct Messenger {
    courier: CourierHandle,
    local_urls: bool,
}

impl Messenger {
    /// Without `local_urls` every sales unit is treated as under the strict policy.
    pub(crate) fn new(courier: CourierHandle, local_urls: bool) -> Messenger {
        Messenger {
            courier,
            local_urls,
        }
    }

    /// The policy that holds for a sales unit with this one: where others can reach the platform,
    /// one of them could have it call into the network it stands in.
    pub(crate) fn policy(&self, policy: UrlPolicy) -> UrlPolicy {
        if self.local_urls {
            policy
        } else {
            UrlPolicy::Strict
        }
    }
}

#[async_trait]
impl Outgoing for Messenger {
    fn post(&self, partition: Partition, policy: UrlPolicy, call: OutgoingCall) {
        promised(&call.id);
        self.courier.post(partition, self.policy(policy), call);
    }

    fn post_owed(&self, partition: Partition, policy: UrlPolicy, call: OutgoingCall) {
        self.courier.post_owed(partition, self.policy(policy), call);
    }

    async fn ask(
        &self,
        partition: Partition,
        policy: UrlPolicy,
        call: OutgoingCall,
    ) -> CallOutcome {
        promised(&call.id);
        let policy = self.policy(policy);
        match self
            .courier
            .shipping_details(&partition, policy, call)
            .await
        {
            Ok(outcome) => outcome,
            Err(error) => {
                tracing::error!(msn = %partition.msn, %error, "a call was not made: it could not be noted");
                CallOutcome {
                    status: None,
                    failure: Some(CallFailure::Broken {
                        detail: "the call could not be noted, so it was not made".to_owned(),
                    }),
                    duration_ms: 0,
                    answer: None,
                }
            }
        }
    }

    async fn deliver(&self, policy: UrlPolicy, call: HookCall) -> CallOutcome {
        self.courier.deliver(self.policy(policy), call).await
    }

    fn ended(&self) -> Option<broadcast::Receiver<String>> {
        Some(self.courier.ended())
    }
}
