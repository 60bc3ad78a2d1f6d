//! Who may open the pages: sign-in by password or by LuCI's ticket, and the
//! sessions that come of it. PHP asks; what counts is here, in memory, so that
//! nothing on flash lets anybody in. Time is how long the daemon runs.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::password::{self, objection, random, same};
use crate::wire::bytes::hex;

/// Sessions at once; one more ends the one that was idle longest.
const MAX_SESSIONS: usize = 64;
/// A session ends when nobody used it for this long…
const IDLE: Duration = Duration::from_secs(12 * 3600);
/// …and when it is this old.
const OLDEST: Duration = Duration::from_secs(30 * 24 * 3600);

/// Tickets that wait; one more takes the place of the oldest.
const MAX_TICKETS: usize = 16;
/// How long a ticket is good for.
pub const TICKET_FOR: Duration = Duration::from_secs(30);

/// Addresses whose wrong tries are remembered.
const MAX_PEERS: usize = 256;
/// Wrong tries that cost an address nothing; each one more doubles the wait…
const FREE_TRIES: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_secs(10);
/// …up to this, after which, and as long again, they are forgotten.
const LONGEST_WAIT: Duration = Duration::from_secs(900);
/// Wrong tries of all addresses together: as many at once, and then one as often.
const TRIES_OF_ALL: u32 = 60;
const TRY_EVERY: Duration = Duration::from_secs(10);

/// Why somebody does not come in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum No {
    /// Wrong password, code, ticket or session.
    Wrong,
    /// Too many tries; how long to wait.
    Wait(Duration),
    /// There is no password yet.
    Unset,
    /// The password can't be taken: short or odd.
    Poor(&'static str),
    /// The file of the password can't be read or written.
    File(String),
}

struct Session {
    token: String,
    csrf: String,
    begun: Duration,
    used: Duration,
    /// By LuCI's ticket: an administrator, who need not know the old password.
    is_admin: bool,
}

struct Peer {
    address: u128,
    wrong: u32,
    /// Until when it has to wait.
    until: Duration,
}

/// What a session is told of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pass {
    pub token: String,
    pub csrf: String,
    pub is_admin: bool,
}

/// How a new password is vouched for.
pub enum Voucher<'a> {
    /// The code in the log, while there is no password.
    Code(&'a str),
    /// A session with its CSRF token, and the old password.
    Session { token: &'a str, csrf: &'a str, old: &'a str },
}

pub struct Door {
    file: PathBuf,
    hash: Option<String>,
    code: String,
    sessions: Vec<Session>,
    tickets: Vec<(String, Duration)>,
    peers: Vec<Peer>,
    /// Wrong tries that all may still make, and since when they are counted.
    left: (u32, Duration),
}

fn token() -> String {
    hex(&random::<16>())
}

/// Eight digits, in two groups.
fn code() -> String {
    let number = u64::from_be_bytes(random()) % 100_000_000;
    format!("{:04}-{:04}", number / 10_000, number % 10_000)
}

/// An address, or the network of one: a host has 2^64 of IPv6.
fn network(from: &str) -> u128 {
    match from.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => u128::from(u32::from(address)),
        Ok(IpAddr::V6(address)) => match address.to_ipv4_mapped() {
            Some(address) => u128::from(u32::from(address)),
            None => u128::from(address) & !u128::from(u64::MAX),
        },
        Err(_) => u128::MAX,
    }
}

impl Door {
    pub fn new(file: PathBuf) -> Door {
        let hash = password::load(&file).ok().flatten();
        Door {
            file,
            hash,
            code: code(),
            sessions: Vec::new(),
            tickets: Vec::new(),
            peers: Vec::new(),
            left: (TRIES_OF_ALL, Duration::ZERO),
        }
    }

    /// The code that sets the first password.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Whether there is a password. `weir passwd` changes it from outside, and
    /// then nobody stays signed in. A file that can't be read is one that nobody knows.
    pub fn has_password(&mut self) -> bool {
        let hash = password::load(&self.file).unwrap_or_else(|_| Some(String::new()));
        if hash != self.hash {
            self.sessions.clear();
            self.hash = hash;
        }
        self.hash.is_some()
    }

    /// The session of `token`, if it is one.
    pub fn session(&mut self, token: &str, now: Duration) -> Option<Pass> {
        self.has_password();
        self.sessions.retain(|session| {
            now.saturating_sub(session.used) < IDLE && now.saturating_sub(session.begun) < OLDEST
        });
        let found =
            self.sessions.iter_mut().find(|session| same(session.token.as_bytes(), token.as_bytes()))?;
        found.used = now;
        Some(Pass { token: found.token.clone(), csrf: found.csrf.clone(), is_admin: found.is_admin })
    }

