//! The rules of nftables that pick which packets are looked at, in a table of
//! Weir's own. Nothing in any other table is touched.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use super::nflog::BATCH;
use crate::source::Error;

/// The table, of family inet.
pub const TABLE: &str = "weir";

/// What the rules depend on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// Names of the interfaces to the LANs.
    pub interfaces: Vec<String>,
    /// The group of NFLOG.
    pub group: u16,
    /// Packets of each session that are looked at, both directions together.
    pub packets: u32,
    /// Bytes of each.
    pub snaplen: u32,
}

/// Removes the table if it is there, however it came about.
pub const REMOVAL: &str = "add table inet weir\ndelete table inet weir\n";

impl Plan {
    /// As `nft -f` reads it: the table as it shall be, in place of what there was.
    pub fn text(&self) -> String {
        let Plan { interfaces, group, packets, snaplen } = self;
        let names: Vec<String> = interfaces.iter().map(|name| format!("\"{name}\"")).collect();
        let lans = format!("{{ {} }}", names.join(", "));
        let log = format!("log group {group} snaplen {snaplen} queue-threshold {BATCH}");
        let mut text = format!("{REMOVAL}table inet {TABLE} {{\n");
        // Most packets are late ones: they meet one comparison and leave.
        let hook = "type filter hook";
        let _ = write!(
            text,
            "\tchain forward {{\n\
             \t\t{hook} forward priority filter - 5; policy accept;\n\
             \t\tct packets > {packets} goto late\n\
             \t\tiifname {lans} goto early\n\
             \t\toifname {lans} goto early\n\
             \t}}\n"
        );
        for (name, side) in [("input", "iifname"), ("output", "oifname")] {
            let _ = write!(
                text,
                "\tchain {name} {{\n\
                 \t\t{hook} {name} priority filter - 5; policy accept;\n\
                 \t\t{side} != {lans} return\n\
                 \t\tct packets > {packets} goto late\n\
                 \t\tgoto early\n\
                 \t}}\n"
            );
        }
        let _ = write!(
            text,
            "\tchain early {{\n\
             \t\t# Where nothing is counted, every packet would be an early one.\n\
             \t\tct packets 0 return\n\
             \t\tct state {{ invalid, untracked }} return\n\
             \t\tmeta l4proto tcp goto early_tcp\n\
             \t\t{log}\n\
             \t}}\n\
             \tchain early_tcp {{\n\
             \t\t# There is nothing to learn from an empty ACK.\n\
             \t\ttcp flags & (syn | fin | rst | psh) != 0x0 goto take\n\
             \t\tmeta nfproto ipv4 meta length <= 60 return\n\
             \t\tmeta nfproto ipv6 meta length <= 80 return\n\
             \t\t{log}\n\
             \t}}\n\
             \tchain late {{\n\
             \t\t# How it ends, and questions of DNS from a port that is kept.\n\
             \t\tmeta l4proto tcp tcp flags & (fin | rst) != 0x0 goto ours\n\
             \t\tudp dport 53 goto ours\n\
             \t\tudp sport 53 goto ours\n\
             \t}}\n\
             \tchain ours {{\n\
             \t\tiifname {lans} goto take\n\
             \t\toifname {lans} goto take\n\
             \t}}\n\
             \tchain take {{\n\
             \t\t{log}\n\
             \t}}\n\
             }}\n"
        );
        text
    }

    /// Puts the table in its place.
    pub fn install(&self) -> Result<(), Error> {
        // Names go between quotes, in which nft knows no escapes.
        if let Some(name) = self.interfaces.iter().find(|name| !is_plain(name)) {
            return Err(Error::Input(format!("{name:?} is no name of an interface")));
        }
        run(&self.text())
    }
}

/// Takes the table away.
pub fn remove() -> Result<(), Error> {
    run(REMOVAL)
}

fn is_plain(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '/' | '*');
    (1..16).contains(&name.len()) && name.chars().all(fits)
}

/// Lets nft carry out `text`: all of it, or nothing.
fn run(text: &str) -> Result<(), Error> {
    let failed = |error| Error::Failed(format!("nft: {error}; is nftables installed?"));
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
    use super::*;

    #[test]
    fn the_rules_name_what_they_were_told() {
        let plan =
            Plan { interfaces: vec!["br-lan".into(), "guest".into()], group: 7, packets: 16, snaplen: 4096 };
        let text = plan.text();
        assert!(text.starts_with(REMOVAL));
        assert!(text.contains("iifname { \"br-lan\", \"guest\" } goto early"), "{text}");
        assert!(text.contains("ct packets > 16 goto late"));
        assert_eq!(text.matches("log group 7 snaplen 4096 queue-threshold 32").count(), 3);
        assert_eq!(text.matches('{').count(), text.matches('}').count());
        assert!(text.lines().all(|line| line.starts_with("table inet weir") || !line.starts_with("table")));
    }

    #[test]
    fn a_name_can_not_break_out_of_its_quotes() {
        assert!(is_plain("br-lan") && is_plain("eth0.2") && is_plain("pppoe-wan"));
        for name in ["", "a\" }", "a\nb", "a b", "*", "a/b", "a234567890123456"] {
            assert!(!is_plain(name), "{name}");
        }
    }
}
