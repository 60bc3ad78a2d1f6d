//! The table of nftables that is Weir's own: put there, kept there, and taken
//! away at the end.

use std::io;
use std::io::Write as _;
use std::os::fd::RawFd;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::netlink::{Message, Read, Socket, messages};
use super::rules::{Plan, REMOVAL, TABLE};
use crate::source::Error;
use crate::time::Time;

/// The kernel's numbers: linux/netfilter/nfnetlink.h and nf_tables.h.
const GROUP_NFTABLES: i32 = 7;
const NEW_TABLE: u16 = 10 << 8;
const DELETED_TABLE: u16 = NEW_TABLE | 2;
const TABLE_NAME: u16 = 1;

/// Who takes it away again and again is not fought.
const PAUSE: Duration = Duration::from_secs(1);

/// See the module's text. It goes when this does.
pub struct Table {
    plan: Plan,
    /// Tells when somebody takes it away, as a firewall does that is stopped.
    watch: Socket,
    is_there: bool,
    put_at: Time,
}

impl Table {
    /// Puts the table of `plan` in its place.
    pub fn put(plan: Plan, now: Time) -> Result<Table, Error> {
        let watch = Socket::open(64 << 10).and_then(|socket| socket.join(GROUP_NFTABLES).map(|()| socket));
        let watch = watch.map_err(|error| Error::Failed(format!("nftables: {error}")))?;
        let table = Table { plan, watch, is_there: true, put_at: now };
        table.install()?;
        Ok(table)
    }

    pub fn descriptor(&self) -> RawFd {
        self.watch.descriptor()
    }

    /// Puts it back when somebody took it away.
    pub fn keep(&mut self, now: Time) -> Result<(), Error> {
        let mut buffer = [0; 8192];
        loop {
            match self.watch.read(&mut buffer).map_err(|error| Error::Failed(format!("nftables: {error}")))? {
                Read::Empty => break,
                Read::Overrun => self.is_there = false,
                Read::Bytes(length) => {
                    for message in messages(&buffer[..length]) {
                        self.is_there = change(&message).unwrap_or(self.is_there);
                    }
                }
            }
        }
        if !self.is_there && now.since(self.put_at) >= PAUSE {
            (self.put_at, self.is_there) = (now, true);
            log::warn!("nftables: the table {TABLE} was taken away; it is put back");
            self.install()?;
        }
        Ok(())
    }

    fn install(&self) -> Result<(), Error> {
        self.plan.check()?;
        run(&self.plan.text())
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        if let Err(error) = remove() {
            log::warn!("{error}; the table {TABLE} may still be there");
        }
    }
}

/// Takes the table away, if it is there.
pub fn remove() -> Result<(), Error> {
    run(REMOVAL)
}

/// Whether our table is there after the change that `message` tells of.
fn change(message: &Message<'_>) -> Option<bool> {
    if message.kind != NEW_TABLE && message.kind != DELETED_TABLE {
        return None;
    }
    let (_, name) = message.attributes().find(|(kind, _)| *kind == TABLE_NAME)?;
    let is_ours = name.strip_suffix(b"\0").unwrap_or(name) == TABLE.as_bytes();
    is_ours.then_some(message.kind == NEW_TABLE)
}

/// Lets nft carry out `text`: all of it, or nothing.
fn run(text: &str) -> Result<(), Error> {
    let failed = |error: io::Error| Error::Failed(format!("nft: {error}; is nftables installed?"));
    let mut child = Command::new("nft")
        .args(["-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    if let Some(mut input) = child.stdin.take() {
        // An early end says why on its standard error.
        let _ = input.write_all(text.as_bytes());
    }
    let done = child.wait_with_output().map_err(failed)?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    let first = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("failed");
    Err(Error::Failed(format!("nft: {first}")))
}

#[cfg(test)]
mod tests {
    use super::super::netlink::Request;
    use super::*;

    #[test]
    fn only_our_own_table_matters() {
        let told = |kind, name: &[u8]| {
            let body = Request::new(10, 0, 0, 0, 0).with(TABLE_NAME, name).into_body();
            change(&Message { kind, body: &body })
        };
        assert_eq!(told(NEW_TABLE, b"weir\0"), Some(true));
        assert_eq!(told(DELETED_TABLE, b"weir\0"), Some(false));
        assert_eq!(told(DELETED_TABLE, b"fw4\0"), None);
        assert_eq!(told(NEW_TABLE | 5, b"weir\0"), None);
    }
}
