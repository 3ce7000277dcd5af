//! From a target to a connection: find its addresses, judge every one, connect to one of them.

use std::net::SocketAddr;
use std::time::Duration;

use sandkasse_domain::sales_unit::UrlPolicy;
use sandkasse_store::CallFailure;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::Courier;
use crate::address::{AddressRule, judge_address, judge_manner};
use crate::url::{Host, Target};

/// No more addresses of one name are tried.
const MAX_ADDRESSES_TRIED: usize = 8;

impl Courier {
    /// Asks DNS once. One forbidden address forbids the name: a name that has both public and
    /// private addresses is a mistake or a trap.
    pub(super) async fn addresses(
        &self,
        target: &Target,
        policy: UrlPolicy,
    ) -> Result<Vec<SocketAddr>, CallFailure> {
        let addresses = match &target.host {
            Host::Address(address) => vec![SocketAddr::new(*address, target.port)],
            Host::Name(name) => {
                let none = |detail: String| CallFailure::Dns {
                    host: name.clone(),
                    detail,
                };
                let found = self
                    .resolver
                    .resolve(name, target.port)
                    .await
                    .map_err(|error| none(error.to_string()))?;
                if found.is_empty() {
                    return Err(none("no address".to_owned()));
                }
                found
            }
        };
        for address in &addresses {
            judge_address(*address, policy, &self.config.own)
                .and_then(|()| judge_manner(*address, target.scheme, policy, &self.config.ports))
                .map_err(|rule| forbidden(target, rule))?;
        }
        Ok(addresses)
    }
}

/// Connects to the first address that answers. An address that keeps silent gets only its share
/// of the time left, so that the others have a chance.
pub(super) async fn connect(
    addresses: &[SocketAddr],
    target: &Target,
    own: &[SocketAddr],
    deadline: Instant,
) -> Result<TcpStream, CallFailure> {
    let refused = |detail: String| CallFailure::Refused {
        target: place(target),
        detail,
    };
    let mut last = refused("no address".to_owned());
    let tried = addresses.len().min(MAX_ADDRESSES_TRIED);
    for (address, left) in addresses.iter().zip((1..=tried).rev()) {
        match tokio::time::timeout(share(deadline, left), TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return verify(stream, *address, target, own),
            Ok(Err(error)) => last = refused(error.to_string()),
            Err(_) => last = refused("no answer to the connection request".to_owned()),
        }
    }
    Err(last)
}

/// The last address gets all that is left and more: then it is the call's own limit that ends it.
fn share(deadline: Instant, left: usize) -> Duration {
    let remaining = deadline.saturating_duration_since(Instant::now());
    match u32::try_from(left) {
        Ok(left) if left > 1 => remaining / left,
        Ok(_) | Err(_) => remaining + Duration::from_secs(1),
    }
}

/// Looks where the connection went, before anything is sent.
fn verify(
    stream: TcpStream,
    address: SocketAddr,
    target: &Target,
    own: &[SocketAddr],
) -> Result<TcpStream, CallFailure> {
    let refused = |error: std::io::Error| CallFailure::Refused {
        target: place(target),
        detail: error.to_string(),
    };
    let peer = stream.peer_addr().map_err(refused)?;
    let local = stream.local_addr().map_err(refused)?;
    if peer.ip().to_canonical() != address.ip().to_canonical() || peer.port() != address.port() {
        return Err(forbidden(target, AddressRule::OtherPeer));
    }
    // A port nobody listens on can, by chance, be the one this very connection was given.
    if peer == local {
        return Err(CallFailure::Refused {
            target: place(target),
            detail: "connected to itself".to_owned(),
        });
    }
    // The same address at both ends: this machine. Then a listener on all addresses is meant too.
    let ours = |own: &SocketAddr| own.port() == peer.port() && own.ip().is_unspecified();
    if peer.ip() == local.ip() && own.iter().any(ours) {
        return Err(forbidden(target, AddressRule::OwnListener));
    }
    stream.set_nodelay(true).map_err(refused)?;
    Ok(stream)
}

fn forbidden(target: &Target, rule: AddressRule) -> CallFailure {
    CallFailure::Forbidden {
        target: place(target),
        rule: rule.name().to_owned(),
    }
}

fn place(target: &Target) -> String {
    format!("{}:{}", target.host, target.port)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sandkasse_domain::sales_unit::UrlPolicy::Local;
    use sandkasse_store::CallFailure;
    use tokio::time::Instant;

    use super::connect;
    use crate::judge_prefix;
    use crate::testing::{OK, Receiver};

    /// The platform listens on every address, and one of the machine's own is the target. Which
    /// ones those are only a connection tells; loopback stands in for them here.
    #[tokio::test]
    async fn a_listener_on_all_addresses_is_recognised_before_anything_is_sent() {
        let receiver = Receiver::answering(OK).await;
        let target = judge_prefix(&receiver.url(""), Local).unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        for (own, other) in [("0.0.0.0", "127.0.0.9"), ("[::]", "[::1]")] {
            let all = format!("{own}:{}", target.port).parse().unwrap();
            let elsewhere = format!("{other}:{}", target.port).parse().unwrap();
            let failed = connect(&[receiver.address], &target, &[elsewhere, all], deadline)
                .await
                .unwrap_err();
            let rule = "own-listener".to_owned();
            assert_eq!(
                failed,
                CallFailure::Forbidden {
                    target: receiver.address.to_string(),
                    rule
                }
            );
            assert!(
                connect(&[receiver.address], &target, &[elsewhere], deadline)
                    .await
                    .is_ok()
            );
        }
        assert_eq!(receiver.requests().len(), 0);
    }
}
