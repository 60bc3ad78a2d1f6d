//! Who may open the pages: sign-in by password or by LuCI's ticket, and the
//! sessions that come of it. PHP asks; what counts is here, in memory, so that
//! nothing on flash lets anybody in. Time is how long the daemon runs.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use self::keys::Keys;
use self::tries::Tries;
use super::files::beside;
use super::password::{self, objection, random, same};
use crate::wire::bytes::hex;

pub mod asked;
pub mod keys;
mod tries;

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

/// Why somebody does not come in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum No {
    /// Wrong password, code, ticket or session.
    Wrong,
    /// Too many tries; how long to wait.
    Wait(Duration),
    /// There is no password yet.
    Unset,
    /// A guest changes nothing.
    Guest,
    /// The password or the name can't be taken; why.
    Poor(&'static str),
    /// The file of a password or of the tokens can't be read or written.
    File(String),
}

/// What somebody who is signed in may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Everything.
    Admin,
    /// Looks at what the pages show, and changes nothing.
    Guest,
}

struct Session {
    token: String,
    csrf: String,
    begun: Duration,
    used: Duration,
    role: Role,
    /// By LuCI's ticket: whoever has that need not know the old password.
    by_ticket: bool,
}

/// What a session is told of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pass {
    pub token: String,
    pub csrf: String,
    pub role: Role,
    pub by_ticket: bool,
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
    /// The hash of the guests' password, if there is one.
    guest: Option<String>,
    code: String,
    sessions: Vec<Session>,
    tickets: Vec<(String, Duration)>,
    tries: Tries,
    keys: Keys,
}

fn token() -> String {
    hex(&random::<16>())
}

/// Eight digits, in two groups.
fn code() -> String {
    let number = u64::from_be_bytes(random()) % 100_000_000;
    format!("{:04}-{:04}", number / 10_000, number % 10_000)
}

/// The hash in the file at `path`. One that can't be read is one that nobody knows.
fn stored(path: &Path) -> Option<String> {
    password::load(path).unwrap_or_else(|_| Some(String::new()))
}

/// Whether `password` is the one of `hash`.
fn fits(password: &str, hash: Option<&String>) -> bool {
    let verified = |hash: &String| password::verify(password, hash).unwrap_or(false);
    password.len() <= password::LONGEST && hash.is_some_and(verified)
}

fn file_trouble(path: &Path, error: &io::Error) -> No {
    No::File(format!("{}: {error}", path.display()))
}

impl Door {
    pub fn new(file: PathBuf) -> Door {
        let mut door = Door {
            keys: Keys::beside(&file),
            file,
            hash: None,
            guest: None,
            code: code(),
            sessions: Vec::new(),
            tickets: Vec::new(),
            tries: Tries::new(),
        };
        door.has_password();
        door
    }

    /// The code that sets the first password.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Whether there is a password. `weir passwd` changes it from outside, and
    /// then nobody stays signed in whose it was.
    pub fn has_password(&mut self) -> bool {
        let (hash, guest) = (stored(&self.file), stored(&self.guest_file()));
        if hash != self.hash {
            self.sessions.clear();
            self.hash = hash;
        }
        if guest != self.guest {
            self.sessions.retain(|session| session.role != Role::Guest);
            self.guest = guest;
        }
        self.hash.is_some()
    }

    fn guest_file(&self) -> PathBuf {
        beside(&self.file, password::GUEST)
    }

    /// Whether there is a password for guests.
    pub fn has_guest(&mut self) -> bool {
        self.has_password();
        self.guest.is_some()
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
        Some(Pass {
            token: found.token.clone(),
            csrf: found.csrf.clone(),
            role: found.role,
            by_ticket: found.by_ticket,
        })
    }

    fn admit(&mut self, role: Role, by_ticket: bool, now: Duration) -> Pass {
        if self.sessions.len() >= MAX_SESSIONS {
            let idle = (0..self.sessions.len()).min_by_key(|&at| self.sessions[at].used);
            idle.map(|at| self.sessions.swap_remove(at));
        }
        // Always a new one: what a browser brought before it signed in means nothing.
        let pass = Pass { token: token(), csrf: token(), role, by_ticket };
        let (token, csrf) = (pass.token.clone(), pass.csrf.clone());
        self.sessions.push(Session { token, csrf, begun: now, used: now, role, by_ticket });
        pass
    }