    fn admit(&mut self, is_admin: bool, now: Duration) -> Pass {
        if self.sessions.len() >= MAX_SESSIONS {
            let idle = (0..self.sessions.len()).min_by_key(|&at| self.sessions[at].used);
            idle.map(|at| self.sessions.swap_remove(at));
        }
        // Always a new one: what a browser brought before it signed in means nothing.
        let pass = Pass { token: token(), csrf: token(), is_admin };
        let (token, csrf) = (pass.token.clone(), pass.csrf.clone());
        self.sessions.push(Session { token, csrf, begun: now, used: now, is_admin });
        pass
    }

    /// Signs in by the password.
    pub fn sign_in(&mut self, password: &str, from: &str, now: Duration) -> Result<Pass, No> {
        if !self.has_password() {
            return Err(No::Unset);
        }
        let hash = self.hash.clone().unwrap_or_default();
        self.guess(from, now, |_| password.len() <= password::LONGEST && verified(password, &hash))?;
        Ok(self.admit(false, now))
    }

    /// A ticket for whoever LuCI let in.
    pub fn ticket(&mut self, now: Duration) -> String {
        self.tickets.retain(|(_, until)| *until > now);
        if self.tickets.len() >= MAX_TICKETS {
            self.tickets.remove(0);
        }
        let ticket = token();
        self.tickets.push((ticket.clone(), now + TICKET_FOR));
        ticket
    }

    /// Signs in by a ticket, which is used up.
    pub fn redeem(&mut self, ticket: &str, now: Duration) -> Result<Pass, No> {
        self.has_password();
        self.tickets.retain(|(_, until)| *until > now);
        let found = self.tickets.iter().position(|(known, _)| same(known.as_bytes(), ticket.as_bytes()));
        self.tickets.remove(found.ok_or(No::Wrong)?);
        Ok(self.admit(true, now))
    }

    /// Sets the password; everybody else is signed out.
    pub fn set(&mut self, new: &str, voucher: Voucher<'_>, from: &str, now: Duration) -> Result<Pass, No> {
        let has_password = self.has_password();
        let is_admin = match voucher {
            Voucher::Code(_) if has_password => return Err(No::Wrong),
            Voucher::Code(code) => {
                let digits =
                    |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>().into_bytes();
                self.guess(from, now, |door| same(&digits(&door.code), &digits(code)))?;
                false
            }
            Voucher::Session { token, csrf, old } => {
                let pass = self.checked(token, csrf, now)?;
                if has_password && !pass.is_admin {
                    let hash = self.hash.clone().unwrap_or_default();
                    self.guess(from, now, |_| old.len() <= password::LONGEST && verified(old, &hash))?;
                }
                pass.is_admin
            }
        };
        if let Some(why) = objection(new) {
            return Err(No::Poor(why));
        }
        let hash = password::hash(new);
        password::save(&self.file, &hash)
            .map_err(|error| No::File(format!("{}: {error}", self.file.display())))?;
        self.hash = Some(hash);
        self.sessions.clear();
        self.code = code();
        Ok(self.admit(is_admin, now))
    }

    /// Ends a session, or all of them.
    pub fn sign_out(&mut self, token: &str, csrf: &str, everywhere: bool, now: Duration) -> Result<(), No> {
        self.checked(token, csrf, now)?;
        self.sessions.retain(|session| !everywhere && session.token != token);
        Ok(())
    }

    /// Whether a session may change signatures and settings: said here for all that do.
    pub fn may_change(&mut self, token: &str, csrf: &str, now: Duration) -> Result<(), No> {
        self.checked(token, csrf, now).map(drop)
    }

    /// A session that showed its CSRF token as well.
    fn checked(&mut self, token: &str, csrf: &str, now: Duration) -> Result<Pass, No> {
        let pass = self.session(token, now).ok_or(No::Wrong)?;
        if same(pass.csrf.as_bytes(), csrf.as_bytes()) { Ok(pass) } else { Err(No::Wrong) }
    }

    /// Lets `from` try, if it has tries left; what is wrong is counted.
    fn guess(&mut self, from: &str, now: Duration, is_right: impl FnOnce(&Door) -> bool) -> Result<(), No> {
        let address = network(from);
        let known = self.peers.iter().position(|peer| peer.address == address);
        if let Some(peer) = known.map(|at| &self.peers[at])
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
        if is_right(self) {
            self.peers.retain(|peer| peer.address != address);
            return Ok(());
        }
        self.left.0 -= 1;
        self.count(address, now);
        Err(No::Wrong)
    }

    fn count(&mut self, address: u128, now: Duration) {
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

fn verified(password: &str, hash: &str) -> bool {
    password::verify(password, hash).unwrap_or(false)
}

#[cfg(test)]
mod tests;
