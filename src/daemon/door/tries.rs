//! How often one may guess. Time is how long the daemon runs.

use std::net::IpAddr;
use std::time::Duration;

use super::No;

/// Addresses whose wrong tries are remembered.
pub const MAX_PEERS: usize = 256;
/// Wrong tries that cost an address nothing; each one more doubles the wait…
const FREE_TRIES: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_secs(10);
/// …up to this, after which, and as long again, they are forgotten.
const LONGEST_WAIT: Duration = Duration::from_secs(900);
/// Wrong tries of all addresses together: as many at once, and then one as often.
pub const TRIES_OF_ALL: u32 = 60;
const TRY_EVERY: Duration = Duration::from_secs(10);

struct Peer {
    address: u128,
    wrong: u32,
    /// Until when it has to wait.
    until: Duration,
}

/// The wrong tries of everybody.
pub struct Tries {
    peers: Vec<Peer>,
    /// Wrong tries that all may still make, and since when they are counted.
    left: (u32, Duration),
}

/// An address, or the network of one: a host has 2^64 of IPv6.
pub fn network(from: &str) -> u128 {
    match from.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => u128::from(u32::from(address)),
        Ok(IpAddr::V6(address)) => match address.to_ipv4_mapped() {
            Some(address) => u128::from(u32::from(address)),
            None => u128::from(address) & !u128::from(u64::MAX),
        },
        Err(_) => u128::MAX,
    }
}

impl Tries {
    pub fn new() -> Tries {
        Tries { peers: Vec::new(), left: (TRIES_OF_ALL, Duration::ZERO) }
    }

    /// How many addresses are remembered.
    #[cfg(test)]
    pub fn peers(&self) -> usize {
        self.peers.len()
    }

    /// Lets `from` try, if it has tries left; what is wrong is counted.
    pub fn guess(&mut self, from: &str, now: Duration, is_right: impl FnOnce() -> bool) -> Result<(), No> {
        let address = network(from);
        let known = self.peers.iter().find(|peer| peer.address == address);
        if let Some(peer) = known
            && peer.until > now
        {
            return Err(No::Wait(peer.until - now));
        }
        let (left, since) = self.left;
        let more = now.saturating_sub(since).as_secs() / TRY_EVERY.as_secs();
        let left = left.saturating_add(u32::try_from(more).unwrap_or(u32::MAX)).min(TRIES_OF_ALL);
        let since = since + TRY_EVERY * u32::try_from(more).unwrap_or(u32::MAX);
        self.left = (left, since);
        if left == 0 {
            return Err(No::Wait((since + TRY_EVERY).saturating_sub(now)));
        }
        if is_right() {
            self.peers.retain(|peer| peer.address != address);
            return Ok(());
        }
        self.left.0 -= 1;
        self.count(address, now);
        Err(No::Wrong)
    }

    pub fn count(&mut self, address: u128, now: Duration) {
        self.peers.retain(|peer| now.saturating_sub(peer.until) < LONGEST_WAIT);
        let at = match self.peers.iter().position(|peer| peer.address == address) {
            Some(at) => at,
            None => {
                if self.peers.len() >= MAX_PEERS {
                    let soonest = (0..self.peers.len()).min_by_key(|&at| self.peers[at].until);
                    soonest.map(|at| self.peers.swap_remove(at));
                }
                self.peers.push(Peer { address, wrong: 0, until: now });
                self.peers.len() - 1
            }
        };
        let peer = &mut self.peers[at];
        peer.wrong += 1;
        let over = peer.wrong.saturating_sub(FREE_TRIES);
        let wait = if over == 0 { Duration::ZERO } else { FIRST_WAIT * (1 << (over - 1).min(7)) };
        peer.until = now + wait.min(LONGEST_WAIT);
    }
}