    /// Signs in by the password, or by that of guests.
    pub fn sign_in(&mut self, password: &str, from: &str, now: Duration) -> Result<Pass, No> {
        if !self.has_password() {
            return Err(No::Unset);
        }
        let mut role = Role::Admin;
        self.tries.guess(from, now, || {
            if fits(password, self.hash.as_ref()) {
                return true;
            }
            role = Role::Guest;
            fits(password, self.guest.as_ref())
        })?;
        Ok(self.admit(role, false, now))
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
        Ok(self.admit(Role::Admin, true, now))
    }

    /// Sets the password; everybody else is signed out.
    pub fn set(&mut self, new: &str, voucher: Voucher<'_>, from: &str, now: Duration) -> Result<Pass, No> {
        let has_password = self.has_password();
        let by_ticket = match voucher {
            Voucher::Code(_) if has_password => return Err(No::Wrong),
            Voucher::Code(code) => {
                let digits =
                    |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>().into_bytes();
                self.tries.guess(from, now, || same(&digits(&self.code), &digits(code)))?;
                false
            }
            Voucher::Session { token, csrf, old } => {
                let pass = self.admin(token, csrf, now)?;
                if has_password && !pass.by_ticket {
                    self.tries.guess(from, now, || fits(old, self.hash.as_ref()))?;
                }
                pass.by_ticket
            }
        };
        if let Some(why) = objection(new).or(fits(new, self.guest.as_ref()).then_some("same")) {
            return Err(No::Poor(why));
        }
        let hash = password::hash(new);
        password::save(&self.file, &hash).map_err(|error| file_trouble(&self.file, &error))?;
        self.hash = Some(hash);
        self.sessions.clear();
        self.code = code();
        Ok(self.admit(Role::Admin, by_ticket, now))
    }

    /// Sets the guests' password, or takes it away where `new` is empty; guests who
    /// are signed in have to do it again.
    pub fn set_guest(&mut self, new: &str, token: &str, csrf: &str, now: Duration) -> Result<(), No> {
        self.may_change(token, csrf, now)?;
        let file = self.guest_file();
        if new.is_empty() {
            password::remove(&file).map_err(|error| file_trouble(&file, &error))?;
        } else {
            // Guests would be administrators.
            if let Some(why) = objection(new).or(fits(new, self.hash.as_ref()).then_some("same")) {
                return Err(No::Poor(why));
            }
            password::save(&file, &password::hash(new)).map_err(|error| file_trouble(&file, &error))?;
        }
        self.has_password();
        Ok(())
    }

    /// Ends a session, or all of them, which a guest may not.
    pub fn sign_out(&mut self, token: &str, csrf: &str, everywhere: bool, now: Duration) -> Result<(), No> {
        let pass = self.checked(token, csrf, now)?;
        if everywhere && pass.role == Role::Guest {
            return Err(No::Guest);
        }
        self.sessions.retain(|session| !everywhere && session.token != token);
        Ok(())
    }

    /// Whether a session may change anything: said here for all that do.
    pub fn may_change(&mut self, token: &str, csrf: &str, now: Duration) -> Result<(), No> {
        self.admin(token, csrf, now).map(drop)
    }

    fn admin(&mut self, token: &str, csrf: &str, now: Duration) -> Result<Pass, No> {
        let pass = self.checked(token, csrf, now)?;
        if pass.role == Role::Admin { Ok(pass) } else { Err(No::Guest) }
    }

    /// A session that showed its CSRF token as well.
    fn checked(&mut self, token: &str, csrf: &str, now: Duration) -> Result<Pass, No> {
        let pass = self.session(token, now).ok_or(No::Wrong)?;
        if same(pass.csrf.as_bytes(), csrf.as_bytes()) { Ok(pass) } else { Err(No::Wrong) }
    }

    /// The tokens of programs.
    pub fn keys(&mut self) -> &mut Keys {
        &mut self.keys
    }
}

#[cfg(test)]
mod tests;
