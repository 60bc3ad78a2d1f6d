//! The rules of nftables that pick which packets are looked at and stop what
//! is marked, in a table of Weir's own. Nothing in any other table is touched.

use std::fmt::Write as _;

use super::nflog::BATCH;
use crate::source::Error;

/// The table, of family inet.
pub const TABLE: &str = "weir";

/// Takes the table away if it is there, however it came about.
pub const REMOVAL: &str = "add table inet weir\ndelete table inet weir\n";

/// Before the firewall, which may drop or offload what it has seen enough of.
const HOOK: &str = "priority filter - 5; policy accept;";

/// What the rules depend on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// Names of the interfaces to the LANs.
    pub interfaces: Vec<String>,
    /// For heads.
    pub logging: Option<Logging>,
    /// Bits in conntrack's mark of what is to be stopped.
    pub mark: Option<u32>,
}

/// Which packets are looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Logging {
    /// The group of NFLOG.
    pub group: u16,
    /// Packets of each session, both directions together.
    pub packets: u32,
    /// Bytes of each.
    pub snaplen: u32,
}

impl Plan {
    /// As `nft -f` reads it: the table as it shall be, in place of what there was.
    pub fn text(&self) -> String {
        let mut text = format!("{REMOVAL}table inet {TABLE} {{\n");
        let names: Vec<String> = self.interfaces.iter().map(|name| format!("\"{name}\"")).collect();
        let lans = format!("{{ {} }}", names.join(", "));
        let _ = write!(text, "\tchain forward {{\n\t\ttype filter hook forward {HOOK}\n");
        if let Some(mark) = self.mark {
            let _ = writeln!(text, "\t\tct mark & {mark:#010x} == {mark:#010x} goto stopped");
        }
        if let Some(Logging { packets, .. }) = self.logging {
            // Most packets are late ones: they meet one comparison and leave.
            let _ = write!(
                text,
                "\t\tct packets > {packets} goto late\n\
                 \t\tiifname {lans} goto early\n\
                 \t\toifname {lans} goto early\n"
            );
        }
        text.push_str("\t}\n");
        if let Some(logging) = self.logging {
            logging.write(&lans, &mut text);
        }
        if self.mark.is_some() {
            text.push_str(STOPPED);
        }
        text.push_str("}\n");
        text
    }

    /// Refuses what would mean something else to nft.
    pub fn check(&self) -> Result<(), Error> {
        // Names go between quotes, in which nft knows no escapes.
        match self.interfaces.iter().find(|name| !is_plain(name)) {
            Some(name) => Err(Error::Input(format!("{name:?} is no name of an interface"))),
            None => Ok(()),
        }
    }
}

/// Bytes of a packet that is one of many: heads and banners have fewer, or are the first.
const LARGE: u32 = 1000;

/// Both ends learn at once that it is over. The client's next packet gets a
/// RST, or that it is prohibited; the server's next one reaches the client,
/// which has nothing open there any more and answers with a RST that fits.
const STOPPED: &str = "\
\tchain stopped {
\t\ttcp flags & rst != 0x0 accept
\t\tct direction original goto refused
\t\tmeta l4proto tcp accept
\t\tdrop
\t}
\tchain refused {
\t\tmeta l4proto tcp reject with tcp reset
\t\treject with icmpx admin-prohibited
\t}
";

impl Logging {
    /// The chains of what is looked at. `lans` is a set of interfaces.
    fn write(&self, lans: &str, text: &mut String) {
        let Logging { group, packets, snaplen } = self;
        let answers = packets / 2;
        let log = format!("log group {group} snaplen {snaplen} queue-threshold {BATCH}");
        for (name, side) in [("input", "iifname"), ("output", "oifname")] {
            let _ = write!(
                text,
                "\tchain {name} {{\n\
                 \t\ttype filter hook {name} {HOOK}\n\
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
             \t\t# A server has told who it is by now; what fills packets is a download.\n\
             \t\tct direction reply ct reply packets > {answers} meta length > {LARGE} \
             tcp flags & (fin | rst) == 0x0 return\n\
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
             \t}}\n"
        );
    }
}

fn is_plain(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '/' | '*');
    (1..16).contains(&name.len()) && name.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(logging: bool, mark: Option<u32>) -> Plan {
        Plan {
            interfaces: vec!["br-lan".into(), "guest".into()],
            logging: logging.then_some(Logging { group: 7, packets: 16, snaplen: 4096 }),
            mark,
        }
    }

    #[test]
    fn the_rules_name_what_they_were_told() {
        let text = plan(true, None).text();
        assert!(text.starts_with(REMOVAL));
        assert!(text.contains("iifname { \"br-lan\", \"guest\" } goto early"), "{text}");
        assert!(text.contains("ct packets > 16 goto late"));
        assert_eq!(text.matches("log group 7 snaplen 4096 queue-threshold 32").count(), 3);
        assert!(!text.contains("reject"));
        for text in [text, plan(false, Some(1)).text(), plan(true, Some(1 << 30)).text()] {
            assert_eq!(text.matches('{').count(), text.matches('}').count());
            assert!(
                text.lines().all(|line| line.starts_with("table inet weir") || !line.starts_with("table"))
            );
        }
    }

    #[test]
    fn what_is_marked_meets_its_rule_first() {
        let text = plan(true, Some(1 << 30)).text();
        let at = |what: &str| text.find(what).unwrap();
        assert!(at("ct mark & 0x40000000 == 0x40000000 goto stopped") < at("ct packets"));
        assert!(!plan(false, Some(1)).text().contains("log"));
    }

    #[test]
    fn a_name_can_not_break_out_of_its_quotes() {
        assert!(is_plain("br-lan") && is_plain("eth0.2") && is_plain("pppoe-wan"));
        for name in ["", "a\" }", "a\nb", "a b", "*", "a/b", "a234567890123456"] {
            assert!(!is_plain(name), "{name}");
        }
        let bad = Plan { interfaces: vec!["x\" }".into()], ..plan(true, None) };
        assert_eq!(bad.check(), Err(Error::Input("\"x\\\" }\" is no name of an interface".into())));
    }
}
